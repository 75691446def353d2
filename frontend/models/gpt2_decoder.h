// Going on from tokens with GPT-2.
#pragma once

#include "frontend/models/decoder.h"
#include "frontend/models/gpt2.h"

namespace weir::models {

class Gpt2Decoder : public Decoder {
public:
  /// `weights`: a safetensors file with GPT-2's key names.
  explicit Gpt2Decoder(const std::string &weights, CompileOptions compile = {},
                       Location at = Location::current());
  const Gpt2Options &options() const { return model; }

private:
  Gpt2Decoder(const Gpt2Options &model, const std::string &weights, const CompileOptions &compile,
              Location at);
  Gpt2Options model;
};

} // namespace weir::models
