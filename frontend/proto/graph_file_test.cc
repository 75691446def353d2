// .weir files: exact and canonical round trips, tensors in other files, and every refusal.
// features: G16
#include "frontend/proto/test_graphs.h"
#include "frontend/proto/weir.pb.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace weir::graph_file {
namespace {

using ::testing::HasSubstr;

TEST(GraphFile, RoundTripIsExactAndCanonical) {
  Graph graph;
  auto module = graph.parse(kGraph);
  ASSERT_TRUE(module);
  const std::string bytes = exportGraph(*module);
  EXPECT_TRUE(isGraphFile(bytes));
  auto again = importGraph(bytes, graph.context, "g.weir");
  EXPECT_EQ(Graph::print(*again), Graph::print(*module));
  EXPECT_EQ(exportGraph(*again), bytes);
  Graph other; // another context
  EXPECT_EQ(exportGraph(*importGraph(bytes, other.context, "g.weir")), bytes);
}

TEST(GraphFile, IdsOfAnotherWriterAreMadeCanonical) {
  Graph graph;
  const std::string bytes = exportGraph(*graph.parse(kGraph));
  proto::Graph message;
  ASSERT_TRUE(message.ParseFromString(bytes));
  proto::Block &body = *message.mutable_functions(1)->mutable_body();
  body.mutable_arguments(0)->set_id(70000000000);
  body.mutable_ops(0)->set_operands(0, 70000000000);
  EXPECT_EQ(exportGraph(*importGraph(message.SerializeAsString(), graph.context, "g.weir")), bytes);
}

class ExternalTest : public testing::Test {
protected:
  std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / ("graph_file_test." + std::to_string(getpid()));
  std::string path = directory / "g.weir";
  Graph graph;
  std::string text = "func.func @main() -> tensor<600xf32> {\n"
                     "  %0 = weir.iota shape = [600] dim = 0 element = f32 : tensor<600xf32>\n"
                     "  %1 = weir.constant dense<\"0x" +
                     repeated("0000803f00000040", 300) +
                     "\"> : tensor<600xf32>\n"
                     "  %2 = weir.add %0, %1 : tensor<600xf32>\n"
                     "  return %2 : tensor<600xf32>\n}";
  static std::string repeated(const std::string &part, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += part;
    return all;
  }
  void SetUp() override { std::filesystem::create_directories(directory); }
  void TearDown() override { std::filesystem::remove_all(directory); }
};

TEST_F(ExternalTest, LargeConstantsMayLieInSafetensors) {
  auto module = graph.parse(text);
  ASSERT_TRUE(module);
  write(path, *module, "w.safetensors");
  EXPECT_TRUE(std::filesystem::exists(directory / "w.safetensors"));
  EXPECT_LT(std::filesystem::file_size(path), 1000u);
  auto again = read(path, graph.context);
  EXPECT_EQ(exportGraph(*again), exportGraph(*module));
  std::filesystem::remove(directory / "w.safetensors");
  EXPECT_THROW(read(path, graph.context), Error);
}

template <typename F> std::string messageOf(F &&f) {
  try {
    f();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

TEST_F(ExternalTest, WeightsStayWithinTheFolder) {
  auto module = graph.parse(text);
  for (const char *name : {"../w.safetensors", "/tmp/w.safetensors"}) {
    ExternalTensors external{name};
    const std::string bytes = exportGraph(*module, &external);
    ASSERT_EQ(external.tensors.size(), 1u);
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_THAT(messageOf([&] { read(path, graph.context); }),
                HasSubstr("is not within the graph's folder"));
    EXPECT_THAT(messageOf([&] { importGraph(bytes, graph.context, "g.weir"); }),
                HasSubstr("other files are not read here"));
  }
}

/// The error after `change` to the graph's message.
template <typename F> std::string errorAfter(F &&change) {
  Graph graph;
  proto::Graph message;
  message.ParseFromString(exportGraph(*graph.parse(kGraph)));
  change(message);
  return messageOf([&] { importGraph(message.SerializeAsString(), graph.context, "g.weir"); });
}
proto::Op &opOf(proto::Graph &graph, int i) {
  return *graph.mutable_functions(0)->mutable_body()->mutable_ops(i);
}

TEST(GraphFile, RefusesNewerVersions) {
  EXPECT_EQ(errorAfter([](proto::Graph &g) { g.set_version(2); }),
            "g.weir: error: the file has version 2 of the graph format; this weir reads versions "
            "up to 1");
  EXPECT_EQ(errorAfter([](proto::Graph &g) { g.set_version(0); }),
            "g.weir: error: the file has no version");
  EXPECT_EQ(errorAfter([](proto::Graph &g) {
              g.GetReflection()->MutableUnknownFields(&g)->AddVarint(16, 1);
            }),
            "g.weir: error: the file has fields that version 1 of the format does not have");
}

TEST(GraphFile, RefusesWhatIsNotOne) {
  Graph graph;
  EXPECT_EQ(messageOf([&] { importGraph("func.func", graph.context, "x"); }),
            "x: error: not a .weir graph file");
  const std::string bytes = exportGraph(*graph.parse(kGraph));
  EXPECT_EQ(messageOf([&] { importGraph(bytes.substr(0, bytes.size() - 9), graph.context, "x"); }),
            "x: error: the file is truncated or damaged");
}

TEST(GraphFile, MistakesNameTheOpAndItsPlace) {
  EXPECT_EQ(errorAfter([](proto::Graph &g) { opOf(g, 5).set_operands(1, 99); }),
            "g.weir: error: @main op 5, weir.dot: operand 1 is value 99, which is not defined "
            "before\nmodel.py:3: note: it was made here");
  EXPECT_THAT(errorAfter([](proto::Graph &g) { opOf(g, 5).set_name("weir.dott"); }),
              HasSubstr("@main op 5, weir.dott: there is no op of this name"));
  EXPECT_THAT(errorAfter([](proto::Graph &g) { opOf(g, 5).set_name("builtin.module"); }),
              HasSubstr("there is no op of this name"));
  EXPECT_THAT(errorAfter([](proto::Graph &g) {
                opOf(g, 5).mutable_attributes(0)->mutable_value()->set_text("x");
              }),
              HasSubstr("attribute 'lhs_batch' is \"x\", which is not of its kind"));
  EXPECT_THAT(
      errorAfter([](proto::Graph &g) { opOf(g, 5).mutable_attributes(0)->set_name("dims"); }),
      HasSubstr("it has no attribute 'dims'"));
  EXPECT_THAT(errorAfter([](proto::Graph &g) {
                opOf(g, 0).mutable_attributes(0)->mutable_value()->mutable_tensor()->set_raw("abc");
              }),
              HasSubstr("a tensor is f32[2, 3], which takes 24 bytes, but has 3"));
  EXPECT_THAT(errorAfter([](proto::Graph &g) { opOf(g, 5).clear_attributes(); }),
              HasSubstr("model.py:3: error: 'weir.dot' op requires attribute 'lhs_batch'"));
  EXPECT_THAT(errorAfter([](proto::Graph &g) {
                opOf(g, 5).mutable_results(0)->mutable_type()->set_shape(0, -2);
              }),
              HasSubstr("f32[-2, 3] has a negative size or too many elements"));
  EXPECT_THAT(errorAfter([](proto::Graph &g) { opOf(g, 6).mutable_results(0)->set_id(0); }),
              HasSubstr("value 0 is defined twice"));
}

TEST(GraphFile, LocationsThatFanOutAreRefused) {
  // Forty calls of the one before by itself would be 2^40 frames to whoever prints them.
  EXPECT_THAT(errorAfter([](proto::Graph &g) {
                for (int i = 0; i < 40; ++i) {
                  const auto last = static_cast<uint32_t>(g.locations_size());
                  auto &call = *g.add_locations()->mutable_call();
                  call.set_callee(last);
                  call.set_caller(last);
                }
              }),
              HasSubstr("it has more than 4096 frames"));
  EXPECT_THAT(
      errorAfter([](proto::Graph &g) { g.mutable_locations(0)->mutable_name()->set_child(1); }),
      HasSubstr("location 1: it refers to location 1 of 0 before it"));
}

TEST(GraphFile, DeepRegionsAreRefused) {
  Graph graph;
  EXPECT_THAT(errorAfter([](proto::Graph &g) {
                proto::Op *op = &opOf(g, 8);
                for (int i = 0; i < 100; ++i) op = op->add_regions()->add_blocks()->add_ops();
              }),
              HasSubstr("truncated or damaged"));
}

TEST(GraphFile, WhatAFileCannotHoldIsNamed) {
  Graph graph;
  EXPECT_THAT(messageOf([&] {
                exportGraph(*graph.parse("func.func private @f(tensor<2xf32>) -> tensor<2xf32>"));
              }),
              HasSubstr("a function without a body cannot be written"));
  EXPECT_THAT(messageOf([&] {
                exportGraph(
                    *graph.parse("func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
                                 "  %0 = weir.tanh %x {weir.buffer = #weir.buffer<arena, 0, 0, 8>} "
                                 ": tensor<2xf32>\n  return %0 : tensor<2xf32>\n}"));
              }),
              HasSubstr("test.mlir:2: error: weir.tanh: attributes of this kind cannot be written: "
                        "#weir.buffer<arena, 0, 0, 8>"));
}

} // namespace
} // namespace weir::graph_file
