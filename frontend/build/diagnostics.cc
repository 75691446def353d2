#include "frontend/build/diagnostics.h"

#include "ir/locations/locations.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"

using namespace mlir;

namespace weir::build {

std::optional<Place> userPlace(mlir::Location location) {
  auto frame = ir::userFrame(location);
  if (!frame) return std::nullopt;
  return Place(frame->getFilename().str(), frame->getLine());
}

void raise(const passes::NumericsReport &report, Location at) {
  auto placeOf = [&](const passes::NumericsReport::Line &line) {
    return line.file.empty() ? userFrame(callChain(at)) : Place(line.file, line.line);
  };
  std::vector<Note> notes;
  for (size_t i = 1; i < report.lines.size(); ++i)
    notes.push_back({placeOf(report.lines[i]), report.lines[i].text});
  throw Error("numerics: " + report.lines.front().text, placeOf(report.lines.front()),
              std::move(notes), "");
}

DiagnosticCollector::DiagnosticCollector(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Remark) {
          lines.push_back(diagnostic.str());
          for (Diagnostic &note : diagnostic.getNotes()) lines.push_back("  " + note.str());
        }
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
  const Place place = first.place.value_or(userFrame(callChain(at)));
  throw Error(first.message, place, std::move(first.notes), "");
}

} // namespace weir::build
