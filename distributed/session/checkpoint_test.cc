// Checkpoints of random meshes: the file of one device, bit for bit, read on any other mesh; what
// fails leaves the file that was there.  features: P20
#include "distributed/session/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <unistd.h>

namespace weir::distributed {
namespace {

using runtime::Checkpoint;
using runtime::DType;
using runtime::HostTensor;
using ::testing::HasSubstr;

using Random = std::mt19937;

int64_t below(Random &random, int64_t bound) {
  return static_cast<int64_t>(random() % static_cast<uint64_t>(bound));
}

class MeshCheckpoint : public testing::Test {
protected:
  std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("mesh_checkpoint." + std::to_string(getpid()));
  std::string path = folder / "model.safetensors", expected = folder / "expected.safetensors";
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static std::string content(const std::string &file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
};

/// At most eight devices along at most three axes.
Mesh randomMesh(Random &random) {
  Mesh mesh;
  for (int64_t axes = below(random, 4); axes > 0; --axes) {
    const int64_t size = 1 + below(random, 4);
    if (mesh.devices() * size <= 8)
      mesh.axes.push_back({std::string(1, static_cast<char>('a' + mesh.axes.size())), size});
  }
  return mesh;
}

/// Each axis splits some dim, or none.
Sharding randomSharding(Random &random, size_t rank, const Mesh &mesh) {
  Sharding sharding = Sharding::replicated(rank);
  for (size_t axis = 0; axis < mesh.axes.size(); ++axis)
    if (const auto dim = static_cast<size_t>(below(random, static_cast<int64_t>(rank) + 1));
        dim < rank)
      sharding.dims[dim].push_back(static_cast<int>(axis));
  return sharding;
}

HostTensor randomTensor(Random &random) {
  constexpr DType kinds[] = {DType::I1,  DType::I8,   DType::I32, DType::I64,
                             DType::F16, DType::BF16, DType::F32, DType::F64};
  const DType dtype = kinds[below(random, std::size(kinds))];
  std::vector<int64_t> dims;
  for (int64_t rank = below(random, 4); rank > 0; --rank) dims.push_back(below(random, 8));
  HostTensor tensor(dtype, dims);
  for (std::byte &byte : std::span(static_cast<std::byte *>(tensor.mutableRaw()), tensor.bytes()))
    byte = static_cast<std::byte>(dtype == DType::I1 ? random() % 2 : random() % 256);
  return tensor;
}

/// The whole state: variables, then what one process alone has.
Checkpoint randomState(Random &random) {
  Checkpoint state;
  for (int64_t i = below(random, 5); i >= 0; --i)
    state.tensors.push_back({"v" + std::to_string(i), randomTensor(random)});
  state.metadata = {{"step", std::to_string(random() % 100)}};
  return state;
}

using Variables = std::vector<runtime::Variable>;

Variables cutAtRandom(Random &random, const Checkpoint &whole, const Mesh &mesh) {
  Variables variables;
  for (const auto &[name, tensor] : whole.tensors) {
    const Sharding sharding = randomSharding(random, tensor.dims().size(), mesh);
    variables.push_back({name,
                         tensor.dtype(),
                         localShape(tensor.dims(), sharding, mesh),
                         {tensor.dims(), sharding.str(mesh)}});
  }
  return variables;
}

absl::Status fill(MeshState &state, const Variables &variables, const Checkpoint &values) {
  if (auto declared = state.declare(variables); !declared.ok()) return declared.status();
  for (const auto &[name, tensor] : values.tensors)
    if (absl::Status s = state.set(name, tensor); !s.ok()) return s;
  return absl::OkStatus();
}

std::vector<std::string> namesOf(const Checkpoint &state) {
  std::vector<std::string> names;
  for (const auto &[name, tensor] : state.tensors) names.push_back(name);
  return names;
}

/// What only the first device writes.
Checkpoint restOf(const Checkpoint &whole) {
  Checkpoint rest;
  rest.tensors = {{"losses", HostTensor::from<float>({3}, {3, 2, 1})}};
  rest.metadata = whole.metadata;
  return rest;
}

/// Runs `body` on devices that are threads of this process, or in a process each.
void onMesh(const Mesh &mesh, bool inOneProcess,
            const std::function<absl::Status(MeshState &)> &body) {
  if (inOneProcess) {
    absl::Status status = body(*MeshState::inProcess(mesh, 1, {}, Padding::Poison));
    ASSERT_TRUE(status.ok()) << status;
    return;
  }
  auto statuses = runInProcess(static_cast<int>(mesh.devices()), {},
                               [&](runtime::Communicator &rank) -> absl::Status {
                                 std::shared_ptr<runtime::Communicator> mine(&rank, [](auto *) {});
                                 auto state = MeshState::ofRank(mesh, mine, 1);
                                 return state.ok() ? body(**state) : state.status();
                               });
  for (const absl::Status &status : statuses) ASSERT_TRUE(status.ok()) << status;
}

TEST_F(MeshCheckpoint, IsThatOfOneDeviceAndIsReadOnAnyMesh) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Checkpoint whole = randomState(random), rest = restOf(whole);
    Checkpoint all = whole;
    all.tensors.push_back(rest.tensors[0]);
    ASSERT_TRUE(runtime::writeCheckpoint(expected, all).ok());

