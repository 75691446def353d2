#!/bin/bash
# The executable runs where nothing of Weir is installed.
set -euo pipefail
run=$(realpath "$1") model=$(realpath "$2")
env -i "$run" "$model" --input x=zeros | grep 'y = f32\[3, 4\] {1, 2, 3, 4, 1'
