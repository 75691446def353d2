#!/usr/bin/env python3
"""Lints that no compiler does: file size and include direction. Run in the workspace root; exit 1 on any finding."""
import json
import re
import subprocess
import sys

MAX_LINES = 500
CODE = (".cc", ".h", ".td", ".cu", ".bzl", ".py")

# Who may include whom, by folder prefix; the longest matching prefix of a file decides. "" = own folder only.
LAYERS = json.load(open("tools/lint/layers.json"))


def owner(path, table):
    best = ""
    for prefix in table:
        if (path == prefix or path.startswith(prefix + "/")) and len(prefix) > len(best):
            best = prefix
    return best


def allowed(source, target):
    layer = owner(source, LAYERS["may_include"])
    if not layer:
        return True
    folders = LAYERS["may_include"][layer] + [layer]
    return any(target.startswith(folder + "/") for folder in folders)


def main():
    exceptions = LAYERS["size_exceptions"]
    findings = []
    for path in subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True, text=True, stdout=subprocess.PIPE).stdout.split():
        if not path.endswith(CODE):
            continue
        lines = open(path, encoding="utf-8").read().split("\n")
        if len(lines) - 1 > MAX_LINES and path not in exceptions:
            findings.append(f"{path}:1: {len(lines) - 1} lines, at most {MAX_LINES}; split it, or give the reason in tools/lint/layers.json")
        for number, line in enumerate(lines, 1):
            include = re.match(r'\s*#include "([^"]+)"', line)
            if include and owner(include[1], LAYERS["folders"]) and not allowed(path, include[1]):
                findings.append(f"{path}:{number}: {owner(path, LAYERS['may_include'])} may not include {include[1]}")
            if "runtime/" == path[:8] and re.match(r'\s*#include "(mlir|llvm)/', line):
                findings.append(f"{path}:{number}: runtime may include no MLIR and no LLVM header")
            if path.startswith(("frontend/api/", "frontend/nn/", "frontend/weir.h")) and path.endswith(".h") and re.match(r'\s*#include "(mlir|llvm|ir)/', line):
                findings.append(f"{path}:{number}: public headers carry no MLIR")
    print("\n".join(findings) if findings else "lint: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
