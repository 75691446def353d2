// .npy and .npz files: orders, dtypes, compression, and damage. features: A1
#include "frontend/import/npy/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

namespace weir::npy {
namespace {

using ::testing::HasSubstr;

std::string number(uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
  return bytes;
}

std::string npyFile(const std::string &header, const std::string &data) {
  return std::string("\x93NUMPY", 6) + number(1, 1) + number(0, 1) + number(header.size(), 2) +
         header + data;
}

template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

std::string deflated(const std::string &data) {
  std::string packed(compressBound(data.size()) + 16, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef *>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// A zip archive of one entry.
std::string archive(const std::string &name, const std::string &data, bool compress) {
  const std::string packed = compress ? deflated(data) : data;
  const uint64_t crc = crc32(0, reinterpret_cast<const Bytef *>(data.data()), uInt(data.size()));
  const std::string common = number(20, 2) + number(0, 2) + number(compress ? 8 : 0, 2) +
                             number(0, 4) + number(crc, 4) + number(packed.size(), 4) +
                             number(data.size(), 4) + number(name.size(), 2) + number(0, 2);
  const std::string local = number(0x04034b50, 4) + common + name + packed;
  const std::string central =
      number(0x02014b50, 4) + number(20, 2) + common + number(0, 10) + number(0, 4) + name;
  return local + central + number(0x06054b50, 4) + number(0, 4) + number(1, 2) + number(1, 2) +
         number(central.size(), 4) + number(local.size(), 4) + number(0, 2);
}

const std::string kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
const std::string kFile = npyFile(kHeader, bytesOf<float>({1, 2, 3, 4, 5, 6}));

TEST(Npz, ReadsWhatItWrites) {
  const std::string path = ::testing::TempDir() + "/written.npz";
  std::map<std::string, Array> arrays;
  const Array values = Array::from<double>({2, 3}, {0, 1, 2, 3, 4, 5});
  for (DType dtype : {i1, i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64})
    arrays[std::string(runtime::dtypeName(dtype))] = values.cast(dtype);
  arrays["scalar"] = Array::scalar(3.5);
  arrays["empty"] = Array::zeros(f32, {0, 2});
  writeArchive(path, arrays);
  EXPECT_EQ(readArchive(path), arrays);
  EXPECT_THROW(writeArchive("/nowhere/x.npz", arrays), Error);
}

TEST(Npy, RowMajor) {
  EXPECT_EQ(parse(kFile, "x"), Array::from<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
}

TEST(Npy, FortranOrder) {
  const std::string header = "{'descr': '<i8', 'fortran_order': True, 'shape': (2, 3), }\n";
  EXPECT_EQ(parse(npyFile(header, bytesOf<int64_t>({1, 4, 2, 5, 3, 6})), "x"),
            Array::from<int64_t>({2, 3}, {1, 2, 3, 4, 5, 6}));
}

TEST(Npy, ScalarsAndBrainFloats) {
  EXPECT_EQ(parse(npyFile("{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
                          bytesOf<double>({2.5})),
                  "x"),
            Array::scalar(2.5));
  const Array brain = parse(npyFile("{'descr': '<V2', 'fortran_order': False, 'shape': (1,), }",
                                    bytesOf<uint16_t>({0x3fc0})),
                            "x");
  EXPECT_EQ(brain.dtype(), DType::BF16);
  EXPECT_EQ(brain.at(0), 1.5);
}

TEST(Npz, StoredAndDeflated) {
  for (bool compress : {false, true}) {
    auto arrays = parseArchive(archive("in0.npy", kFile, compress), "a.npz");
    ASSERT_EQ(arrays.size(), 1u);
    EXPECT_EQ(arrays.at("in0"), parse(kFile, "x"));
  }
}

template <typename F> std::string messageOf(F &&f) {
  try {
    f();
  } catch (const Error &error) {
    return error.message();
  }
  return "no error";
}

TEST(Npy, ErrorsNameTheFile) {
  EXPECT_EQ(messageOf([] { parse("PK", "x.npy"); }), "x.npy: not a .npy file");
  EXPECT_EQ(messageOf([] { parse(kFile.substr(0, kFile.size() - 1), "x.npy"); }),
            "x.npy: truncated");
  EXPECT_THAT(messageOf([] { parse(npyFile("{'descr': '|O', 'shape': (2,)}", ""), "x.npy"); }),
              HasSubstr("elements are '|O'; only plain numbers are read"));
  std::string damaged = archive("in0.npy", kFile, false);
  damaged[60] ^= 1;
  EXPECT_EQ(messageOf([&] { parseArchive(damaged, "a.npz"); }),
            "a.npz: in0.npy is damaged: its checksum differs");
  EXPECT_THAT(messageOf([] { readArchive("/nowhere/a.npz"); }), HasSubstr("/nowhere/a.npz"));
}

} // namespace
} // namespace weir::npy
