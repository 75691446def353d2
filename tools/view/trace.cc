#include "tools/view/trace.h"

#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <set>

using namespace mlir;

namespace weir::tools {

namespace {

bool isDerivativeName(NameLoc name) {
  return name.getName() == "tangent" || name.getName() == "cotangent";
}

void addModules(Location location, std::vector<StringRef> &names) {
  if (auto call = dyn_cast<CallSiteLoc>(location)) {
    addModules(call.getCaller(), names);
    addModules(call.getCallee(), names);
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    if (!isDerivativeName(name)) names.push_back(name.getName().strref());
    addModules(name.getChildLoc(), names);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    if (!fused.getLocations().empty()) addModules(fused.getLocations().front(), names);
  }
}

std::string join(const std::vector<std::string> &path) {
  std::string text;
  for (const std::string &part : path) text += (text.empty() ? "" : ".") + part;
  return text;
}

} // namespace

void nameCalls(ModuleOp module) {
  Builder b(module.getContext());
  module.walk([&](ir::CallOp call) {
    call->setLoc(NameLoc::get(b.getStringAttr(call.getCallee()), call.getLoc()));
  });
}

void tag(Operation *op, int64_t number) {
  op->setLoc(FusedLoc::get(op->getContext(), {op->getLoc()},
                           Builder(op->getContext()).getI64IntegerAttr(number)));
}

std::vector<int64_t> tagsOf(Location location) {
  std::vector<int64_t> tags;
  std::set<int64_t> seen;
  location->walk([&](Location part) {
    if (auto fused = dyn_cast<FusedLoc>(part))
      if (auto mark = dyn_cast_or_null<IntegerAttr>(fused.getMetadata()))
        if (mark.getType().isInteger(64) && seen.insert(mark.getInt()).second)
          tags.push_back(mark.getInt());
    return WalkResult::advance();
  });
  return tags;
}

std::vector<std::string> modulesOf(Location location) {
  std::vector<StringRef> names;
  addModules(location, names);
  std::vector<std::string> path;
  for (StringRef name : names) {
    // A layer's name says where it is: "block0.attention" within "block0" is "attention" there.
    const std::string outer = join(path);
    if (!outer.empty() && name.starts_with(outer) &&
        (name.size() == outer.size() || name[outer.size()] == '.'))
      name = name.drop_front(outer.size());
    SmallVector<StringRef> parts;
    name.split(parts, name.contains('/') ? '/' : '.', -1, /*KeepEmpty=*/false);
    for (StringRef part : parts) path.push_back(part.str());
  }
  return path;
}

std::vector<std::string> callersOf(Location location) {
  std::vector<std::string> path;
  SmallVector<FileLineColLoc> frames = ir::framesOf(location);
  for (size_t i = frames.size(); i-- > 1;) {
    StringRef file = frames[i].getFilename().strref();
    path.push_back((file.substr(file.rfind('/') + 1) + ":" + Twine(frames[i].getLine())).str());
  }
  return path;
}

bool isDerivative(Location location) {
  auto result = location->walk([&](Location part) {
    auto name = dyn_cast<NameLoc>(part);
    return name && isDerivativeName(name) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return result.wasInterrupted();
}

Location forwardLocation(Location location) {
  Location forward = location;
  location->walk([&](Location part) {
    auto name = dyn_cast<NameLoc>(part);
    if (name && isDerivativeName(name)) forward = name.getChildLoc();
    return WalkResult::advance();
  });
  return forward;
}

SmallVector<Location> locationsInCallees(Location location) {
  SmallVector<Location> locations = {location};
  // A callee that is a line is a frame of the op's own; one that is more was inlined.
  for (auto call = dyn_cast<CallSiteLoc>(location); call && !isa<FileLineColLoc>(call.getCallee());
       call = dyn_cast<CallSiteLoc>(call.getCallee()))
    locations.push_back(call.getCallee());
  return locations;
}

} // namespace weir::tools
