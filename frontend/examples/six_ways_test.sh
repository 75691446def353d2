#!/bin/sh
# All six ways agree: central differences to 1e-8, the others to 1e-12; symbols print simplified.
# features: A2 A3 A4 A5
cd "$(dirname "$0")" || exit 1
output=$(./six_ways_to_differentiate) || exit 1
echo "$output"
echo "$output" | grep -qx 'df/dx1  = 1 / x1 + x2' || exit 1
echo "$output" | grep -qx 'df/dx2  = x1 - cos(x2)' || exit 1
echo "$output" | awk '/e[-+][0-9]+$/ { ++rows; if ($NF + 0 > (/^central/ ? 1e-8 : 1e-12)) bad = 1 }
  END { exit bad || rows != 6 }'
