// Changes that formats share: of bytes, of text, of protobuf messages.
#pragma once

#include "tests/fuzz/parsers/parser.h"

#include <google/protobuf/message.h>

namespace weir::fuzz {

/// A number below `n`; 0 when n is 0.
inline size_t below(size_t n, Random &random) { return n ? random() % n : 0; }

/// Replaces, removes or inserts one to four characters of [from, to); new ones are any byte, or of
/// `alphabet`.
void mutateBytes(std::string &bytes, size_t from, size_t to, Random &random,
                 std::string_view alphabet = "");

/// Changes one field of any message below `root`, or puts a copy of another message of its kind in
/// its place.
void mutateMessage(google::protobuf::Message &root, Random &random);

/// One field called `name`, anywhere, becomes a word of `words`.
void renameField(google::protobuf::Message &root, const std::string &name,
                 const std::vector<std::string> &words, Random &random);

} // namespace weir::fuzz
