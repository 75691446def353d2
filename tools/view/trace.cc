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

Location marked(Location location, IntegerAttr mark) {
  return FusedLoc::get(location.getContext(), {location}, mark);
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

// Source marks are i32 and tags i64, so that one is never taken for the other.

void tagSource(ModuleOp module) {
  Builder b(module.getContext());
  int32_t next = 0;
  module.walk([&](Operation *op) {
    if (!isa<ir::WeirDialect>(op->getDialect())) return;
    Location location = op->getLoc();
    if (auto call = dyn_cast<ir::CallOp>(op))
      location = NameLoc::get(b.getStringAttr(call.getCallee()), location);
    op->setLoc(marked(location, b.getI32IntegerAttr(next++)));
  });
}

void tag(Operation *op, int64_t number) {
  op->setLoc(marked(op->getLoc(), Builder(op->getContext()).getI64IntegerAttr(number)));
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

Location withoutDerivatives(Location location) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    Location child = withoutDerivatives(name.getChildLoc());
    return isDerivativeName(name) ? child : Location(NameLoc::get(name.getName(), child));
  }
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return CallSiteLoc::get(withoutDerivatives(call.getCallee()),
                            withoutDerivatives(call.getCaller()));
  if (auto fused = dyn_cast<FusedLoc>(location)) {
    SmallVector<Location> parts;
    for (Location part : fused.getLocations()) parts.push_back(withoutDerivatives(part));
    return FusedLoc::get(location.getContext(), parts, fused.getMetadata());
  }
  return location;
}

} // namespace weir::tools
