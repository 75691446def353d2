//===- memory_test.cc - pages and variable storage ------------------------===//
// Alignment, population, code that runs, and what happens to the values of variables.
//===----------------------------------------------------------------------===//
#include "runtime/memory/mapping.h"
#include "runtime/memory/variable_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace weir::runtime {
namespace {

TEST(Mapping, IsZeroAlignedAndKeptByPopulate) {
  for (int64_t bytes : {int64_t(1), int64_t(100000), int64_t(5) << 20}) {
    auto mapping = Mapping::zeros(bytes);
    ASSERT_TRUE(mapping.ok());
    EXPECT_GE(mapping->size(), bytes);
    auto address = reinterpret_cast<uintptr_t>(mapping->data());
    EXPECT_EQ(address % (bytes >= (2 << 20) ? 2 << 20 : 4096), 0u);
    EXPECT_EQ(mapping->data()[bytes - 1], std::byte(0));
    mapping->data()[0] = std::byte(7);
    mapping->populate();
    EXPECT_EQ(mapping->data()[0], std::byte(7));
  }
}

TEST(Mapping, RefusesWhatNoMachineHas) {
  auto mapping = Mapping::zeros(int64_t(1) << 60);
  EXPECT_EQ(mapping.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(mapping.status().message(),
            "cannot map 1152921504606846976 bytes: Cannot allocate memory");
  EXPECT_EQ(Mapping::zeros(0)->data(), nullptr);
}

TEST(Reservation, CanBeUsedWhileItIsPopulated) {
  for (int64_t bytes : {int64_t(0), int64_t(100), int64_t(64) << 20}) {
    auto memory = Reservation::start(bytes);
    ASSERT_TRUE(memory.ok());
    ASSERT_GE((*memory)->size(), bytes);
    for (int64_t i = bytes - 1; i >= 0; i -= 4096) (*memory)->data()[i] = std::byte(i >> 12);
    for (int64_t i = bytes - 1; i >= 0; i -= 4096)
      ASSERT_EQ((*memory)->data()[i], std::byte(i >> 12));
  }
}

/// Permissions, such as "r-xp", of the mapping that holds `address`.
std::string permissionsOf(const void *address) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    uintptr_t begin = 0, end = 0;
    char permissions[8] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %7s", &begin, &end, permissions) == 3 &&
        reinterpret_cast<uintptr_t>(address) - begin < end - begin)
      return permissions;
  }
  return "none";
}

TEST(Mapping, CodeRunsAndCannotBeWritten) {
#if defined(__x86_64__)
  const uint8_t code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; // mov eax, 42; ret
  auto mapping = Mapping::code(code);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(permissionsOf(mapping->data()), "r-xp");
  EXPECT_EQ(reinterpret_cast<int (*)()>(mapping->data())(), 42);
  Mapping moved = *std::move(mapping);
  EXPECT_EQ(reinterpret_cast<int (*)()>(moved.data())(), 42);
#endif
}

TEST(VariableStore, AddressesStayAndTypesAreKept) {
  VariableStore store;
  ASSERT_TRUE(store.declare({{"a", DType::F32, {3}}, {"b", DType::I64, {}}}).ok());
  void *a = store.address("a"), *b = store.address("b");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b) % kBufferAlignment, 0u);
  ASSERT_TRUE(store.declare({{"c", DType::F64, {0}}, {"a", DType::F32, {3}}}).ok());
  EXPECT_EQ(store.address("a"), a);
  EXPECT_EQ(store.bytes(), 128);
  EXPECT_EQ(store.address("d"), nullptr);
  EXPECT_EQ(store.declare({{"b", DType::I32, {}}}).message(),
            "variable 'b' is i64[], here it is i32[]");
  EXPECT_THAT(store.names(), testing::ElementsAre("a", "b", "c"));
}

TEST(VariableStore, ValuesAreSetLostAndSetAgain) {
  VariableStore store;
  std::vector<Variable> both = {{"a", DType::F32, {}}, {"b", DType::F32, {}}};
  ASSERT_TRUE(store.declare(both).ok());
  EXPECT_FALSE(store.allSet());
  ASSERT_TRUE(store.set("a", HostTensor::scalar(1.f)).ok());
  EXPECT_EQ(store.requireValues(both).message(), "variable 'b' has no value yet");
  ASSERT_TRUE(store.set("b", HostTensor::scalar(2.f)).ok());
  EXPECT_TRUE(store.allSet() && store.requireValues(both).ok());
  store.poison({both[0]}, "why");
  EXPECT_EQ(store.get("b")->item<float>(), 2);
  EXPECT_EQ(store.get("a").status().message(),
            "variable 'a' lost its value when a run failed (why); "
            "set it again or restore a checkpoint");
  ASSERT_TRUE(store.set("a", HostTensor::scalar(3.f)).ok());
  EXPECT_TRUE(store.allSet());
  EXPECT_EQ(store.get("a")->item<float>(), 3);
}

TEST(VariableStore, ZerosAreStoredWhateverWasThereBefore) {
  VariableStore store;
  ASSERT_TRUE(store.declare({{"a", DType::F32, {}}}).ok());
  for (float value : {0.f, 5.f, 0.f, -0.f}) {
    ASSERT_TRUE(store.set("a", HostTensor::scalar(value)).ok());
    EXPECT_EQ(*store.get("a"), HostTensor::scalar(value)) << value;
  }
  *static_cast<float *>(store.address("a")) = 7; // a run that fails half-way
  store.poison({{"a", DType::F32, {}}}, "why");
  ASSERT_TRUE(store.set("a", HostTensor::scalar(0.f)).ok());
  EXPECT_EQ(store.get("a")->item<float>(), 0);
}

TEST(VariableStore, AdoptsMemoryWithItsValue) {
  HostTensor value = HostTensor::from<float>({3}, {1, 2, 3});
  VariableStore store;
  ASSERT_TRUE(store.adopt("w", value).ok());
  EXPECT_EQ(store.address("w"), value.raw());
  EXPECT_TRUE(store.allSet());
  EXPECT_TRUE(store.declare({{"w", DType::F32, {3}}, {"n", DType::I32, {}}}).ok());
  EXPECT_FALSE(store.declare({{"w", DType::F32, {4}}}).ok());
  EXPECT_EQ(store.get("w")->data<float>()[2], 3);
  EXPECT_FALSE(store.adopt("w", value).ok());
}

} // namespace
} // namespace weir::runtime
