// Readers, tokenizer and samplers: what they read, and what they say when a file is not what it
// should be.
#include "frontend/data/loader.h"
#include "frontend/data/readers.h"
#include "frontend/data/text.h"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <zlib.h>

namespace weir::data {
namespace {

std::string temporary(const std::string &name) {
  const char *folder = std::getenv("TEST_TMPDIR");
  return std::string(folder ? folder : "/tmp") + "/" + name;
}

std::string write(const std::string &name, const std::string &bytes, bool gzip = false) {
  std::string path = temporary(name);
  if (gzip) {
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
  } else {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  return path;
}

std::string messageOf(const std::function<void()> &action) {
  try {
    action();
  } catch (const Error &error) {
    return error.message();
  }
  return "no error";
}

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, MatchesPublishedVectors) {
  EXPECT_EQ(philox({0, 0}, 0),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST(Philox, ContinuesFromASavedPosition) {
  Philox first(7);
  for (int i = 0; i < 5; ++i) first.bits();
  Philox second(first.key, first.position);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(first.bits(), second.bits());
}

TEST(Philox, NormalHasUnitVariance) {
  Philox random(streamKey(3, "w"));
  double sum = 0, squares = 0;
  for (int i = 0; i < 20000; ++i) {
    double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 20000, 0, 0.03);
  EXPECT_NEAR(squares / 20000, 1, 0.04);
}

TEST(Readers, CsvSkipsAHeaderAndScales) {
  LabelledRows rows = readCsv(write("a.csv", "p0,p1,label\n8,16,3\r\n\n0, 4 ,7\n"), 16);
  EXPECT_EQ(rows.features, Array::from<float>({2, 2}, {0.5f, 1.0f, 0.0f, 0.25f}));
  EXPECT_EQ(rows.labels, Array::from<int32_t>({2}, {3, 7}));
  EXPECT_EQ(rows.pick({1, 1}).labels, Array::from<int32_t>({2}, {7, 7}));
}

TEST(Readers, IdxGzippedOrNotIsTheSame) {
  std::string images{"\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02\x00\xff\x33\x00", 20};
  std::string labels{"\0\0\x08\x01\0\0\0\x02\x05\x09", 10};
  LabelledRows plain = readIdx(write("i", images), write("l", labels));
  LabelledRows gzip = readIdx(write("i.gz", images, true), write("l.gz", labels, true));
  EXPECT_EQ(plain.features, Array::from<float>({2, 2}, {0.0f, 1.0f, 0.2f, 0.0f}));
  EXPECT_EQ(plain.labels, Array::from<int32_t>({2}, {5, 9}));
  EXPECT_EQ(plain.features, gzip.features);
}

TEST(Readers, MistakesAreNamedWithTheFile) {
  EXPECT_EQ(messageOf([] { readCsv("/no/such.csv"); }),
            "cannot open /no/such.csv: No such file or directory");
  std::string ragged = write("b.csv", "1,2\n1,2,3\n");
  EXPECT_EQ(messageOf([&] { readCsv(ragged); }), ragged + ":2: 3 fields, 2 expected");
  std::string text = write("c.csv", "1,2\n1,x\n");
  EXPECT_EQ(messageOf([&] { readCsv(text); }), text + ":2: a field is not a number");
  std::string half = write("d.csv", "1,2\n1,0.5\n");
  EXPECT_EQ(messageOf([&] { readCsv(half); }),
            half + ":2: the last number is the label, which is a whole number");
  std::string cut = write("cut", std::string("\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02\x00", 17));
  EXPECT_EQ(messageOf([&] { readIdx(cut, cut); }),
            cut + ": truncated: 4 bytes of data expected, 1 found");
  EXPECT_EQ(messageOf([&] { readIdx(text, text); }),
            text + ": not an idx file of bytes with 3 dims");
}

LabelledRows numbered(int64_t n) {
  LabelledRows rows{Array(DType::F32, {n, 1}), Array(DType::I32, {n})};
  for (int64_t k = 0; k < n; ++k) {
    rows.features.mutableData<float>()[static_cast<size_t>(k)] = static_cast<float>(k);
    rows.labels.mutableData<int32_t>()[static_cast<size_t>(k)] = static_cast<int32_t>(k);
  }
  return rows;
}
/// The labels of one epoch, a list for each batch.
std::vector<std::vector<double>> epochOf(Loader &loader) {
  std::vector<std::vector<double>> batches;
  while (auto batch = loader.next()) batches.push_back(batch->rows.labels.toDoubles());
  return batches;
}

TEST(Loader, TreatsTheRestAsTold) {
  using Batches = std::vector<std::vector<double>>;
  auto epoch = [](LastBatch last) {
    Loader loader(numbered(5), {.batch = 2, .shuffle = false, .last = last});
    return epochOf(loader);
  };
  EXPECT_EQ(epoch(LastBatch::Drop), (Batches{{0, 1}, {2, 3}}));
  EXPECT_EQ(epoch(LastBatch::Keep), (Batches{{0, 1}, {2, 3}, {4}}));
  EXPECT_EQ(epoch(LastBatch::Repeat), (Batches{{0, 1}, {2, 3}, {4, 4}}));
  Loader loader(numbered(3), {.batch = 2, .shuffle = false, .last = LastBatch::Repeat});
  EXPECT_EQ(loader.batches(), 2);
  EXPECT_EQ(loader.next()->count, 2);
  EXPECT_EQ(loader.next()->count, 1);
  EXPECT_FALSE(loader.next());
  EXPECT_EQ(loader.epoch(), 1);
  EXPECT_EQ(messageOf([] { Loader(numbered(3), {.batch = 4}); }),
            "loader: batches of 4 out of 3 rows");
}

TEST(Loader, ShufflesEachEpochAnewAndResumes) {
  Loader loader(numbered(20), {.batch = 5, .seed = 7}), same(numbered(20), {.batch = 5, .seed = 7}),
      other(numbered(20), {.batch = 5, .seed = 8});
  auto first = epochOf(loader), second = epochOf(loader);
  std::multiset<double> seen;
  for (const auto &batch : first) seen.insert(batch.begin(), batch.end());
  EXPECT_EQ(seen.size(), 20u);
  EXPECT_EQ(std::set<double>(seen.begin(), seen.end()).size(), 20u);
  EXPECT_NE(first, second);
  EXPECT_EQ(epochOf(same), first);
  EXPECT_NE(epochOf(other), first);
  loader.next();
  auto state = loader.state();
  auto expected = epochOf(loader);
  same.restore(state);
  EXPECT_EQ(epochOf(same), expected);
}

TEST(Text, TokenizerRoundTripsAndRefusesOtherBytes) {
  CharTokenizer tokenizer("hello\n");
  EXPECT_EQ(tokenizer.size(), 5);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("hole")), "hole");
  EXPECT_EQ(messageOf([&] { tokenizer.encode("hat"); }),
            "encode: byte 97 at position 1 is not in the tokenizer's text");
}

TEST(Text, TargetsAreOneTokenLater) {
  std::vector<int32_t> tokens(50);
  for (int i = 0; i < 50; ++i) tokens[static_cast<size_t>(i)] = i;
  WindowSampler sampler(tokens, 3, 4, 1);
  TextBatch batch = sampler.next();
  Philox saved = sampler.random;
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(batch.tokens.data<int32_t>()[i] + 1, batch.targets.data<int32_t>()[i]);
  TextBatch second = sampler.next();
  sampler.random = saved;
  EXPECT_EQ(second.tokens, sampler.next().tokens);
}

TEST(Text, EvaluationWindowsCoverTheTextOnce) {
  std::vector<int32_t> tokens(22);
  for (int i = 0; i < 22; ++i) tokens[static_cast<size_t>(i)] = i;
  auto batches = evaluationWindows(tokens, 2, 4);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].count, 2);
  EXPECT_EQ(batches[2].count, 1);
  EXPECT_EQ(batches[2].tokens.data<int32_t>()[0], 16);
  EXPECT_EQ(batches[2].targets.data<int32_t>()[3], 20);
}

TEST(Text, EpochSamplerVisitsEveryRowAndResumes) {
  EpochSampler sampler(10, 5, 4);
  std::multiset<int64_t> seen;
  for (int i = 0; i < 2; ++i)
    for (int64_t row : sampler.next()) seen.insert(row);
  EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), 10u);
  sampler.next();
  auto state = sampler.state();
  auto expected = sampler.next();
  EpochSampler resumed(10, 5, 4);
  resumed.restore(state);
  EXPECT_EQ(resumed.next(), expected);
}

} // namespace
} // namespace weir::data
