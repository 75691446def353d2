#include "frontend/models/decoder.h"

#include <algorithm>

namespace weir::models {

Array Decoder::extend(std::span<const int32_t> tokens, Location at) {
  CallScope scope(at);
  if (tokens.empty()) throw Error(name + ": there are no tokens to go on from", at);
  if (position + static_cast<int64_t>(tokens.size()) > most)
    throw Error(name + ": " + std::to_string(position) + " tokens and " +
                    std::to_string(tokens.size()) + " more do not fit the context of " +
                    std::to_string(most),
                at);
  for (int32_t token : tokens)
    if (token < 0 || token >= vocabulary)
      throw Error(name + ": token " + std::to_string(token) + " is not one of " +
                      std::to_string(vocabulary),
                  at);
  Array logits;
  while (!tokens.empty()) {
    const Array start = Array::scalar(static_cast<int32_t>(position));
    // A chunk lies within the context whole; what it has beyond the tokens is overwritten later.
    const bool isChunk = tokens.size() > 1 && position + chunk <= most && chunk > 1;
    const auto count = isChunk ? std::min<size_t>(tokens.size(), static_cast<size_t>(chunk)) : 1;
    std::vector<int32_t> part(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(count));
    part.resize(isChunk ? static_cast<size_t>(chunk) : 1, 0);
    Feeds feeds{{"tokens", Array::from<int32_t>({1, static_cast<int64_t>(part.size())}, part)},
                {"start", start}};
    if (isChunk) feeds.emplace("last", Array::scalar(static_cast<int32_t>(count - 1)));
    logits = (isChunk ? prompt : step).run(feeds, {}, at)["logits"];
    position += static_cast<int64_t>(count);
    tokens = tokens.subspan(count);
  }
  return logits.reshaped({vocabulary});
}

std::span<const int32_t> windowOf(const std::vector<int32_t> &text, int64_t context) {
  std::span<const int32_t> all(text);
  if (static_cast<int64_t>(all.size()) <= context) return all;
  return all.last(static_cast<size_t>(std::max<int64_t>(context / 2, 1)));
}

Array TextDecoder::operator()(const std::vector<int32_t> &text, Location at) {
  std::span<const int32_t> more = std::span(text).subspan(known);
  if (decoder.length() + static_cast<int64_t>(more.size()) > decoder.context()) {
    decoder.restart();
    more = windowOf(text, decoder.context());
  }
  known = text.size();
  return decoder.extend(more, at);
}

} // namespace weir::models
