// The two small formats, read front to back with every length checked: a header that is a Python
// literal, and a zip archive by its central directory. Zip64 archives are read where sizes fit.
#include "frontend/import/npy/npy.h"

#include "runtime/base/mapped_file.h"

#include <charconv>
#include <cstring>
#include <zlib.h>

namespace weir::npy {
namespace {

/// A stretch of bytes that refuses to be read beyond its end.
struct Contents {
  std::string_view bytes;
  const std::string &name;
  Location at;

  [[noreturn]] void fail(const std::string &what) const { throw Error(name + ": " + what, at); }

  std::string_view part(uint64_t from, uint64_t size) const {
    if (from > bytes.size() || size > bytes.size() - from) fail("truncated");
    return bytes.substr(from, size);
  }
  /// A little-endian number of `width` bytes.
  uint64_t number(uint64_t from, unsigned width) const {
    uint64_t value = 0;
    for (char c : part(from, width).substr(0, width))
      value = value >> 8 | uint64_t(uint8_t(c)) << 56;
    return width == 0 ? 0 : value >> (64 - 8 * width);
  }
};

// ---- .npy ----

std::optional<DType> dtypeOf(std::string_view descr) {
  if (descr.size() < 3 || descr[0] == '>') return std::nullopt;
  static const std::map<std::string_view, DType> types = {
      {"b1", DType::I1},  {"i1", DType::I8},  {"i2", DType::I16}, {"i4", DType::I32},
      {"i8", DType::I64}, {"u1", DType::U8},  {"u2", DType::U16}, {"u4", DType::U32},
      {"u8", DType::U64}, {"f2", DType::F16}, {"f4", DType::F32}, {"f8", DType::F64},
      {"V2", DType::BF16}};
  auto found = types.find(descr.substr(1));
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

/// What follows `'key': ` in a header such as {'descr': '<f4', 'shape': (2, 3), }.
std::string_view valueOf(const Contents &file, std::string_view header, std::string_view key) {
  const size_t found = header.find("'" + std::string(key) + "':");
  if (found == std::string_view::npos) file.fail("the header has no '" + std::string(key) + "'");
  std::string_view value = header.substr(found + key.size() + 3);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

Shape parseShape(const Contents &file, std::string_view text) {
  Shape shape;
  if (text.empty() || text.front() != '(') file.fail("the header's shape is not a tuple");
  text.remove_prefix(1);
  while (true) {
    while (!text.empty() && (text.front() == ' ' || text.front() == ',')) text.remove_prefix(1);
    if (!text.empty() && text.front() == ')') return shape;
    int64_t size = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0 || shape.size() >= 64)
      file.fail("the header's shape is not a tuple of sizes");
    shape.push_back(size);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
}

/// `fortran` holds the first dim fastest; so does its reverse as rows.
Array fromFortranOrder(const Array &fortran) {
  Array array(fortran.dtype(), fortran.dims());
  const size_t width = runtime::dtypeBytes(array.dtype());
  auto *to = static_cast<char *>(array.mutableRaw());
  const auto *from = static_cast<const char *>(fortran.raw());
  for (int64_t i = 0; i < array.size(); ++i) {
    int64_t rest = i, offset = 0;
    for (int64_t d = array.rank(); d-- > 0;) {
      const int64_t size = array.dims()[static_cast<size_t>(d)];
      int64_t stride = 1;
      for (int64_t e = 0; e < d; ++e) stride *= array.dims()[static_cast<size_t>(e)];
      offset += rest % size * stride;
      rest /= size;
    }
    std::memcpy(to + static_cast<size_t>(i) * width, from + static_cast<size_t>(offset) * width,
                width);
  }
  return array;
}

// ---- .npz ----

std::string inflateRaw(const Contents &file, std::string_view packed, uint64_t size) {
  // Deflate packs at most about 1032 to 1, so a larger claim is a lie that need not be allocated.
  if (size > packed.size() * 1100 + 1100) file.fail("an entry claims an impossible size");
  std::string result(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) file.fail("zlib cannot start");
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef *>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int code = inflate(&stream, Z_FINISH);
  const bool whole = code == Z_STREAM_END && stream.total_out == size;
  inflateEnd(&stream);
  if (!whole) file.fail("an entry does not inflate to its size");
  return result;
}

struct Entry {
  std::string name;
  std::string inflated; ///< empty: the entry is stored, and read where it lies
  std::string_view stored;
  std::string_view content() const { return inflated.empty() ? stored : inflated; }
};

/// One entry of the central directory, at `from`; moves `from` behind it.
/// `packedBytes` adds up: entries that share their bytes would unpack to more than any file should.
Entry readEntry(const Contents &file, uint64_t &from, uint64_t &packedBytes) {
  if (file.number(from, 4) != 0x02014b50) file.fail("not a zip archive");
  const uint64_t method = file.number(from + 10, 2), crc = file.number(from + 16, 4);
  const uint64_t packed = file.number(from + 20, 4), size = file.number(from + 24, 4);
  const uint64_t nameBytes = file.number(from + 28, 2), extraBytes = file.number(from + 30, 2);
  const uint64_t local = file.number(from + 42, 4);
  std::string name(file.part(from + 46, nameBytes));
  from += 46 + nameBytes + extraBytes + file.number(from + 32, 2);
  if (packed >= 0xffffffff || size >= 0xffffffff) file.fail(name + " is too large");
  const uint64_t data = local + 30 + file.number(local + 26, 2) + file.number(local + 28, 2);
  const std::string_view stored = file.part(data, packed);
  if ((packedBytes += packed) > file.bytes.size()) file.fail("its entries overlap");
  if (method != 0 && method != 8)
    file.fail(name + " is compressed by method " + std::to_string(method) +
              "; stored and deflated entries are read");
  Entry entry{std::move(name), method == 8 ? inflateRaw(file, stored, size) : "", stored};
  const std::string_view content = entry.content();
  const uLong sum =
      crc32(0, reinterpret_cast<const Bytef *>(content.data()), static_cast<uInt>(content.size()));
  if (sum != crc) file.fail(entry.name + " is damaged: its checksum differs");
  return entry;
}

runtime::Bytes mapped(const std::string &path, Location at) {
  absl::StatusOr<runtime::Bytes> file = runtime::mapFile(path);
  if (!file.ok()) throw Error(std::string(file.status().message()), at);
  return *std::move(file);
}
std::string_view textOf(const runtime::Bytes &file) {
  return {reinterpret_cast<const char *>(file.data()), file.size()};
}

} // namespace

Array parse(std::string_view bytes, const std::string &name, Location at) {
  const Contents file{bytes, name, at};
  if (bytes.substr(0, 6) != "\x93NUMPY") file.fail("not a .npy file");
  const unsigned width = file.number(6, 1) == 1 ? 2 : 4;
  const uint64_t headerBytes = file.number(8, width), start = 8 + width + headerBytes;
  const std::string_view header = file.part(8 + width, headerBytes);
  std::string_view descr = valueOf(file, header, "descr");
  descr = descr.substr(0, descr.find_first_of(",}"));
  if (descr.size() < 2 || descr.front() != '\'' || descr.back() != '\'')
    file.fail("elements are records; only plain numbers are read");
  descr = descr.substr(1, descr.size() - 2);
  const std::optional<DType> dtype = dtypeOf(descr);
  if (!dtype) file.fail("elements are '" + std::string(descr) + "'; only plain numbers are read");
  const Shape shape = parseShape(file, valueOf(file, header, "shape"));
  const std::optional<int64_t> count = runtime::elementCount(shape);
  if (!count || *count > int64_t(bytes.size())) file.fail("truncated");
  const std::string_view data = file.part(start, uint64_t(*count) * runtime::dtypeBytes(*dtype));
  Array array(*dtype, shape, runtime::Bytes::copyOf(data.data(), data.size()));
  if (*dtype == DType::I1)
    for (char &c : std::span(static_cast<char *>(array.mutableRaw()), array.bytes())) c = c != 0;
  return valueOf(file, header, "fortran_order").starts_with("True") ? fromFortranOrder(array)
                                                                    : array;
}

std::map<std::string, Array> parseArchive(std::string_view bytes, const std::string &name,
                                          Location at) {
  const Contents file{bytes, name, at};
  const size_t end = bytes.rfind(std::string_view("PK\x05\x06", 4));
  if (end == std::string_view::npos) file.fail("not a zip archive");
  const uint64_t count = file.number(end + 10, 2);
  uint64_t from = file.number(end + 16, 4), packedBytes = 0;
  std::map<std::string, Array> arrays;
  for (uint64_t i = 0; i < count; ++i) {
    Entry entry = readEntry(file, from, packedBytes);
    Array array = parse(entry.content(), name + ":" + entry.name, at);
    if (entry.name.ends_with(".npy")) entry.name.resize(entry.name.size() - 4);
    arrays.insert_or_assign(std::move(entry.name), std::move(array));
  }
  return arrays;
}

Array read(const std::string &path, Location at) {
  return parse(textOf(mapped(path, at)), path, at);
}

std::map<std::string, Array> readArchive(const std::string &path, Location at) {
  return parseArchive(textOf(mapped(path, at)), path, at);
}

} // namespace weir::npy
