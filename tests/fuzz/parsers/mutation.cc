#include "tests/fuzz/parsers/mutation.h"

#include <google/protobuf/reflection.h>

#include <memory>

namespace weir::fuzz {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void mutateBytes(std::string &bytes, size_t from, size_t to, Random &random,
                 std::string_view alphabet) {
  auto character = [&] {
    return alphabet.empty() ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
  };
  for (uint64_t i = 0, count = 1 + random() % 4; i < count; ++i) {
    to = std::min(to, bytes.size());
    if (from >= to) return;
    const size_t at = from + random() % (to - from);
    switch (random() % 4) {
    case 0:
      bytes.erase(at, 1 + random() % 8);
      break;
    case 1:
      bytes.insert(at, 1, character());
      break;
    default:
      bytes[at] = character();
    }
  }
}

namespace {

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

/// Mostly small, as dims and indices are.
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

void changeRepeated(Message &message, const FieldDescriptor *field, Random &random) {
  const auto *r = message.GetReflection();
  const int size = r->FieldSize(message, field);
  if (size == 0) return;
  const int at = static_cast<int>(random() % size);
  switch (random() % 3) {
  case 0:
    return r->RemoveLast(&message, field);
  case 1:
    return r->SwapElements(&message, field, at, static_cast<int>(random() % size));
  default:
    break;
  }
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT64:
    return r->SetRepeatedInt64(&message, field, at, number(random));
  case FieldDescriptor::CPPTYPE_UINT64:
    return r->SetRepeatedUInt64(&message, field, at, random() % 30);
  case FieldDescriptor::CPPTYPE_INT32:
    return r->SetRepeatedInt32(&message, field, at, static_cast<int32_t>(number(random)));
  case FieldDescriptor::CPPTYPE_STRING: {
    const std::string text = r->GetRepeatedString(message, field, at);
    return r->SetRepeatedString(&message, field, static_cast<int>(random() % size), text);
  }
  case FieldDescriptor::CPPTYPE_MESSAGE: {
    std::unique_ptr<Message> copy(r->GetRepeatedMessage(message, field, at).New());
    copy->CopyFrom(r->GetRepeatedMessage(message, field, at));
    return r->AddMessage(&message, field)->CopyFrom(*copy);
  }
  default:
    return;
  }
}

void changeField(Message &message, const FieldDescriptor *field, Random &random) {
  if (field->is_repeated()) return changeRepeated(message, field, random);
  const auto *r = message.GetReflection();
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT64:
    return r->SetInt64(&message, field, number(random));
  case FieldDescriptor::CPPTYPE_UINT64:
    return r->SetUInt64(&message, field, static_cast<uint64_t>(number(random)));
  case FieldDescriptor::CPPTYPE_INT32:
    return r->SetInt32(&message, field, static_cast<int32_t>(number(random)));
  case FieldDescriptor::CPPTYPE_UINT32:
    return r->SetUInt32(&message, field, static_cast<uint32_t>(number(random)));
  case FieldDescriptor::CPPTYPE_ENUM:
    return r->SetEnumValue(&message, field, static_cast<int>(random() % 30));
  case FieldDescriptor::CPPTYPE_BOOL:
    return r->SetBool(&message, field, random() % 2);
  default:
    return r->ClearField(&message, field);
  }
}

} // namespace

void mutateMessage(Message &root, Random &random) {
  std::vector<Message *> all;
  collect(root, all);
  Message &message = *all[random() % all.size()];
  if (random() % 3 == 0) {
    const Message &other = *all[random() % all.size()];
    if (other.GetDescriptor() != message.GetDescriptor() || &message == &root) return;
    // A part of another is never put around itself: the copy is made first.
    std::unique_ptr<Message> copy(other.New());
    copy->CopyFrom(other);
    message.CopyFrom(*copy);
    return;
  }
  // Fields that are there, twice as often as any that the message may have.
  const auto *descriptor = message.GetDescriptor();
  std::vector<const FieldDescriptor *> fields;
  message.GetReflection()->ListFields(message, &fields);
  if (fields.empty() || random() % 3 == 0) {
    if (descriptor->field_count() == 0) return;
    fields = {descriptor->field(static_cast<int>(random() % descriptor->field_count()))};
  }
  changeField(message, fields[random() % fields.size()], random);
}

void renameField(Message &root, const std::string &name, const std::vector<std::string> &words,
                 Random &random) {
  std::vector<Message *> all, named;
  collect(root, all);
  for (Message *message : all) {
    const FieldDescriptor *field = message->GetDescriptor()->FindFieldByName(name);
    if (field && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated() &&
        message->GetReflection()->HasField(*message, field))
      named.push_back(message);
  }
  if (named.empty()) return;
  Message &message = *named[random() % named.size()];
  message.GetReflection()->SetString(&message, message.GetDescriptor()->FindFieldByName(name),
                                     words[random() % words.size()]);
}

} // namespace weir::fuzz
