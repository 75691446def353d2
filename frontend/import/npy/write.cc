// A .npz as NumPy's savez writes it: a zip archive of .npy files, stored.
#include "frontend/import/npy/npy.h"

#include "runtime/base/file.h"

#include <span>
#include <zlib.h>

namespace weir::npy {
namespace {

void append(std::string &out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

std::string descriptorOf(DType dtype) {
  const std::string_view name = runtime::dtypeName(dtype);
  if (dtype == i1) return "|b1";
  if (dtype == bf16) return "<V2";
  const char kind = runtime::isFloat(dtype) ? 'f' : name[0];
  return std::string(runtime::dtypeBytes(dtype) == 1 ? "|" : "<") + kind +
         std::to_string(runtime::dtypeBytes(dtype));
}

/// What a file has in front of its content, and again in the directory at the end.
std::string entryHeader(const std::string &name, const std::string &content) {
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef *>(content.data()), static_cast<uInt>(content.size()));
  std::string header;
  append(header, 20, 2);         // version
  append(header, 0, 2 + 2);      // flags, stored
  append(header, 0x21 << 16, 4); // 1980-01-01
  append(header, crc, 4);
  append(header, content.size(), 4);
  append(header, content.size(), 4);
  append(header, name.size(), 2);
  append(header, 0, 2);
  return header;
}

} // namespace

std::string toBytes(const Array &array) {
  std::string shape;
  for (int64_t dim : array.dims()) shape += std::to_string(dim) + ",";
  std::string header = "{'descr': '" + descriptorOf(array.dtype()) +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  append(bytes, header.size(), 2);
  return bytes + header + std::string(static_cast<const char *>(array.raw()), array.bytes());
}

void writeArchive(const std::string &path, const std::map<std::string, Array> &arrays,
                  Location at) {
  std::string archive, directory;
  for (const auto &[name, array] : arrays) {
    const std::string file = name + ".npy", content = toBytes(array),
                      header = entryHeader(file, content);
    append(directory, 0x02014b50, 4);
    append(directory, 20, 2);
    directory += header;
    append(directory, 0, 2 + 2 + 2);
    append(directory, 0, 4);
    append(directory, archive.size(), 4);
    directory += file;
    append(archive, 0x04034b50, 4);
    archive += header + file + content;
  }
  const uint64_t start = archive.size();
  archive += directory;
  append(archive, 0x06054b50, 4);
  append(archive, 0, 4);
  append(archive, arrays.size(), 2);
  append(archive, arrays.size(), 2);
  append(archive, directory.size(), 4);
  append(archive, start, 4);
  append(archive, 0, 2);
  const absl::Status status =
      runtime::writeFileAtomically(path, {std::as_bytes(std::span(archive))});
  if (!status.ok()) throw Error(std::string(status.message()), at);
}

} // namespace weir::npy
