// Mutated graph files never abort: the importer gives a verified module or an Error. Bytes are
// broken at random, and fields of the message are exchanged, which gets deeper.
// features: G16
#include "frontend/proto/test_graphs.h"
#include "frontend/proto/weir.pb.h"

#include <cstdlib>
#include <google/protobuf/reflection.h>
#include <gtest/gtest.h>
#include <random>

namespace weir::graph_file {
namespace {

using Random = std::mt19937_64;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

uint64_t setting(const char *name, uint64_t fallback) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

/// All messages in `root`, itself included.
void collect(Message &root, std::vector<Message *> &all) {
  all.push_back(&root);
  const auto *reflection = root.GetReflection();
  std::vector<const FieldDescriptor *> fields;
  reflection->ListFields(root, &fields);
  for (const FieldDescriptor *field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated())
      collect(*reflection->MutableMessage(&root, field), all);
    else
      for (int i = 0; i < reflection->FieldSize(root, field); ++i)
        collect(*reflection->MutableRepeatedMessage(&root, field, i), all);
  }
}

int64_t number(Random &random) {
  switch (random() % 4) {
  case 0:
    return static_cast<int64_t>(random());
  case 1:
    return -static_cast<int64_t>(random() % 4);
  default:
    return static_cast<int64_t>(random() % 30);
  }
}

/// Removes, repeats, or changes one field of `message`.
void changeField(Message &message, const FieldDescriptor *field, Random &random) {
  const auto *r = message.GetReflection();
  if (field->is_repeated()) {
    const int size = r->FieldSize(message, field);
    if (size == 0) return;
    const int at = static_cast<int>(random() % size);
    if (random() % 3 == 0)
      r->RemoveLast(&message, field);
    else if (random() % 2)
      r->SwapElements(&message, field, at, static_cast<int>(random() % size));
    else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64)
      r->SetRepeatedInt64(&message, field, at, number(random));
    else if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64)
      r->SetRepeatedUInt64(&message, field, at, random() % 30);
    else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      r->AddMessage(&message, field)->CopyFrom(r->GetRepeatedMessage(message, field, at));
    return;
  }
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT64:
    return r->SetInt64(&message, field, number(random));
  case FieldDescriptor::CPPTYPE_UINT64:
    return r->SetUInt64(&message, field, random() % 30);
  case FieldDescriptor::CPPTYPE_UINT32:
    return r->SetUInt32(&message, field, static_cast<uint32_t>(random() % 30));
  case FieldDescriptor::CPPTYPE_ENUM:
    return r->SetEnumValue(&message, field, static_cast<int>(random() % 15));
  case FieldDescriptor::CPPTYPE_BOOL:
    return r->SetBool(&message, field, random() % 2);
  default:
    r->ClearField(&message, field);
  }
}

/// Changes a field, or puts a message of the same kind in place of one.
void mutate(proto::Graph &graph, Random &random) {
  std::vector<Message *> all;
  collect(graph, all);
  Message &message = *all[random() % all.size()];
  if (random() % 3 == 0) {
    const Message &other = *all[random() % all.size()];
    // A part of another is never put around itself: the copy is made first.
    if (other.GetDescriptor() == message.GetDescriptor() && &message != &graph) {
      std::unique_ptr<Message> copy(other.New());
      copy->CopyFrom(other);
      message.CopyFrom(*copy);
    }
    return;
  }
  const auto *descriptor = message.GetDescriptor();
  if (descriptor->field_count() == 0) return;
  changeField(message, descriptor->field(static_cast<int>(random() % descriptor->field_count())),
              random);
}

/// Names of ops are words of the same list: another op with the same operands.
void rename(proto::Graph &graph, Random &random) {
  static const char *const names[] = {
      "weir.add",         "weir.dot",      "weir.scan",         "weir.while",   "weir.if",
      "weir.yield",       "weir.sweep",    "weir.call",         "weir.vjp",     "weir.sort",
      "weir.concatenate", "weir.gather",   "weir.pad",          "weir.reshape", "weir.unfold",
      "weir.iota",        "weir.constant", "func.return",       "func.func",    "weir.launch",
      "weir.convert",     "weir.fold",     "weir.dynamic_slice"};
  auto &body = *graph.mutable_functions(0)->mutable_body();
  if (body.ops_size())
    body.mutable_ops(static_cast<int>(random() % body.ops_size()))
        ->set_name(names[random() % std::size(names)]);
}

TEST(GraphFileFuzz, MutatedMessagesNeverAbort) {
  Graph graph;
  proto::Graph whole;
  ASSERT_TRUE(whole.ParseFromString(exportGraph(*graph.parse(kGraph))));
  const uint64_t seed = setting("WEIR_FUZZ_SEED", 1), trials = setting("WEIR_FUZZ_TRIALS", 4000);
  uint64_t accepted = 0;
  for (uint64_t trial = 0; trial < trials; ++trial) {
    SCOPED_TRACE("trial " + std::to_string(trial));
    Random random(seed * 1000003 + trial);
    proto::Graph message = whole;
    for (uint64_t i = 0, count = 1 + random() % 3; i < count; ++i) mutate(message, random);
    if (random() % 4 == 0 && message.functions_size()) rename(message, random);
    try {
      auto module = importGraph(message.SerializeAsString(), graph.context, "fuzz.weir");
      const std::string bytes = exportGraph(*module);
      EXPECT_EQ(exportGraph(*importGraph(bytes, graph.context, "again.weir")), bytes);
      ++accepted;
    } catch (const Error &) {
    }
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, trials);
}

TEST(GraphFileFuzz, MutatedBytesNeverAbort) {
  Graph graph;
  const std::string whole = exportGraph(*graph.parse(kGraph));
  const uint64_t seed = setting("WEIR_FUZZ_SEED", 1), trials = setting("WEIR_FUZZ_TRIALS", 4000);
  for (uint64_t trial = 0; trial < trials; ++trial) {
    Random random(seed * 1000003 + trial);
    std::string bytes = whole;
    for (uint64_t i = 0, count = 1 + random() % 4; i < count; ++i) {
      const size_t at = 6 + random() % (bytes.size() - 8);
      if (random() % 3)
        bytes[at] = static_cast<char>(random());
      else if (random() % 2)
        bytes.erase(at, 1);
      else
        bytes.insert(at, 1, static_cast<char>(random()));
    }
    try {
      importGraph(bytes, graph.context, "fuzz.weir");
    } catch (const Error &) {
    }
  }
}

} // namespace
} // namespace weir::graph_file