    const Mesh from = randomMesh(random), to = randomMesh(random);
    const Variables written = cutAtRandom(random, whole, from),
                    read = cutAtRandom(random, whole, to);
    onMesh(from, seed % 2, [&](MeshState &state) {
      if (absl::Status s = fill(state, written, whole); !s.ok()) return s;
      return writeCheckpoint(path, state, namesOf(whole), rest);
    });
    ASSERT_EQ(content(path), content(expected)) << "from " << from.str();

    onMesh(to, seed % 3, [&](MeshState &state) -> absl::Status {
      if (auto declared = state.declare(read); !declared.ok()) return declared.status();
      auto file = CheckpointReader::open(path, state, namesOf(whole));
      if (!file.ok()) return file.status();
      if ((*file)->rest().metadata != rest.metadata || (*file)->rest().tensors != rest.tensors)
        return absl::InternalError("what is no variable changed");
      if (absl::Status s = (*file)->restore(); !s.ok()) return s;
      for (const auto &[name, tensor] : whole.tensors) {
        auto value = state.get(name);
        if (!value.ok()) return value.status();
        if (*value != tensor) return absl::InternalError("'" + name + "' changed on " + to.str());
      }
      return absl::OkStatus();
    });
  }
}

TEST_F(MeshCheckpoint, EachProcessReadsThePiecesOfItsDevices) {
  const Mesh mesh = *parseMesh("a=2,b=2");
  Checkpoint whole;
  whole.tensors = {{"split", HostTensor(DType::F32, {8, 6})},
                   {"half", HostTensor(DType::F64, {4})},
                   {"whole", HostTensor(DType::I8, {5})}};
  const Variables variables = {{"split", DType::F32, {4, 3}, {{8, 6}, "[{a},{b}]"}},
                               {"half", DType::F64, {2}, {{4}, "[{b}]"}},
                               {"whole", DType::I8, {5}, {{5}, "[{}]"}}};
  const Checkpoint rest = restOf(whole);
  Checkpoint all = whole;
  all.tensors.push_back(rest.tensors[0]);
  ASSERT_TRUE(runtime::writeCheckpoint(path, all).ok());
  onMesh(mesh, false, [&](MeshState &state) -> absl::Status {
    if (auto declared = state.declare(variables); !declared.ok()) return declared.status();
    auto file = CheckpointReader::open(path, state, namesOf(whole));
    if (!file.ok()) return file.status();
    if (absl::Status s = (*file)->restore(); !s.ok()) return s;
    EXPECT_EQ((*file)->bytesRead(), 4 * 3 * 4 + 2 * 8 + 5 + 3 * 4);
    return absl::OkStatus();
  });
}

TEST_F(MeshCheckpoint, WhatDoesNotFitOrIsDamagedIsRefusedByAll) {
  const Mesh mesh = *parseMesh("a=2");
  Checkpoint whole;
  whole.tensors = {{"w", HostTensor::from<float>({4}, {1, 2, 3, 4})}};
  ASSERT_TRUE(runtime::writeCheckpoint(path, whole).ok());
  auto problem = [&](const std::string &name, const std::vector<int64_t> &dims) {
    std::vector<std::string> messages(2);
    onMesh(mesh, false, [&](MeshState &state) -> absl::Status {
      const Sharding sharding = *parseSharding("[{a}]", mesh);
      const Variables variables = {
          {name, DType::F32, localShape(dims, sharding, mesh), {dims, "[{a}]"}}};
      if (auto declared = state.declare(variables); !declared.ok()) return declared.status();
      messages[static_cast<size_t>(state.device(0))] =
          std::string(CheckpointReader::open(path, state, {name}).status().message());
      return absl::OkStatus();
    });
    EXPECT_EQ(messages[0], messages[1]);
    return messages[0];
  };
  EXPECT_EQ(problem("w", {4}), "");
  EXPECT_THAT(problem("v", {4}), HasSubstr("there is no tensor 'v'"));
  EXPECT_THAT(problem("w", {6}), HasSubstr("tensor 'w' is f32[4], expected f32[6]"));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-2, std::ios::end); // what device 1 alone reads
  file.put('x');
  file.close();
  EXPECT_THAT(problem("w", {4}), HasSubstr("does not match its digest"));
}

