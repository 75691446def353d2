#include "tools/values/values.h"

#include "frontend/data/philox.h"
#include "frontend/import/npy/npy.h"

#include <algorithm>
#include <map>
#include <sstream>

namespace weir::tools {

Array randomValue(const Port &port, uint64_t seed) {
  std::vector<double> values(runtime::elementCount(port.shape).value());
  data::Philox random(data::streamKey(seed, port.name));
  for (double &v : values) v = runtime::isFloat(port.dtype) ? random.normal() : random.below(2);
  return Array::from<double>(port.shape, values).cast(port.dtype);
}

/// "zeros", "ones", "random", "iota", or numbers separated by commas (one number fills the tensor).
static Array parseValue(const Port &port, const std::string &text) {
  std::vector<double> values(runtime::elementCount(port.shape).value());
  if (text == "random") return randomValue(port, 0);
  if (text == "iota") {
    for (size_t i = 0; i < values.size(); ++i) values[i] = i;
  } else if (text == "zeros" || text == "ones") {
    std::fill(values.begin(), values.end(), text == "ones");
  } else {
    std::vector<double> numbers;
    std::istringstream stream(text);
    for (std::string word; std::getline(stream, word, ',');) {
      size_t used = 0;
      try {
        numbers.push_back(std::stod(word, &used));
      } catch (const std::exception &) {
      }
      if (used == 0 || used != word.size())
        throw Error("value of " + port.name + ": '" + word +
                        "' is no number; zeros, ones, random and iota are words it may be",
                    Place("--input", 0), {}, "");
    }
    if (numbers.size() != values.size() && numbers.size() != 1)
      throw Error("value of " + port.name + ": " + std::to_string(numbers.size()) +
                      " numbers for " + runtime::typeStr(port.dtype, port.shape),
                  Place("--input", 0), {}, "");
    for (size_t i = 0; i < values.size(); ++i) values[i] = numbers[numbers.size() == 1 ? 0 : i];
  }
  return Array::from<double>(port.shape, values).cast(port.dtype);
}

std::vector<Array> argumentValues(const std::vector<Port> &ports,
                                  const std::vector<std::string> &given) {
  std::map<std::string, std::string> texts;
  for (const std::string &word : given) {
    size_t equals = word.find('=');
    if (equals == std::string::npos)
      throw Error("--input " + word + ": NAME=VALUE is expected", Place("--input", 0), {}, "");
    texts[word.substr(0, equals)] = word.substr(equals + 1);
  }
  std::vector<Array> values;
  for (const Port &port : ports) {
    auto text = texts.find(port.name);
    values.push_back(parseValue(port, text == texts.end() ? "random" : text->second));
    if (text != texts.end()) texts.erase(text);
  }
  if (!texts.empty()) {
    std::string names;
    for (const Port &port : ports) names += (names.empty() ? "" : ", ") + port.name;
    throw Error("no input is called " + texts.begin()->first + "; there are: " + names,
                Place("--input", 0), {}, "");
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
      throw Error(archive + ": " + found->first + " is " + found->second.typeStr() + ", but " +
                      ports[i].name + " is " + runtime::typeStr(ports[i].dtype, ports[i].shape),
                  Place("--input", 0), {}, "");
    values.push_back(found->second.cast(ports[i].dtype));
  }
  return values;
}

} // namespace weir::tools
