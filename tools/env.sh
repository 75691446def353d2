# Sourced by tools/demo, tools/test and tools/presubmit: the workspace root, Bazel with its disk cache, shared data.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
weir_cache="${WEIR_CACHE:-${XDG_CACHE_HOME:-${HOME:-$PWD}/.cache}/weir}"
bazel_flags=(--disk_cache="$weir_cache/bazel")
if [ -z "${WEIR_SHARED:-}" ] && [ -d ../shared ]; then WEIR_SHARED=$(cd ../shared && pwd); fi
if [ -n "${WEIR_SHARED:-}" ]; then
  export WEIR_SHARED
  test_flags=(--test_env=WEIR_SHARED)
else
  test_flags=()
fi
