// Import of ONNX models: what is decided while importing, control flow, functions, external data,
// and what is refused.
// features: X12
#include "frontend/import/onnx/model_builder.h"
#include "frontend/weir.h"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>

namespace weir::onnx {
namespace {

Array row(const std::vector<float> &values) {
  return Array::from<float>({static_cast<int64_t>(values.size())}, values);
}

/// The first output, compiled and interpreted alike.
std::vector<double> runBoth(const Graph &graph, const Feeds &feeds, const std::string &output) {
  const Array compiled = graph.compile({.threads = 1}).run(feeds)[Name(output)];
  const Array interpreted = graph.compile({.interpret = true}).run(feeds)[Name(output)];
  EXPECT_EQ(compiled.str(), interpreted.str());
  return compiled.toDoubles();
}

std::string reportOf(const Model &model, const ImportOptions &options = {}) {
  try {
    model.graph(options);
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

TEST(OnnxImport, ComputesShapesThatFollowFromOtherShapes) {
  ModelBuilder m;
  m.input("x", {"2", "6"});
  m.output("y");
  m.ints("first", {0});
  m.ints("rest", {3, -1});
  m.node("Shape", {"x"}, {"shape"});
  m.node("Gather", {"shape", "first"}, {"rows"});
  m.node("Concat", {"rows", "rest"}, {"wanted"}).add_attribute()->set_name("axis");
  m.node("Reshape", {"x", "wanted"}, {"y"});
  const Model model = m.parse();
  const Program program = model.graph().compile({.interpret = true});
  EXPECT_EQ(program.outputs()[0].type.shape, (Shape{2, 3, 2}));
}

TEST(OnnxImport, TellsWhichInputsItsShapesDependOn) {
  ModelBuilder m;
  m.input("x", {"6"});
  m.input("shape", {"2"}, TensorProto::INT64);
  m.output("y");
  m.node("Reshape", {"x", "shape"}, {"y"});
  const Model model = m.parse();
  EXPECT_NE(reportOf(model).find("'shape') is only known when the graph runs"), std::string::npos);
  std::vector<std::string> fixed;
  ImportOptions options;
  options.values["shape"] = Array::from<int64_t>({2}, {2, 3});
  options.values["x"] = row({1, 2, 3, 4, 5, 6});
  const Graph graph = model.graph(options, &fixed);
  EXPECT_EQ(fixed, std::vector<std::string>{"shape"});
  EXPECT_EQ(graph.compile({.interpret = true}).outputs()[0].type.shape, (Shape{2, 3}));
}

TEST(OnnxImport, OpenDimsTakeTheSizesGiven) {
  ModelBuilder m;
  m.input("x", {"N", ""});
  m.output("y");
  m.node("Relu", {"x"}, {"y"});
  const Model model = m.parse();
  EXPECT_NE(reportOf(model).find("give 'N' a size"), std::string::npos);
  const Graph graph = model.graph({.sizes = {{"N", 2}, {"x.1", 3}}});
  EXPECT_EQ(graph.compile({.interpret = true}).outputs()[0].type.shape, (Shape{2, 3}));
}

TEST(OnnxImport, ReportsEveryReasonAtOnce) {
  ModelBuilder m;
  m.input("x", {"2"});
  m.input("text", {"2"}, TensorProto::STRING);
  m.output("z");
  m.node("ImageDecoder", {"x"}, {"a"});
  m.node("Relu", {"a"}, {"b"});
  m.node("StringNormalizer", {"text"}, {"c"});
  m.node("Transpose", {"nobody"}, {"z"});
  const std::string report = reportOf(m.parse());
  for (const char *reason :
       {"test.onnx:1",
        "node 'ImageDecoder_a': ImageDecoder: this op is not supported: images are decoded before",
        "input 'text' is STRING[2], which is not supported", "operand 'nobody' is not defined",
        "StringNormalizer: this op is not supported"})
    EXPECT_NE(report.find(reason), std::string::npos) << reason << "\nin\n" << report;
  EXPECT_EQ(report.find("Relu"), std::string::npos) << "only reasons, not what follows from them";
}

TEST(OnnxImport, WeightsOfFourBitsAreUnpackedAndScaled) {
  ModelBuilder m(21);
  m.output("y");
  TensorProto &packed = *m.graph.add_initializer(); // 7, -8, -1, 2, 3
  packed.set_name("w");
  packed.set_data_type(TensorProto::INT4);
  packed.add_dims(5);
  packed.set_raw_data(std::string("\x87\x2f\x03", 3));
  m.floats("scale", {}, {0.5});
  m.node("Identity", {"w"}, {"v"});
  m.node("DequantizeLinear", {"v", "scale"}, {"y"});
  EXPECT_EQ(runBoth(m.parse().graph(), {}, "y"), (std::vector<double>{3.5, -4, -0.5, 1, 1.5}));
  packed.set_raw_data("\x87");
  EXPECT_NE(reportOf(m.parse()).find("tensor 'w': has 1 bytes, its dims need 3"),
            std::string::npos);
}

TEST(OnnxImport, QuantisationKeepsToWhatANarrowTypeHolds) {
  ModelBuilder m(25);
  m.input("x", {"6"});
  for (const char *name : {"int4", "float8", "wrapped"}) m.output(name);
  m.floats("one", {}, {1});
  auto typed = [&](const std::string &name, int64_t type) {
    setInt(m.node("QuantizeLinear", {"x", "one"}, {name}), "output_dtype", type);
  };
  typed("int4", TensorProto::INT4);
  typed("float8", TensorProto::FLOAT8E4M3FN);
  setInt(m.node("Cast", {"x"}, {"wrapped"}), "to", TensorProto::UINT4);
  const Graph graph = m.parse().graph();
  const Feeds feeds{{"x", row({-9.6f, 0.3f, 17.4f, 1000, 2.5f, -0.001f})}};
  EXPECT_EQ(runBoth(graph, feeds, "int4"), (std::vector<double>{-8, 0, 7, 7, 2, 0}));
  EXPECT_EQ(runBoth(graph, feeds, "float8"),
            (std::vector<double>{-10, 0.3125, 18, 448, 2.5, -0.001953125}));
  EXPECT_EQ(runBoth(graph, feeds, "wrapped"), (std::vector<double>{7, 0, 1, 8, 2, 0}));
}

TEST(OnnxImport, BoxesAreChosenWhereTheyAreKnown) {
  ModelBuilder m;
  m.input("boxes", {"1", "3", "4"});
  m.floats("scores", {1, 1, 3}, {0.5, 0.9, 0.8});
  m.ints("most", {3});
  m.floats("overlap", {}, {0.5});
  m.output("kept");
  m.node("NonMaxSuppression", {"boxes", "scores", "most", "overlap"}, {"kept"});
  EXPECT_NE(reportOf(m.parse()).find("NonMaxSuppression: the list of boxes ('boxes') is only known "
                                     "when the graph runs, but shapes depend on it"),
            std::string::npos);
  ImportOptions options;
  options.values["boxes"] = Array::from<float>({1, 3, 4}, {0, 0, 2, 2, 0, 0, 2, 2.1f, 5, 5, 7, 7});
  std::vector<std::string> fixed;
  const Graph graph = m.parse().graph(options, &fixed);
  EXPECT_EQ(fixed, (std::vector<std::string>{"boxes"}));
  EXPECT_EQ(runBoth(graph, {{"boxes", options.values["boxes"]}}, "kept"),
            (std::vector<double>{0, 0, 1, 0, 0, 2}));
}

TEST(OnnxImport, IfChoosesWhenTheGraphRuns) {
  ModelBuilder m;
  m.input("x", {"2"});
  m.input("c", {}, TensorProto::BOOL);
  m.output("y");
  proto::NodeProto &node = m.node("If", {"c"}, {"y"});
  for (const auto &[branch, op] :
       {std::pair{"then_branch", "Neg"}, std::pair{"else_branch", "Exp"}}) {
    GraphBuilder body(addBody(node, branch));
    body.output("r");
    body.node(op, {"x"}, {"r"});
  }
  const Graph graph = m.parse().graph();
  const Feeds yes = {{"x", row({1, 2})}, {"c", Array::scalar<bool>(true)}};
  EXPECT_EQ(runBoth(graph, yes, "y"), (std::vector<double>{-1, -2}));
  const Feeds no = {{"x", row({0, 0})}, {"c", Array::scalar<bool>(false)}};
  EXPECT_EQ(runBoth(graph, no, "y"), (std::vector<double>{1, 1}));
}

/// y doubled `trips` times, while it is below 100 where `bounded`; each step's y stacked otherwise.
void addDoublingLoop(ModelBuilder &m, bool bounded) {
  proto::NodeProto &node =
      m.node("Loop", {"trips", "", "x"},
             bounded ? std::vector<std::string>{"y"} : std::vector<std::string>{"y", "all"});
  GraphBuilder body(addBody(node, "body"));
  body.input("i", {}, TensorProto::INT64);
  body.input("on", {}, TensorProto::BOOL);
  body.input("value", {});
  body.floats("limit", {}, {100});
  body.node("Add", {"value", "value"}, {"twice"});
  body.node(bounded ? "Less" : "Identity",
            bounded ? std::vector<std::string>{"twice", "limit"} : std::vector<std::string>{"on"},
            {"goes_on"});
  body.output("goes_on");
  body.output("twice");
  if (bounded) return;
  body.node("Identity", {"twice"}, {"step"});
  body.output("step");
}

TEST(OnnxImport, LoopsOfKnownLengthStackTheirResults) {
  ModelBuilder m;
  m.input("x", {});
  m.ints("trips", {3});
  addDoublingLoop(m, false);
  m.output("y");
  m.output("all");
  const Graph graph = m.parse().graph();
  const Feeds feeds = {{"x", Array::scalar<float>(1)}};
  EXPECT_EQ(runBoth(graph, feeds, "y"), std::vector<double>{8});
  EXPECT_EQ(runBoth(graph, feeds, "all"), (std::vector<double>{2, 4, 8}));
}

TEST(OnnxImport, LoopsEndWhenTheirConditionDoes) {
  ModelBuilder m;
  m.input("x", {});
  m.ints("trips", {1000});
  addDoublingLoop(m, true);
  m.output("y");
  EXPECT_EQ(runBoth(m.parse().graph(), {{"x", Array::scalar<float>(3)}}, "y"),
            std::vector<double>{192});
}

TEST(OnnxImport, SequencesAreListsWhileImporting) {
  ModelBuilder m;
  m.input("x", {"3"});
  m.output("y");
  m.ints("last", {-1});
  setInt(m.node("SplitToSequence", {"x"}, {"parts"}), "axis", 0);
  m.node("SequenceErase", {"parts", "last"}, {"fewer"});
  m.node("SequenceInsert", {"fewer", "x"}, {"more"});
  setInt(m.node("ConcatFromSequence", {"more"}, {"y"}), "axis", 0);
  EXPECT_EQ(runBoth(m.parse().graph(), {{"x", row({1, 2, 3})}}, "y"),
            (std::vector<double>{1, 2, 1, 2, 3}));
}

TEST(OnnxImport, CallsFunctionsWithTheirAttributes) {
  ModelBuilder m;
  m.input("x", {"2"});
  m.output("y");
  proto::FunctionProto &function = *m.model->add_functions();
  function.set_domain("mine");
  function.set_name("Leak");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("slope");
  function.add_opset_import()->set_version(18);
  proto::NodeProto &inner = *function.add_node();
  inner.set_op_type("LeakyRelu");
  inner.add_input("a");
  inner.add_output("b");
  auto &reference = *inner.add_attribute();
  reference.set_name("alpha");
  reference.set_ref_attr_name("slope");
  proto::NodeProto &call = m.node("Leak", {"x"}, {"y"});
  call.set_domain("mine");
  auto &slope = *call.add_attribute();
  slope.set_name("slope");
  slope.set_f(0.5);
  EXPECT_EQ(runBoth(m.parse().graph(), {{"x", row({-2, 2})}}, "y"), (std::vector<double>{-1, 2}));
}

TEST(OnnxImport, ReadsExternalDataOfItsOwnFolderOnly) {
  const std::string folder = ::testing::TempDir();
  std::ofstream(folder + "/weights.bin", std::ios::binary).write("\0\0\0\0\0\0\x80?\0\0\0@", 12);
  ModelBuilder m;
  TensorProto &tensor = *m.graph.add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.add_dims(2);
  tensor.set_data_location(TensorProto::EXTERNAL);
  auto set = [&](const char *key, const char *value) {
    auto &entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  set("location", "weights.bin");
  set("offset", "4");
  m.input("x", {"2"});
  m.output("y");
  m.node("Add", {"x", "w"}, {"y"});
  EXPECT_EQ(runBoth(m.parse(folder + "/m.onnx").graph(), {{"x", row({1, 1})}}, "y"),
            (std::vector<double>{2, 3}));
  tensor.mutable_external_data(0)->set_value("../weights.bin");
  EXPECT_NE(reportOf(m.parse(folder + "/m.onnx")).find("must be in the model's folder"),
            std::string::npos);
}

TEST(OnnxImport, ImportedModelsTrainFurther) {
  ModelBuilder m;
  m.input("x", {"4", "1"});
  m.floats("w", {1, 1}, {0});
  m.output("y");
  m.node("MatMul", {"x", "w"}, {"y"});
  Graph graph;
  const Tensor x = graph.input("x", f32, {4, 1});
  const Tensor y = m.parse().apply(graph, {x}, {.trainable = true})[0];
  const Tensor loss = nn::meanSquaredError(y, x * 3.0);
  graph.minimize(loss, nn::sgd(0.1));
  graph.output("loss", loss);
  Program program = graph.compile({.interpret = true});
  const Array batch = Array::from<float>({4, 1}, {1, 2, -1, -2});
  for (int i = 0; i < 50; ++i) program.run({{"x", batch}});
  EXPECT_NEAR(program.variable("w").at(0), 3, 1e-3);
}

TEST(OnnxImport, OtherFilesAreErrors) {
  EXPECT_THROW(Model::parse("no model", "bad.onnx"), Error);
}

} // namespace
} // namespace weir::onnx
