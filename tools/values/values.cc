#include "tools/values/values.h"

#include "frontend/data/philox.h"
#include "frontend/import/npy/npy.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <sstream>

namespace weir::tools {

namespace {

[[noreturn]] void refuse(const std::string &flag, const std::string &message,
                         const std::string &fix = "") {
  throw Error(message, Place(flag, 0), {}, fix);
}

/// Whether the integer or boolean type has this number.
bool holds(DType dtype, double number) {
  if (dtype == i1) return number == 0 || number == 1;
  const bool isUnsigned = runtime::dtypeName(dtype)[0] == 'u';
  const int bits = 8 * static_cast<int>(runtime::dtypeBytes(dtype)) - !isUnsigned;
  const double end = std::ldexp(1, bits);
  return number == std::floor(number) && number < end && number >= (isUnsigned ? 0 : -end);
}

/// Without a change of what is not a float.
Array converted(const Array &array, const Port &port, const std::string &flag,
                const std::string &what) {
  if (array.dtype() == port.dtype) return array;
  if (!runtime::isFloat(port.dtype))
    for (double number : array.toDoubles())
      if (!holds(port.dtype, number)) {
        char text[32];
        std::snprintf(text, sizeof text, "%g", number);
        refuse(flag, what + " has " + text + ", which is no " +
                         std::string(runtime::dtypeName(port.dtype)));
      }
  return array.cast(port.dtype);
}

std::vector<double> numbersOf(const Port &port, const std::string &text) {
  std::vector<double> numbers;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) {
    size_t used = 0;
    try {
      numbers.push_back(std::stod(word, &used));
    } catch (const std::exception &) {
    }
    if (used == 0 || used != word.size())
      refuse("--input", "value of " + port.name + ": '" + word +
                            "' is no number; zeros, ones, random and iota are words it may be");
  }
  return numbers;
}

/// Elements of the port's type. Throws Error where there are too many to hold.
size_t sizeOf(const Port &port) {
  constexpr int64_t most = int64_t(1) << 36;
  const auto count = runtime::elementCount(port.shape);
  if (!count || *count > most)
    refuse(port.name, runtime::typeStr(port.dtype, port.shape) + " has too many elements");
  return static_cast<size_t>(*count);
}

/// "zeros", "ones", "random", "iota", or numbers separated by commas (one number fills the tensor).
Array parseValue(const Port &port, const std::string &text) {
  if (text == "random") return randomValue(port, 0);
  std::vector<double> values(sizeOf(port));
  if (text == "iota") {
    std::iota(values.begin(), values.end(), 0.0);
  } else if (text == "zeros" || text == "ones") {
    std::fill(values.begin(), values.end(), text == "ones");
  } else {
    const std::vector<double> numbers = numbersOf(port, text);
    if (numbers.size() != values.size() && numbers.size() != 1)
      refuse("--input", "value of " + port.name + ": " + std::to_string(numbers.size()) +
                            (numbers.size() == 1 ? " number" : " numbers") + " for " +
                            runtime::typeStr(port.dtype, port.shape));
    for (size_t i = 0; i < values.size(); ++i) values[i] = numbers[numbers.size() == 1 ? 0 : i];
    return converted(Array::from<double>(port.shape, values), port, "--input",
                     "value of " + port.name);
  }
  return Array::from<double>(port.shape, values).cast(port.dtype);
}

/// NAME=VALUE words by name.
std::map<std::string, std::string> textsByName(const std::vector<std::string> &given) {
  std::map<std::string, std::string> texts;
  for (const std::string &word : given) {
    size_t equals = word.find('=');
    if (equals == std::string::npos) refuse("--input", word + ": NAME=VALUE is expected");
    if (!texts.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      refuse("--input", word.substr(0, equals) + " is given twice");
  }
  return texts;
}

} // namespace

Array randomValue(const Port &port, uint64_t seed) {
  std::vector<double> values(sizeOf(port));
  data::Philox random(data::streamKey(seed, port.name));
  for (double &v : values) v = runtime::isFloat(port.dtype) ? random.normal() : random.below(2);
  return Array::from<double>(port.shape, values).cast(port.dtype);
}

std::vector<Array> argumentValues(const std::vector<Port> &ports,
                                  const std::vector<std::string> &given) {
  std::map<std::string, std::string> texts = textsByName(given);
  std::vector<Array> values;
  for (const Port &port : ports) {
    auto text = texts.find(port.name);
    values.push_back(parseValue(port, text == texts.end() ? "random" : text->second));
    if (text != texts.end()) texts.erase(text);
  }
  if (!texts.empty()) {
    std::string names;
    for (const Port &port : ports) names += (names.empty() ? "" : ", ") + port.name;
    refuse("--input", "no input is called " + texts.begin()->first + "; there are: " + names);
  }
  return values;
}

std::vector<Array> argumentValues(const std::vector<Port> &ports, const std::string &archive,
                                  uint64_t seed) {
  std::map<std::string, Array> arrays;
  if (!archive.empty()) arrays = npy::readArchive(archive);
  std::vector<Array> values;
  for (size_t i = 0; i < ports.size(); ++i) {
    auto found = arrays.find(ports[i].name);
    if (found == arrays.end()) found = arrays.find("in" + std::to_string(i));
    if (found == arrays.end()) {
      values.push_back(randomValue(ports[i], seed));
      continue;
    }
    if (found->second.dims() != ports[i].shape)
      refuse(archive, found->first + " is " + found->second.typeStr() + ", but " + ports[i].name +
                          " is " + runtime::typeStr(ports[i].dtype, ports[i].shape));
    values.push_back(converted(found->second, ports[i], archive, found->first));
  }
  return values;
}

/// How many rows the values given have; nothing where words and single numbers leave it open.
static std::optional<int64_t> givenRows(const runtime::BatchExecutable &batch,
                                        const std::vector<std::string> &given,
                                        const std::string &archive) {
  std::map<std::string, std::string> texts = textsByName(given);
  std::map<std::string, Array> arrays;
  if (!archive.empty()) arrays = npy::readArchive(archive);
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    if (batch.inputs[i] == 0) continue;
    const runtime::Input &input = batch.largest().inputs[i];
    if (auto array = arrays.find(input.name); array != arrays.end() && array->second.rank() > 0)
      return array->second.dims()[0] / batch.inputs[i];
    auto text = texts.find(input.name);
    if (text == texts.end()) continue;
    const int64_t numbers = 1 + std::ranges::count(text->second, ',');
    const int64_t size =
        runtime::elementCount(runtime::dimsOfRows(input.dims, batch.inputs[i], 1)).value_or(0);
    if (numbers > 1 && size > 0 && numbers % size == 0) return numbers / size;
  }
  return std::nullopt;
}

std::vector<Array> batchValues(const runtime::BatchExecutable &batch, int64_t rows,
                               const std::vector<std::string> &given, const std::string &archive) {
  if (rows && !batch.isRange()) refuse("--batch", "the file is for one batch: its sizes are fixed");
  if (!rows) rows = givenRows(batch, given, archive).value_or(batch.most());
  if (rows < 1 || rows > batch.most())
    refuse("--batch", "a batch of " + std::to_string(rows) +
                          " is asked for; the file takes batches of 1 to " +
                          std::to_string(batch.most()));
  std::vector<Port> ports;
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const runtime::Input &input = batch.largest().inputs[i];
    ports.push_back(
        {input.name, input.dtype, runtime::dimsOfRows(wholeDims(input), batch.inputs[i], rows)});
  }
  return archive.empty() ? argumentValues(ports, given) : argumentValues(ports, archive, 0);
}

} // namespace weir::tools
