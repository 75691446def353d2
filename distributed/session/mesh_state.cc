// Devices, then variables.
#include "distributed/session/mesh_state.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace weir::distributed {

using runtime::Communicator;
using runtime::HostTensor;
using runtime::ThreadPool;
using runtime::Variable;
using runtime::VariableStore;

template <typename Port> absl::StatusOr<MeshPort> meshPort(const Port &port, const Mesh &mesh) {
  auto sharding = parseSharding(port.whole.sharding, mesh);
  if (!sharding.ok()) return sharding.status();
  const bool fits = sharding->dims.size() == port.whole.dims.size() && !sharding->isPartial() &&
                    localShape(port.whole.dims, *sharding, mesh) == port.dims;
  if (fits) return MeshPort{port.dtype, port.whole.dims, *std::move(sharding)};
  return absl::InvalidArgumentError(absl::StrCat(
      "'", port.name, "' is ", typeStr(port.dtype, port.dims), " on each device, which ",
      typeStr(port.dtype, port.whole.dims), " as ", port.whole.sharding, " does not give"));
}
template absl::StatusOr<MeshPort> meshPort(const runtime::Input &, const Mesh &);
template absl::StatusOr<MeshPort> meshPort(const runtime::Output &, const Mesh &);
template absl::StatusOr<MeshPort> meshPort(const runtime::Variable &, const Mesh &);

std::shared_ptr<MeshState> MeshState::inProcess(const Mesh &mesh, int threads,
                                                const CommunicatorOptions &options,
                                                Padding padding) {
  std::shared_ptr<MeshState> state(new MeshState(mesh, options));
  state->fill = padding;
  for (auto &communicator : inProcessCommunicators(static_cast<int>(mesh.devices()), options))
    state->communicators.push_back(std::move(communicator));
  state->start(threads);
  return state;
}

absl::StatusOr<std::shared_ptr<MeshState>>
MeshState::ofRank(const Mesh &mesh, std::shared_ptr<Communicator> communicator, int threads) {
  if (communicator->size() != mesh.devices())
    return absl::FailedPreconditionError(absl::StrCat("the mesh ", mesh.str(), " has ",
                                                      mesh.devices(), " devices, but there are ",
                                                      communicator->size(), " ranks"));
  std::shared_ptr<MeshState> state(new MeshState(mesh, {}));
  state->communicators.push_back(std::move(communicator));
  state->start(threads);
  return state;
}

void MeshState::start(int threads) {
  if (threads <= 0) threads = ThreadPool::shared()->size();
  const int each = std::max(1, threads / static_cast<int>(size()));
  for (size_t i = 0; i < size(); ++i) pools.push_back(std::make_shared<ThreadPool>(each));
  workers = std::make_unique<Workers>(size());
}

absl::Status MeshState::onDevices(const std::function<absl::Status(size_t)> &body) {
  std::vector<absl::Status> statuses(size());
  workers->run([&](size_t here) {
    try {
      statuses[here] = body(here);
    } catch (const std::bad_alloc &) {
      statuses[here] = absl::ResourceExhaustedError("no memory on a device of the mesh");
    }
    if (!statuses[here].ok()) communicators[here]->abort(statuses[here]);
  });
  for (const absl::Status &status : statuses)
    if (!status.ok()) return broken = status;
  return absl::OkStatus();
}

absl::Status MeshState::recover() {
  if (broken.ok()) return absl::OkStatus();
  if (!isAlone()) return broken;
  communicators.clear();
  for (auto &fresh : inProcessCommunicators(static_cast<int>(devicesOf.devices()), options))
    communicators.push_back(std::move(fresh));
  broken = absl::OkStatus();
  ++generations;
  return absl::OkStatus();
}

absl::StatusOr<HostTensor> MeshState::join(const std::vector<HostTensor> &pieces,
                                           const MeshPort &port) {
  if (port.sharding.isReplicated() && size() == 1) return pieces[0];
  std::vector<HostTensor> all = pieces;
  if (!isAlone()) {
    const HostTensor &mine = pieces[0];
    const auto ranks = static_cast<size_t>(devicesOf.devices());
    std::vector<std::byte> gathered(ranks * mine.bytes());
    runtime::CollectiveSpec spec = worldCollective(runtime::CollectiveKind::AllGather, mine.dtype(),
                                                   "a value that is fetched");
    spec.counts.assign(ranks, mine.size());
    if (absl::Status s = communicate(spec, mine.raw(), gathered.data()); !s.ok()) return s;
    all.clear();
    for (size_t rank = 0; rank < ranks; ++rank)
      all.emplace_back(mine.dtype(), mine.dims(),
                       runtime::Bytes::copyOf(gathered.data() + rank * mine.bytes(), mine.bytes()));
  }
  auto whole = joinPieces(all, port.dims, port.sharding, devicesOf);
  if (!whole) return absl::InternalError("devices that share a value made different ones of it");
  return *std::move(whole);
}

runtime::CollectiveSpec MeshState::worldCollective(runtime::CollectiveKind kind,
                                                   runtime::DType dtype, std::string name) const {
  runtime::CollectiveSpec spec{kind, runtime::worldGroup(static_cast<int>(devicesOf.devices()))};
  spec.dtype = dtype;
  spec.name = std::move(name);
  return spec;
}

absl::Status MeshState::communicate(const runtime::CollectiveSpec &spec, const void *input,
                                    void *output) {
  absl::Status status = communicators[0]->run(spec, input, output);
  if (!status.ok()) broken = status;
  return status;
}

