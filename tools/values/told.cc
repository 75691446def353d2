#include "tools/values/told.h"

#include "frontend/api/error.h"
#include "runtime/base/library_file.h"

#include <new>

namespace weir::tools {

namespace {

/// Whether it is a source file of Weir's own.
bool isOwn(const std::string &file) {
  const bool isCode = file.ends_with(".cc") || file.ends_with(".h");
  return isCode && (file.starts_with("tools/") || file.starts_with("frontend/models/") ||
                    runtime::isLibraryFile(file));
}

std::string textOf(const Error &error, const std::string &program) {
  if (!isOwn(error.file())) return error.what();
  std::string text = program + ": error: " + error.message();
  for (const Note &note : error.notes()) {
    const std::string place = note.at.file + ":" + std::to_string(note.at.line);
    text += "\n" + (isOwn(note.at.file) ? program : place) + ": note: " + note.message;
  }
  return error.fix().empty() ? text : text + "\n" + program + ": fix: " + error.fix();
}

} // namespace

std::string toldException(const std::string &program) {
  try {
    throw;
  } catch (const Error &error) {
    return textOf(error, program);
  } catch (const std::bad_alloc &) {
    return program + ": error: there is not enough memory for this";
  } catch (const std::exception &error) {
    return program + ": error: " + error.what();
  }
}

} // namespace weir::tools
