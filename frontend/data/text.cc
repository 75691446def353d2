#include "frontend/data/text.h"

#include <algorithm>
#include <numeric>

namespace weir::data {

CharTokenizer::CharTokenizer(std::string_view text) {
  tokenOf.fill(-1);
  for (char c : text) tokenOf[static_cast<uint8_t>(c)] = 0;
  for (int byte = 0; byte < 256; ++byte)
    if (tokenOf[byte] == 0) {
      tokenOf[byte] = static_cast<int32_t>(alphabet.size());
      alphabet += static_cast<char>(byte);
    }
}

std::vector<int32_t> CharTokenizer::encode(std::string_view text, Location at) const {
  std::vector<int32_t> tokens;
  tokens.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = static_cast<uint8_t>(text[i]);
    if (tokenOf[byte] < 0)
      throw Error("encode: byte " + std::to_string(byte) + " at position " + std::to_string(i) +
                      " is not in the tokenizer's text",
                  at);
    tokens.push_back(tokenOf[byte]);
  }
  return tokens;
}

std::string CharTokenizer::decode(const std::vector<int32_t> &tokens) const {
  std::string text;
  for (int32_t token : tokens)
    text += token >= 0 && token < size() ? alphabet[static_cast<size_t>(token)] : '?';
  return text;
}

namespace {

/// The windows that start at `starts`; repeats the last one up to `batch`.
TextBatch windows(const std::vector<int32_t> &tokens, const std::vector<int64_t> &starts,
                  int64_t batch, int64_t context) {
  TextBatch result{Array(i32, {batch, context}), Array(i32, {batch, context}),
                   static_cast<int64_t>(starts.size())};
  auto inputs = result.tokens.mutableData<int32_t>(),
       targets = result.targets.mutableData<int32_t>();
  for (int64_t row = 0; row < batch; ++row) {
    int64_t start = row < result.count ? starts[static_cast<size_t>(row)] : starts.back();
    auto first = tokens.begin() + start;
    std::copy(first, first + context, inputs.begin() + row * context);
    std::copy(first + 1, first + context + 1, targets.begin() + row * context);
  }
  return result;
}

} // namespace

WindowSampler::WindowSampler(std::vector<int32_t> text, int64_t batch, int64_t context,
                             uint64_t seed, Location at)
    : random(streamKey(seed, "windows")), tokens(std::move(text)), batch(batch), context(context) {
  if (static_cast<int64_t>(tokens.size()) < context + 1)
    throw Error("window sampler: a window of " + std::to_string(context) + " tokens needs " +
                    std::to_string(context + 1) + ", the text has " + std::to_string(tokens.size()),
                at);
}

TextBatch WindowSampler::next() {
  std::vector<int64_t> starts(static_cast<size_t>(batch));
  const uint64_t positions = tokens.size() - static_cast<size_t>(context);
  for (int64_t &start : starts) start = static_cast<int64_t>(random.below(positions));
  return windows(tokens, starts, batch, context);
}

std::vector<TextBatch> evaluationWindows(const std::vector<int32_t> &tokens, int64_t batch,
                                         int64_t context) {
  std::vector<TextBatch> batches;
  std::vector<int64_t> starts;
  for (int64_t start = 0; start + context < static_cast<int64_t>(tokens.size()); start += context) {
    starts.push_back(start);
    if (static_cast<int64_t>(starts.size()) < batch) continue;
    batches.push_back(windows(tokens, starts, batch, context));
    starts.clear();
  }
  if (!starts.empty()) batches.push_back(windows(tokens, starts, batch, context));
  return batches;
}

EpochSampler::EpochSampler(int64_t rows, int64_t batch, uint64_t seed)
    : rows(rows), batch(std::min(batch, rows)), seed(seed) {
  shuffle();
}

void EpochSampler::shuffle() {
  Philox random(streamKey(seed, "epoch"), static_cast<uint64_t>(epochs) << 40);
  order.resize(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

std::vector<int64_t> EpochSampler::next() {
  if (position + batch > rows) {
    ++epochs;
    position = 0;
    shuffle();
  }
  auto first = order.begin() + position;
  position += batch;
  return {first, first + batch};
}

std::array<uint64_t, 2> EpochSampler::state() const {
  return {static_cast<uint64_t>(epochs), static_cast<uint64_t>(position)};
}

void EpochSampler::restore(std::array<uint64_t, 2> state) {
  epochs = static_cast<int64_t>(state[0]);
  position = static_cast<int64_t>(state[1]);
  shuffle();
}

} // namespace weir::data
