#!/bin/sh
# The README's first program is about 30 lines, runs, and its loss falls. features: X3
cd "$(dirname "$0")" || exit 1
lines=$(grep -c . readme_program.cc)
echo "$lines lines"
[ "$lines" -gt 5 ] && [ "$lines" -le 32 ] || exit 1
output=$(./readme_program) || exit 1
echo "$output"
echo "$output" | awk '/loss/ { for (i = 1; i < NF; ++i) if ($i == "loss") loss[++n] = $(i + 1) }
  END { exit !(n >= 2 && loss[n] > 0 && loss[n] < 0.8 * loss[1]) }'
