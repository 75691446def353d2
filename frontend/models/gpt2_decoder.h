// Going on from tokens with GPT-2: two programs, for a prompt and for one token, that share the
// parameters and a cache of keys and values.
#pragma once

#include "frontend/models/gpt2.h"

#include <span>

namespace weir::models {

class Gpt2Decoder {
public:
  /// `weights`: a safetensors file with GPT-2's key names.
  explicit Gpt2Decoder(const std::string &weights, CompileOptions compile = {},
                       Location at = Location::current());

  /// Logits [vocabulary] after the tokens so far and `tokens`. Errors: none, more than the context
  /// has room for, one that is not in the vocabulary.
  Array extend(std::span<const int32_t> tokens, Location at = Location::current());
  /// Tokens so far.
  int64_t length() const { return position; }
  /// As if there had been none.
  void restart() { position = 0; }
  const Gpt2Options &options() const { return model; }

private:
  Gpt2Options model;
  int64_t chunk; ///< tokens that `prompt` takes
  Program prompt, step;
  int64_t position = 0;
};

} // namespace weir::models
