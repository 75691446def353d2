// Pieces in, pieces out.
#include "distributed/session/mesh_session.h"

#include <absl/strings/str_cat.h>

#include <numeric>

namespace weir::distributed {

using runtime::Executable;
using runtime::HostTensor;
using runtime::Session;

Mesh meshOf(const Executable &executable) {
  Mesh mesh;
  for (const runtime::MeshAxis &axis : executable.mesh) mesh.axes.push_back({axis.name, axis.size});
  return mesh;
}

absl::StatusOr<std::unique_ptr<MeshSession>>
MeshSession::create(std::shared_ptr<const Executable> executable,
                    std::shared_ptr<MeshState> state) {
  const Mesh mesh = meshOf(*executable);
  if (mesh != state->mesh())
    return absl::InvalidArgumentError(absl::StrCat("'", executable->name, "' is for the mesh ",
                                                   mesh.str(), ", not ", state->mesh().str()));
  std::unique_ptr<MeshSession> session(new MeshSession(std::move(executable), std::move(state)));
  if (absl::Status s = session->readPorts(); !s.ok()) return s;
  auto layout = session->devices->declare(session->compiled->variables);
  if (!layout.ok()) return layout.status();
  session->layout = *layout;
  if (absl::Status s = session->load(); !s.ok()) return s;
  return session;
}

absl::Status MeshSession::readPorts() {
  auto read = [&](const auto &ports, std::vector<MeshPort> &out) -> absl::Status {
    for (const auto &port : ports) {
      auto known = meshPort(port, devices->mesh());
      if (!known.ok()) return known.status();
      out.push_back(*std::move(known));
    }
    return absl::OkStatus();
  };
  if (absl::Status s = read(compiled->inputs, inputs); !s.ok()) return s;
  return read(compiled->outputs, outputs);
}

absl::Status MeshSession::load() {
  if (absl::Status s = devices->recover(); !s.ok()) return s;
  if (generation == devices->generation()) return absl::OkStatus();
  sessions.clear();
  for (size_t here = 0; here < devices->size(); ++here) {
    auto made = Session::create(compiled, {.variables = devices->store(layout, here),
                                           .pool = devices->pool(here),
                                           .communicator = devices->communicator(here)});
    if (!made.ok()) return made.status();
    sessions.push_back(*std::move(made));
  }
  generation = devices->generation();
  return absl::OkStatus();
}

absl::Status MeshSession::checkFeeds(const std::vector<HostTensor> &feeds,
                                     const std::vector<int32_t> &fetches) const {
  if (feeds.size() != inputs.size())
    return absl::InvalidArgumentError(absl::StrCat("'", compiled->name, "' needs ", inputs.size(),
                                                   " feeds, given ", feeds.size()));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (feeds[i].dtype() != inputs[i].dtype || feeds[i].dims() != inputs[i].dims)
      return absl::InvalidArgumentError(absl::StrCat("feed '", compiled->inputs[i].name, "' is ",
                                                     feeds[i].typeStr(), ", the graph needs ",
                                                     typeStr(inputs[i].dtype, inputs[i].dims)));
  std::vector<bool> seen(outputs.size());
  for (int32_t fetch : fetches) {
    if (fetch < 0 || static_cast<size_t>(fetch) >= outputs.size() || seen[size_t(fetch)])
      return absl::InvalidArgumentError(
          absl::StrCat("fetch ", fetch, " of ", outputs.size(), " outputs, or fetched twice"));
    seen[size_t(fetch)] = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<HostTensor>> MeshSession::run(const std::vector<HostTensor> &feeds,
                                                         const std::vector<int32_t> &fetches) {
  if (absl::Status s = checkFeeds(feeds, fetches); !s.ok()) return s;
  if (running.exchange(true))
    return absl::FailedPreconditionError("the session is running already");
  struct Release {
    std::atomic<bool> &flag;
    ~Release() { flag = false; }
  } release{running};
  if (absl::Status s = load(); !s.ok()) return s;
  if (absl::Status s = devices->bring(layout, compiled->variables); !s.ok()) return s;
  std::vector<std::vector<HostTensor>> made(devices->size());
  absl::Status ran = devices->onDevices([&](size_t here) -> absl::Status {
    std::vector<HostTensor> pieces;
    for (size_t i = 0; i < feeds.size(); ++i)
      pieces.push_back(cutPiece(feeds[i], inputs[i].sharding, devices->mesh(),
                                devices->device(here), devices->padding()));
    auto results = sessions[here]->run(pieces, fetches);
    if (!results.ok()) return results.status();
    made[here] = *std::move(results);
    return absl::OkStatus();
  });
  if (!ran.ok()) return ran;
  std::vector<HostTensor> joined;
  for (size_t i = 0; i < fetches.size(); ++i) {
    std::vector<HostTensor> pieces;
    for (std::vector<HostTensor> &results : made) pieces.push_back(std::move(results[i]));
    auto whole = devices->join(pieces, outputs[size_t(fetches[i])]);
    if (!whole.ok())
      return absl::Status(whole.status().code(),
                          absl::StrCat("output '", compiled->outputs[size_t(fetches[i])].name,
                                       "': ", whole.status().message()));
    joined.push_back(*std::move(whole));
  }
  return joined;
}

absl::StatusOr<std::vector<HostTensor>> MeshSession::run(const std::vector<HostTensor> &feeds) {
  std::vector<int32_t> all(outputs.size());
  std::iota(all.begin(), all.end(), 0);
  return run(feeds, all);
}

void MeshSession::cancel() {
  for (const auto &session : sessions) session->cancel();
}

runtime::Traffic MeshSession::traffic() const {
  runtime::Traffic sum;
  for (size_t here = 0; here < devices->size(); ++here) {
    const runtime::Traffic &one = devices->communicator(here)->traffic();
    for (size_t kind = 0; kind < one.sent.size(); ++kind)
      for (size_t link = 0; link < one.sent[kind].size(); ++link) {
        sum.sent[kind][link].bytes += one.sent[kind][link].bytes;
        sum.sent[kind][link].messages += one.sent[kind][link].messages;
      }
  }
  return sum;
}

} // namespace weir::distributed
