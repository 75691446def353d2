#include "ir/locations/locations.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "runtime/base/library_file.h"

using namespace mlir;

namespace weir::ir {

static void addFrames(Location loc, SmallVectorImpl<FileLineColLoc> &frames) {
  if (auto place = dyn_cast<FileLineColLoc>(loc)) {
    frames.push_back(place);
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    addFrames(call.getCallee(), frames);
    addFrames(call.getCaller(), frames);
  } else if (auto name = dyn_cast<NameLoc>(loc)) {
    addFrames(name.getChildLoc(), frames);
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations()) addFrames(part, frames);
  }
}

SmallVector<FileLineColLoc> framesOf(Location loc) {
  SmallVector<FileLineColLoc> frames;
  addFrames(loc, frames);
  return frames;
}

std::optional<FileLineColLoc> userFrame(Location loc) {
  SmallVector<FileLineColLoc> frames = framesOf(loc);
  for (FileLineColLoc frame : frames)
    if (!runtime::isLibraryFile(frame.getFilename().strref())) return frame;
  if (frames.empty()) return std::nullopt;
  return frames.back();
}

std::string userPlace(Location loc) {
  auto frame = userFrame(loc);
  return frame ? frame->getFilename().str() + ":" + std::to_string(frame->getLine()) : "";
}

} // namespace weir::ir