TEST_F(MeshCheckpoint, OneThatFailsLeavesTheFileThatWasThere) {
  const Mesh mesh = *parseMesh("a=3");
  Random random(1);
  const Checkpoint whole = randomState(random);
  const Variables variables = cutAtRandom(random, whole, mesh);
  for (bool inOneProcess : {false, true})
    onMesh(mesh, inOneProcess, [&](MeshState &state) -> absl::Status {
      if (absl::Status s = fill(state, variables, whole); !s.ok()) return s;
      if (absl::Status s = writeCheckpoint(path, state, namesOf(whole), {}); !s.ok()) return s;
      const std::string before = content(path);
      // What an earlier run left there cannot be written over.
      if (state.device(0) == 0) std::filesystem::create_directories(path + ".partial/x");
      for (const std::string &where : {path, (folder / "none" / "x").string()}) {
        absl::Status refused = writeCheckpoint(where, state, namesOf(whole), {});
        EXPECT_THAT(std::string(refused.message()), HasSubstr("cannot write " + where))
            << "device " << state.device(0);
      }
      EXPECT_EQ(content(path), before);
      absl::Status unknown = writeCheckpoint(path, state, {"nothing"}, {});
      EXPECT_THAT(std::string(unknown.message()), HasSubstr("variable 'nothing' has no value"));
      if (state.device(0) == 0) std::filesystem::remove_all(path + ".partial");
      return writeCheckpoint(path, state, namesOf(whole), {}); // all of them still can
    });
}

TEST_F(MeshCheckpoint, WhatACrashLeftBesideItDoesNoHarm) {
  const Mesh mesh = *parseMesh("a=2");
  Random random(2);
  const Checkpoint whole = randomState(random);
  const Variables variables = cutAtRandom(random, whole, mesh);
  ASSERT_TRUE(runtime::writeCheckpoint(expected, whole).ok());
  std::ofstream(path + ".partial") << std::string(100'000, 'x');
  onMesh(mesh, false, [&](MeshState &state) {
    if (absl::Status s = fill(state, variables, whole); !s.ok()) return s;
    return writeCheckpoint(path, state, namesOf(whole), {{}, whole.metadata, ""});
  });
  EXPECT_EQ(content(path), content(expected));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

} // namespace
} // namespace weir::distributed
