// A parser of untrusted bytes, as the fuzzers see it. One file of this folder defines these three
// for each format; libfuzzer.cc and replay_test.cc drive them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace weir::fuzz {

using Random = std::mt19937_64;

/// Small valid files, which between them use all that the format has.
std::vector<std::string> seeds();

/// Whether the parser takes the bytes. To refuse them is right too; everything else (a crash, a
/// hang, memory out of proportion, a result that does not hold what it promises) ends the process.
bool accepts(std::string_view bytes);

/// A change that knows the format, so that what comes out gets deeper than changed bytes do.
std::string mutate(const std::string &bytes, Random &random);

} // namespace weir::fuzz
