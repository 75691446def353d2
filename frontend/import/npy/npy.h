// NumPy's array files: .npy (one array) and .npz (a zip archive of them, stored or deflated).
// Little-endian, C or Fortran order; what numpy.load would call an object array is refused.
#pragma once

#include "frontend/api/array.h"
#include "frontend/api/error.h"

#include <map>
#include <string_view>

namespace weir::npy {

/// The array in the bytes of a .npy file. `name` is what errors call it. Two-byte voids are bf16,
/// as ml_dtypes writes them.
Array parse(std::string_view bytes, const std::string &name, Location at = Location::current());
/// The arrays of the bytes of a .npz file by name, without ".npy".
std::map<std::string, Array> parseArchive(std::string_view bytes, const std::string &name,
                                          Location at = Location::current());

/// Of a file. Errors name the path.
Array read(const std::string &path, Location at = Location::current());
std::map<std::string, Array> readArchive(const std::string &path,
                                         Location at = Location::current());

/// The bytes of a .npy file.
std::string toBytes(const Array &array);
/// A .npz file, below 4 GB, not compressed.
void writeArchive(const std::string &path, const std::map<std::string, Array> &arrays,
                  Location at = Location::current());

} // namespace weir::npy
