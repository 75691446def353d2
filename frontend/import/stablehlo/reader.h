// The tokens of an attribute's text. Every function leaves the position after what it read, and
// throws AttributeError where something else stands.
#pragma once

#include "frontend/import/stablehlo/attributes.h"

#include <cctype>
#include <charconv>

namespace weir::stablehlo {

class Reader {
public:
  explicit Reader(std::string_view text) : text(text) {}

  [[noreturn]] void fail(const std::string &expected) const {
    throw AttributeError(text, at, expected);
  }

  /// Whether `token` comes next; then it is read.
  bool accept(std::string_view token) {
    skipSpace();
    if (text.substr(at, token.size()) != token) return false;
    at += token.size();
    return true;
  }

  void expect(std::string_view token) {
    if (!accept(token)) fail("'" + std::string(token) + "'");
  }

  void expectEnd() {
    skipSpace();
    if (at != text.size()) fail("the end");
  }

  std::string word() {
    skipSpace();
    const size_t start = at;
    while (at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_'))
      ++at;
    if (at == start) fail("a word");
    return std::string(text.substr(start, at - start));
  }

  std::string quoted() {
    expect("\"");
    const size_t end = text.find('"', at);
    if (end == std::string_view::npos) fail("a closing '\"'");
    std::string name(text.substr(at, end - at));
    at = end + 1;
    return name;
  }

  int64_t integer() {
    skipSpace();
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    if (error != std::errc()) fail("an integer");
    at = static_cast<size_t>(end - text.data());
    return value;
  }

  /// A dim or a list of dims.
  Dims64 dims() {
    if (!accept("[")) return {dim()};
    Dims64 list;
    if (accept("]")) return list;
    do list.push_back(dim());
    while (accept(","));
    expect("]");
    return list;
  }

private:
  int64_t dim() {
    skipSpace();
    const size_t start = at;
    const int64_t value = integer();
    if (value >= 0 && value < 1 << 16) return value;
    at = start;
    fail("a dim");
  }
  void skipSpace() {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
  }

  std::string_view text;
  size_t at = 0;
};

} // namespace weir::stablehlo
