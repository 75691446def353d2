"""The .npz files of the tests, with Python's library alone: affine.npz points.npz wrong.npz."""
import struct
import sys
import zipfile


def array(shape, values):
    header = str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<%df" % len(values), *values)


def write(path, arrays):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in arrays.items():
            archive.writestr(zipfile.ZipInfo(name + ".npy"), content)


affine, points, wrong = sys.argv[1:]
x = array((3, 4), range(12))
y = [2 * i + i % 4 + 1 for i in range(12)]
write(affine, {"x": x, "y": array((3, 4), y), "w": array((4,), [2, 3, 4, 5])})
write(wrong, {"x": x, "y": array((3, 4), y[:-1] + [0])})
rows = [(1, 0), (0, 1), (1, 1), (2, -1)]
write(points, {"x": array((4, 2), [v for row in rows for v in row]), "y": array((4,), [3 * a - 2 * b for a, b in rows])})
