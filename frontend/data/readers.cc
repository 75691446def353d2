#include "frontend/data/readers.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <zlib.h>

namespace weir::data {
namespace {

std::string systemError() {
  return std::strerror(errno);
}

/// A big-endian 32-bit word of an idx header.
uint32_t word(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

struct Idx {
  std::string bytes;
  std::vector<int64_t> dims;
  size_t header() const { return 4 + 4 * dims.size(); }
};

Idx readIdxFile(const std::string &path, size_t rank, Location at) {
  Idx idx{readFile(path, at), {}};
  const uint32_t magic = 0x800 + static_cast<uint32_t>(rank);
  if (idx.bytes.size() < 4 + 4 * rank || word(idx.bytes, 0) != magic)
    throw Error(path + ": not an idx file of bytes with " + std::to_string(rank) + " dims", at);
  uint64_t count = 1;
  for (size_t d = 0; d < rank; ++d) {
    uint32_t size = word(idx.bytes, 4 + 4 * d);
    idx.dims.push_back(size);
    if (__builtin_mul_overflow(count, size, &count)) count = UINT64_MAX;
  }
  if (idx.bytes.size() - idx.header() < count)
    throw Error(path + ": truncated: " + std::to_string(count) + " bytes of data expected, " +
                    std::to_string(idx.bytes.size() - idx.header()) + " found",
                at);
  return idx;
}

/// The numbers of one line; empty when a field is not a number.
std::vector<double> parseLine(std::string_view line) {
  std::vector<double> numbers;
  while (true) {
    size_t comma = std::min(line.find(','), line.size());
    std::string_view field = line.substr(0, comma);
    while (!field.empty() && std::strchr(" \t\r", field.front())) field.remove_prefix(1);
    while (!field.empty() && std::strchr(" \t\r", field.back())) field.remove_suffix(1);
    double number;
    auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (error != std::errc() || end != field.data() + field.size()) return {};
    numbers.push_back(number);
    if (comma == line.size()) return numbers;
    line.remove_prefix(comma + 1);
  }
}

} // namespace

std::string readFile(const std::string &path, Location at) {
  // gzopen passes files that are not gzip through unchanged.
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw Error("cannot open " + path + ": " + systemError(), at);
  gzbuffer(file.get(), 1 << 17);
  std::string bytes;
  char buffer[1 << 16];
  int got;
  while ((got = gzread(file.get(), buffer, sizeof(buffer))) > 0)
    bytes.append(buffer, static_cast<size_t>(got));
  int code = Z_OK;
  const char *reason = gzerror(file.get(), &code);
  if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
    throw Error("cannot read " + path + ": " + (code == Z_ERRNO ? systemError() : reason), at);
  return bytes;
}

LabelledRows LabelledRows::pick(const std::vector<int64_t> &indices) const {
  const int64_t width = features.dims()[1], count = static_cast<int64_t>(indices.size());
  LabelledRows picked{Array(f32, {count, width}), Array(i32, {count})};
  auto from = features.data<float>();
  auto to = picked.features.mutableData<float>();
  auto fromLabels = labels.data<int32_t>();
  auto toLabels = picked.labels.mutableData<int32_t>();
  for (size_t i = 0; i < indices.size(); ++i) {
    auto row = static_cast<size_t>(indices[i]), w = static_cast<size_t>(width);
    std::copy_n(from.begin() + row * w, w, to.begin() + i * w);
    toLabels[i] = fromLabels[row];
  }
  return picked;
}

LabelledRows readCsv(const std::string &path, double scale, Location at) {
  const std::string bytes = readFile(path, at);
  std::vector<float> features;
  std::vector<int32_t> labels;
  size_t columns = 0, lineNumber = 0;
  for (std::string_view rest = bytes; !rest.empty();) {
    size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++lineNumber;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    std::vector<double> numbers = parseLine(line);
    if (numbers.empty() && lineNumber == 1) continue; // a header
    if (numbers.empty() || (columns && numbers.size() != columns) || numbers.size() < 2)
      throw Error(path + ":" + std::to_string(lineNumber) + ": " +
                      (numbers.empty() ? "a field is not a number"
                                       : std::to_string(numbers.size()) + " fields, " +
                                             std::to_string(columns ? columns : 2) + " expected"),
                  at);
    columns = numbers.size();
    for (size_t i = 0; i + 1 < columns; ++i)
      features.push_back(static_cast<float>(numbers[i] / scale));
    const double label = numbers.back();
    if (!(std::abs(label) < 0x1p31) || label != std::floor(label))
      throw Error(path + ":" + std::to_string(lineNumber) +
                      ": the last number is the label, which is a whole number",
                  at);
    labels.push_back(static_cast<int32_t>(label));
  }
  if (labels.empty()) throw Error(path + ": no rows", at);
  const auto rows = static_cast<int64_t>(labels.size()), width = static_cast<int64_t>(columns) - 1;
  return {Array::from<float>({rows, width}, features), Array::from<int32_t>({rows}, labels)};
}

LabelledRows readIdx(const std::string &imagesPath, const std::string &labelsPath, Location at) {
  Idx images = readIdxFile(imagesPath, 3, at), labels = readIdxFile(labelsPath, 1, at);
  if (images.dims[0] != labels.dims[0])
    throw Error(imagesPath + " has " + std::to_string(images.dims[0]) + " images, " + labelsPath +
                    " has " + std::to_string(labels.dims[0]) + " labels",
                at);
  LabelledRows rows{Array(f32, {images.dims[0], images.dims[1] * images.dims[2]}),
                    Array(i32, {labels.dims[0]})};
  auto pixels = rows.features.mutableData<float>();
  for (size_t i = 0; i < pixels.size(); ++i)
    pixels[i] =
        static_cast<float>(static_cast<uint8_t>(images.bytes[images.header() + i])) / 255.0f;
  auto classes = rows.labels.mutableData<int32_t>();
  for (size_t i = 0; i < classes.size(); ++i)
    classes[i] = static_cast<uint8_t>(labels.bytes[labels.header() + i]);
  return rows;
}

} // namespace weir::data
