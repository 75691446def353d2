#include "frontend/api/error.h"

#include "runtime/base/library_file.h"

namespace weir {
namespace {

thread_local std::vector<Place> scopes; // outermost first

bool sameFrame(const Place &a, const Place &b) {
  return a.line == b.line && a.file == b.file;
}

/// Line 0 is the file as a whole.
std::string renderLine(const Place &at, const std::string &kind, const std::string &message) {
  const std::string line = at.line == 0 ? "" : ":" + std::to_string(at.line);
  return at.file + line + ": " + kind + ": " + message;
}

} // namespace

CallScope::CallScope(Place at, std::string module) {
  at.module = std::move(module);
  scopes.push_back(std::move(at));
}
CallScope::~CallScope() {
  scopes.pop_back();
}

CallChain callChain(Place at) {
  CallChain chain{std::move(at)};
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    Place &last = chain.back();
    const bool isNamedTwice = !last.module.empty() && !scope->module.empty();
    if (!sameFrame(last, *scope) || isNamedTwice)
      chain.push_back(*scope);
    else if (last.module.empty())
      last.module = scope->module;
  }
  return chain;
}

Place userFrame(const CallChain &chain) {
  for (const Place &frame : chain)
    if (!runtime::isLibraryFile(frame.file)) return frame;
  return chain.back();
}

Error::Error(std::string message, Location at, std::vector<Note> notes, std::string fix)
    : Error(std::move(message), userFrame(callChain(at)), std::move(notes), std::move(fix)) {}

Error::Error(std::string message, Place place, std::vector<Note> notes, std::string fix)
    : summary(std::move(message)), advice(std::move(fix)), where(std::move(place)),
      remarks(std::move(notes)) {
  text = renderLine(where, "error", summary);
  for (const Note &note : remarks) text += "\n" + renderLine(note.at, "note", note.message);
  if (!advice.empty()) text += "\n" + renderLine(where, "fix", advice);
}

} // namespace weir
