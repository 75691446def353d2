//===- trace.cc - when each launch ran ------------------------------------===//
// The Chrome trace format: a device is a process, a launch a complete event ("ph": "X") of it, and
// a collective one that begins and ends ("b", "e") beside them.
//===----------------------------------------------------------------------===//
#include "runtime/executor/trace.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace weir::runtime {

namespace {

using nlohmann::json;
using Kind = TraceEvent::Kind;

json argumentsOf(const TraceEvent &event) {
  json args;
  if (event.kind == Kind::Kernel)
    args = {{"threads", event.threads},
            {"flops", event.kernel->flops},
            {"bytes", event.kernel->bytesMoved}};
  else if (event.kind == Kind::Copy)
    args = {{"threads", event.threads}, {"bytes", event.bytes}};
  else
    args = {{"bytes", event.bytes}, {"because", event.launch->reason}};
  const bool isOnDevice = event.kind == Kind::Kernel && !event.launch->reason.empty();
  if (isOnDevice) args["where"] = event.launch->reason;
  if (!event.launch->locations.empty()) {
    const Location &location = event.launch->locations.front();
    args["location"] = location.file + ":" + std::to_string(location.line);
  }
  return args;
}

json complete(const TraceEvent &event, const std::string &name, int device) {
  return {{"name", name},
          {"ph", "X"},
          {"pid", device},
          {"tid", 0},
          {"ts", event.startNanos * 1e-3},
          {"dur", (event.endNanos - event.startNanos) * 1e-3},
          {"args", argumentsOf(event)}};
}

/// Several collectives are under way at once, so each has a number of its own.
void addCollective(const TraceEvent &event, const std::string &name, int device, size_t number,
                   json &events) {
  const json common = {{"name", name},
                       {"cat", "collective"},
                       {"id", "device " + std::to_string(device) + " " + std::to_string(number)},
                       {"pid", device},
                       {"tid", 0}};
  json begin = common, end = common;
  begin.update({{"ph", "b"}, {"ts", event.startNanos * 1e-3}, {"args", argumentsOf(event)}});
  end.update({{"ph", "e"}, {"ts", event.endNanos * 1e-3}});
  events.push_back(std::move(begin));
  events.push_back(std::move(end));
}

json eventsOf(const TraceRecorder &recorder, int device) {
  json events = json::array();
  for (const TraceEvent &event : recorder.events()) {
    if (event.kind == Kind::Kernel || event.kind == Kind::Copy) {
      const bool isCopy = event.kind == Kind::Copy;
      const std::string name = isCopy ? "copy " + event.launch->reason : event.kernel->name;
      events.push_back(complete(event, name, device));
      continue;
    }
    const std::string name = collectiveName(event.launch->collective);
    if (event.kind == Kind::Exposed)
      events.push_back(complete(event, "in " + name, device));
    else
      addCollective(event, name, device, events.size(), events);
  }
  return events;
}

// User paths need not be UTF-8.
std::string textOf(const json &value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string chromeTrace(const TraceRecorder &recorder) {
  json file = {{"displayTimeUnit", "ns"}, {"traceEvents", eventsOf(recorder, 0)}};
  if (recorder.dropped()) file["droppedEvents"] = recorder.dropped();
  return textOf(file);
}

std::string chromeEvents(const TraceRecorder &recorder, int device) {
  json events = eventsOf(recorder, device);
  std::string name = "device " + std::to_string(device);
  if (recorder.dropped()) name += " (" + std::to_string(recorder.dropped()) + " events lost)";
  events.push_back(
      {{"name", "process_name"}, {"ph", "M"}, {"pid", device}, {"args", {{"name", name}}}});
  return textOf(events);
}

std::string chromeTrace(const std::vector<std::string> &eventsOfDevices) {
  std::string all;
  for (const std::string &events : eventsOfDevices)
    all += (all.empty() ? "" : ",\n") + events.substr(1, events.size() - 2); // without brackets
  return R"({"displayTimeUnit":"ns","traceEvents":[)" + all + "]}";
}

CommunicationTime communicationTime(const TraceRecorder &recorder) {
  CommunicationTime time{.runNanos = recorder.runNanos()};
  std::vector<std::pair<int64_t, int64_t>> spans;
  for (const TraceEvent &event : recorder.events()) {
    if (event.kind == Kind::Exposed) time.exposedNanos += event.endNanos - event.startNanos;
    if (event.kind == Kind::Collective) spans.emplace_back(event.startNanos, event.endNanos);
  }
  std::ranges::sort(spans);
  int64_t until = 0;
  for (auto [start, end] : spans) {
    time.underWayNanos += std::max<int64_t>(0, end - std::max(start, until));
    until = std::max(until, end);
  }
  return time;
}

} // namespace weir::runtime
