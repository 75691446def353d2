//===- trace.cc - when each launch ran ------------------------------------===//
// The Chrome trace format: one complete event ("ph": "X") for each launch.
//===----------------------------------------------------------------------===//
#include "runtime/executor/trace.h"

#include "runtime/base/file.h"

#include <nlohmann/json.hpp>

#include <span>

namespace weir::runtime {

std::string chromeTrace(const TraceRecorder &recorder) {
  nlohmann::json events = nlohmann::json::array();
  for (const TraceEvent &event : recorder.events()) {
    nlohmann::json args = {{"threads", event.threads},
                           {"flops", event.kernel->flops},
                           {"bytes", event.kernel->bytesMoved}};
    if (!event.launch->locations.empty()) {
      const Location &location = event.launch->locations.front();
      args["location"] = location.file + ":" + std::to_string(location.line);
    }
    events.push_back({{"name", event.kernel->name},
                      {"ph", "X"},
                      {"pid", 0},
                      {"tid", 0},
                      {"ts", event.startNanos * 1e-3},
                      {"dur", (event.endNanos - event.startNanos) * 1e-3},
                      {"args", std::move(args)}});
  }
  nlohmann::json file = {{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events)}};
  if (recorder.dropped()) file["droppedEvents"] = recorder.dropped();
  // User paths need not be UTF-8.
  return file.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::Status writeChromeTrace(const TraceRecorder &recorder, const std::string &path) {
  std::string text = chromeTrace(recorder);
  return writeFileAtomically(path, {std::as_bytes(std::span(text))});
}

} // namespace weir::runtime
