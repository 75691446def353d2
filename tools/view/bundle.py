"""bundle.py PAGE PART...: prints PAGE with every line `@include NAME@` replaced by the part of that name."""
import os
import sys
parts = {os.path.basename(path): open(path, encoding="utf-8").read() for path in sys.argv[2:]}
for line in open(sys.argv[1], encoding="utf-8"):
    words = line.split()
    if len(words) == 2 and words[0] == "@include":
        sys.stdout.write(parts[words[1].rstrip("@")])
    else:
        sys.stdout.write(line)
