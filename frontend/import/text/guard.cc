#include "frontend/import/text/guard.h"

#include "frontend/api/error.h"

namespace weir::text {

namespace {

/// One past the end of the string or comment that begins at `at`; `at` if none does.
size_t skipQuoted(std::string_view text, size_t at) {
  if (text[at] == '"') {
    for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at)
      if (text[at] == '\\') ++at;
    return std::min(at + 1, text.size());
  }
  if (text.substr(at, 2) == "//") return std::min(text.find('\n', at), text.size());
  return at;
}

} // namespace

void checkText(std::string_view text, const std::string &file) {
  if (text.size() > kMostBytes)
    throw Error("the text has " + std::to_string(text.size() >> 20) +
                    " MiB; at most 1024 are read: put large constants into a .weir file",
                Place(file, 0), {}, "");
  int depth = 0;
  unsigned line = 1;
  for (size_t at = 0; at < text.size();) {
    if (size_t end = skipQuoted(text, at); end > at) {
      at = end;
      continue;
    }
    const char c = text[at];
    const bool isArrow = c == '>' && at > 0 && text[at - 1] == '-';
    if (c == '\n') ++line;
    if (c == '(' || c == '[' || c == '{' || c == '<') ++depth;
    if ((c == ')' || c == ']' || c == '}' || (c == '>' && !isArrow)) && depth > 0) --depth;
    if (depth > kDeepest)
      throw Error("brackets nest deeper than " + std::to_string(kDeepest), Place(file, line), {},
                  "");
    ++at;
  }
}

} // namespace weir::text
