#include "frontend/api/error.h"

#include <cstring>
#include <string_view>

namespace weir {
namespace {

thread_local std::vector<Location> scopes; // outermost first

/// "frontend/" as the compiler was given it for this file: what library frames start with.
std::string_view libraryRoot() {
  std::string_view self = Location::current().file_name();
  constexpr std::string_view tail = "api/error.cc";
  return self.ends_with(tail) ? self.substr(0, self.size() - tail.size()) : std::string_view();
}

bool isLibraryFrame(const Location &frame) {
  std::string_view file = frame.file_name(), root = libraryRoot();
  // A header reached through another include path keeps the folder, not the prefix.
  if (size_t at = file.rfind("frontend/"); at != std::string_view::npos && !file.starts_with(root))
    file = file.substr(at), root = "frontend/";
  if (!file.starts_with(root)) return false;
  file.remove_prefix(root.size());
  for (std::string_view folder : {"api/", "build/", "nn/", "models/", "data/"})
    if (file.starts_with(folder)) return !file.ends_with("_test.cc");
  return false;
}

bool sameFrame(const Location &a, const Location &b) {
  return a.line() == b.line() && !std::strcmp(a.file_name(), b.file_name());
}

std::string renderLine(const Location &at, std::string_view kind, std::string_view message) {
  std::string text = at.file_name();
  text += ":" + std::to_string(at.line()) + ": ";
  text += kind;
  text += ": ";
  return text += message;
}

} // namespace

CallScope::CallScope(Location at) {
  scopes.push_back(at);
}
CallScope::~CallScope() {
  scopes.pop_back();
}

CallChain callChain(Location at) {
  CallChain chain{at};
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
    if (!sameFrame(chain.back(), *scope)) chain.push_back(*scope);
  return chain;
}

Location userFrame(const CallChain &chain) {
  for (const Location &frame : chain)
    if (!isLibraryFrame(frame)) return frame;
  return chain.back();
}

Error::Error(std::string message, Location at, std::vector<Note> notes, std::string fix)
    : summary(std::move(message)), advice(std::move(fix)), where(userFrame(callChain(at))),
      remarks(std::move(notes)) {
  text = renderLine(where, "error", summary);
  for (const Note &note : remarks) text += "\n" + renderLine(note.at, "note", note.message);
  if (!advice.empty()) text += "\n" + renderLine(where, "fix", advice);
}

} // namespace weir
