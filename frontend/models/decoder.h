// Going on from tokens with a cache of keys and values: two programs, for a prompt and for one
// token, that share the parameters and the cache.
#pragma once

#include "frontend/api/program.h"

#include <span>

namespace weir::models {

/// How many tokens of a prompt are taken at once, at most.
inline constexpr int64_t kPromptChunk = 32;

class Decoder {
public:
  /// `prompt`: inputs "tokens" i32[1, chunk], "start" i32[], "last" i32[] (with chunk > 1), output
  /// "logits" [1, vocabulary] after token `last` of these. `step`: the same for one token. Their
  /// variables are shared. `name` is what errors call the model.
  Decoder(std::string name, int64_t vocabulary, int64_t context, int64_t chunk, Program prompt,
          Program step)
      : name(std::move(name)), vocabulary(vocabulary), most(context), chunk(chunk),
        prompt(std::move(prompt)), step(std::move(step)) {}

  /// Logits [vocabulary] after the tokens so far and `tokens`. Errors: none, more than the context
  /// has room for, one that is not in the vocabulary.
  Array extend(std::span<const int32_t> tokens, Location at = Location::current());
  /// Tokens so far.
  int64_t length() const { return position; }
  int64_t context() const { return most; }
  /// As if there had been none.
  void restart() { position = 0; }

private:
  std::string name;
  int64_t vocabulary, most, chunk;
  Program prompt, step;
  int64_t position = 0;
};

/// Logits after a whole text, of which `decoder` has seen all but the last tokens in earlier calls.
/// A text that does not fit the context is taken up again from its last half context.
class TextDecoder {
public:
  explicit TextDecoder(Decoder decoder) : decoder(std::move(decoder)) {}
  Array operator()(const std::vector<int32_t> &text, Location at = Location::current());

private:
  Decoder decoder;
  size_t known = 0; ///< tokens of the text that the decoder has seen
};

/// The last tokens of `text`: half of the context when it does not fit.
std::span<const int32_t> windowOf(const std::vector<int32_t> &text, int64_t context);

} // namespace weir::models
