#include "tests/conformance/cases.h"

#include "frontend/api/error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>

namespace weir::conformance {

std::vector<CaseFiles> casesIn(const std::string &folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<CaseFiles> cases;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!name.ends_with(".mlir") || name.ends_with(".pretty.mlir")) continue;
    name.resize(name.size() - std::string(".mlir").size());
    if (name.ends_with(".generic")) name.resize(name.size() - std::string(".generic").size());
    const fs::path arrays = entry->path().parent_path() / (name + ".npz");
    cases.push_back({name, entry->path().string(), fs::exists(arrays) ? arrays.string() : ""});
  }
  if (error) throw Error("cannot read " + folder + ": " + error.message(), Location::current());
  if (cases.empty()) throw Error(folder + " has no .mlir files", Location::current());
  std::sort(cases.begin(), cases.end(),
            [](const CaseFiles &a, const CaseFiles &b) { return a.name < b.name; });
  return cases;
}

static std::string position(int64_t element, const Shape &shape) {
  std::string text;
  for (size_t d = shape.size(); d-- > 0;) {
    text = std::to_string(element % shape[d]) + (text.empty() ? "" : ", " + text);
    element /= shape[d];
  }
  return "[" + text + "]";
}

std::string compareArrays(const std::string &name, const Array &got, const Array &want,
                          Tolerance tolerance) {
  const bool isFloat = runtime::isFloat(want.dtype());
  if (got.dims() != want.dims() || isFloat != runtime::isFloat(got.dtype()) ||
      (!isFloat && got.dtype() != want.dtype()))
    return name + " is " + got.typeStr() + ", but must be " + want.typeStr();
  if (!isFloat && got == want) return "";
  double worst = 0;
  int64_t where = -1, count = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    const double x = got.at(i), y = want.at(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double allowed = isFloat ? tolerance.relative * std::abs(y) + tolerance.absolute : 0;
    const double excess = std::abs(x - y) / std::max(allowed, 1e-300);
    if (excess <= 1) continue;
    ++count;
    if (where >= 0 && !(excess > worst)) continue;
    worst = excess;
    where = i;
  }
  if (where < 0) return isFloat ? "" : name + " differs in bits beyond 2^53";
  std::ostringstream text;
  text.precision(9);
  text << name << position(where, got.dims()) << " is " << got.at(where) << ", but must be "
       << want.at(where) << " (" << count << " of " << got.size() << " elements differ)";
  return text.str();
}

std::vector<Array> numbered(const std::map<std::string, Array> &arrays, const std::string &prefix) {
  std::vector<Array> list;
  for (auto found = arrays.find(prefix + "0"); found != arrays.end();
       found = arrays.find(prefix + std::to_string(list.size())))
    list.push_back(found->second);
  return list;
}

std::string reasonToFail(const CaseFiles &files, const Check &check) {
  try {
    return check(files);
  } catch (const std::exception &error) {
    return error.what();
  }
}

int runCases(const std::vector<CaseFiles> &cases, const Check &check, const std::string &only) {
  int passed = 0, failed = 0;
  for (const CaseFiles &files : cases) {
    if (files.name.find(only) == std::string::npos) continue;
    const std::string reason = reasonToFail(files, check);
    if (reason.empty()) {
      ++passed;
    } else {
      ++failed;
      std::printf("%s: %s\n", files.name.c_str(), reason.c_str());
      std::fflush(stdout);
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed;
}

} // namespace weir::conformance
