#include "frontend/build/diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"

using namespace mlir;

namespace weir::build {

/// Frames of a location, innermost first.
static void addFrames(mlir::Location location, std::vector<Place> &frames) {
  if (auto file = dyn_cast<FileLineColLoc>(location)) {
    frames.emplace_back(file.getFilename().str(), file.getLine());
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    addFrames(call.getCallee(), frames);
    addFrames(call.getCaller(), frames);
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    addFrames(name.getChildLoc(), frames);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    if (!fused.getLocations().empty()) addFrames(fused.getLocations().front(), frames);
  }
}

std::optional<Place> userPlace(mlir::Location location) {
  std::vector<Place> frames;
  addFrames(location, frames);
  for (const Place &frame : frames)
    if (!isLibraryFile(frame.file)) return frame;
  if (frames.empty()) return std::nullopt;
  return frames.back();
}

DiagnosticCollector::DiagnosticCollector(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error) return success();
        Item item{diagnostic.str(), userPlace(diagnostic.getLocation()), {}};
        for (Diagnostic &note : diagnostic.getNotes())
          if (auto place = userPlace(note.getLocation()))
            item.notes.push_back({*place, note.str()});
        items.push_back(std::move(item));
        return success();
      }) {}

void DiagnosticCollector::raise(const std::string &what, Location at) {
  if (items.empty()) throw Error(what + " failed without a message; this is a bug in weir", at);
  Item &first = items.front();
  const Place place = first.place.value_or(Place(userFrame(callChain(at))));
  throw Error(first.message, place, std::move(first.notes), "");
}

} // namespace weir::build