absl::Status MeshState::agree(const absl::Status &mine, const std::string &what) {
  if (isAlone()) return mine;
  constexpr size_t kText = 512;
  const auto ranks = static_cast<size_t>(devicesOf.devices());
  std::vector<char> own(kText), all(ranks * kText);
  own[0] = static_cast<char>(mine.code());
  const std::string message(mine.message());
  std::memcpy(own.data() + 1, message.data(), std::min(message.size(), kText - 2));
  runtime::CollectiveSpec spec =
      worldCollective(runtime::CollectiveKind::AllGather, runtime::DType::I8, what);
  spec.counts.assign(ranks, kText);
  if (absl::Status s = communicate(spec, own.data(), all.data()); !s.ok()) return s;
  for (size_t rank = 0; rank < ranks; ++rank)
    if (const char *told = &all[rank * kText]; *told)
      return absl::Status(static_cast<absl::StatusCode>(*told), told + 1);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> MeshState::sum(uint64_t mine, const std::string &what) {
  if (isAlone()) return mine;
  runtime::CollectiveSpec spec =
      worldCollective(runtime::CollectiveKind::AllReduce, runtime::DType::U64, what);
  spec.counts = {1};
  uint64_t all = 0;
  if (absl::Status s = communicate(spec, &mine, &all); !s.ok()) return s;
  return all;
}

absl::StatusOr<size_t> MeshState::declare(const std::vector<Variable> &variables) {
  std::map<std::string, MeshPort> wanted;
  for (const Variable &variable : variables) {
    auto port = meshPort(variable, devicesOf);
    if (!port.ok()) return port.status();
    if (auto known = home.find(variable.name); known != home.end()) {
      const MeshPort &other = layouts[known->second].ports.at(variable.name);
      if (other.dtype != port->dtype || other.dims != port->dims)
        return absl::InvalidArgumentError(
            absl::StrCat("variable '", variable.name, "' is ", typeStr(other.dtype, other.dims),
                         ", here it is ", typeStr(port->dtype, port->dims)));
    }
    wanted.emplace(variable.name, *std::move(port));
  }
  size_t at = 0;
  for (; at < layouts.size(); ++at)
    if (std::ranges::all_of(wanted, [&](const auto &entry) {
          auto known = layouts[at].ports.find(entry.first);
          return known == layouts[at].ports.end() || known->second == entry.second;
        }))
      break;
  if (at == layouts.size()) {
    layouts.emplace_back();
    for (size_t here = 0; here < size(); ++here)
      layouts[at].stores.push_back(std::make_shared<VariableStore>());
  }
  for (size_t here = 0; here < size(); ++here)
    if (absl::Status s = layouts[at].stores[here]->declare(variables); !s.ok()) return s;
  for (auto &[name, port] : wanted) home.try_emplace(name, at);
  layouts[at].ports.merge(wanted);
  return at;
}

bool MeshState::hasValue(const std::string &name) const {
  auto at = home.find(name);
  if (at == home.end()) return false;
  return layouts[at->second].stores[0]->requireValues({{.name = name}}).ok();
}

const MeshPort *MeshState::port(const std::string &name) const {
  auto at = home.find(name);
  return at == home.end() ? nullptr : &layouts[at->second].ports.at(name);
}

const std::byte *MeshState::piece(const std::string &name, size_t here) const {
  return static_cast<const std::byte *>(layouts[home.at(name)].stores[here]->address(name));
}

absl::Status MeshState::bring(size_t layout, const std::vector<Variable> &variables) {
  for (const Variable &variable : variables) {
    size_t &at = home.at(variable.name);
    if (at == layout) continue;
    auto whole = get(variable.name);
    if (!whole.ok()) return whole.status();
    if (absl::Status s = store(layout, variable.name, *whole); !s.ok()) return s;
    at = layout;
  }
  return layouts[layout].stores[0]->requireValues(variables);
}

absl::Status MeshState::store(size_t layout, const std::string &name, const HostTensor &whole) {
  const MeshPort &port = layouts[layout].ports.at(name);
  if (whole.dtype() != port.dtype || whole.dims() != port.dims)
    return absl::InvalidArgumentError(absl::StrCat(
        "variable '", name, "' is ", typeStr(port.dtype, port.dims), ", given ", whole.typeStr()));
  for (size_t here = 0; here < size(); ++here) {
    HostTensor piece = cutPiece(whole, port.sharding, devicesOf, device(here), fill);
    if (absl::Status s = layouts[layout].stores[here]->set(name, piece); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status MeshState::setPieces(const std::string &name,
                                  const std::function<HostTensor(size_t)> &piece) {
  auto at = home.find(name);
  if (at == home.end())
    return absl::NotFoundError(absl::StrCat("there is no variable '", name, "'"));
  for (size_t here = 0; here < size(); ++here)
    if (absl::Status s = layouts[at->second].stores[here]->set(name, piece(here)); !s.ok())
      return s;
  return absl::OkStatus();
}

absl::Status MeshState::set(const std::string &name, const HostTensor &whole) {
  auto at = home.find(name);
  if (at == home.end())
    return absl::NotFoundError(absl::StrCat("there is no variable '", name, "'"));
  return store(at->second, name, whole);
}

absl::StatusOr<HostTensor> MeshState::get(const std::string &name) {
  auto at = home.find(name);
  if (at == home.end())
    return absl::NotFoundError(absl::StrCat("there is no variable '", name, "'"));
  const Layout &layout = layouts[at->second];
  std::vector<HostTensor> pieces;
  for (const auto &store : layout.stores) {
    auto piece = store->get(name);
    if (!piece.ok()) return piece.status();
    pieces.push_back(*std::move(piece));
  }
  return join(pieces, layout.ports.at(name));
}

} // namespace weir::distributed
