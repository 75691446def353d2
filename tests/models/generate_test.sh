#!/bin/bash
# `weir generate` on a tiny GPT-2: with and without the cache, seeds, windows beyond the context, mistakes. features: L2
set -uo pipefail
weir=$(realpath "$1")
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $1"; cat out err; exit 1; }
if [ -z "${WEIR_SHARED:-}" ]; then echo "skipped: WEIR_SHARED is not set"; exit 0; fi
model=$WEIR_SHARED/data/tiny_gpt/gpt2_4l64.safetensors # context 32
touch out err

"$weir" generate "$model" --tokens 3,1,4,1,5 --count 20 --temperature 0 > out 2> err || fail "greedy"
"$weir" generate "$model" --tokens 3,1,4,1,5 --count 20 --temperature 0 --without-cache > plain 2>> err || fail "without cache"
cmp out plain || fail "the cache changes nothing"
[ "$(wc -w < out)" = 25 ] || fail "25 tokens"
"$weir" generate "$model" --tokens 3,1,4,1,5 --count 20 --temperature 0 --json > json 2>> err || fail "json"
python3 -c "import json; got = json.load(open('json')); assert got['tokens'] == [int(t) for t in open('out').read().split()] and got['prompt_tokens'] == 5" || fail "the same tokens as JSON"
grep -q 'a second' err || fail "speed is told"
for seed in 7 7 8; do "$weir" generate "$model" --seed $seed --top-k 10 --count 60 >> drawn 2> err || fail "draw past the context"; done
[ "$(sed -n 1p drawn)" = "$(sed -n 2p drawn)" ] || fail "the same seed, the same tokens"
[ "$(sed -n 1p drawn)" != "$(sed -n 3p drawn)" ] || fail "another seed, other tokens"
"$weir" generate "$WEIR_SHARED/data/tiny_gpt/gpt2_2l32.safetensors" --alphabet "$WEIR_SHARED/data/tinyshakespeare.txt" \
  --prompt "ROMEO:" --count 30 > out 2> err || fail "characters"
grep -q '^ROMEO:' out || fail "the prompt comes first"
"$weir" generate "$model" --tokens 999 > out 2> err && fail "a token that is none"
grep -q 'is not one of 128 tokens' err || fail "the vocabulary is told"
"$weir" generate "$model" --prompt x > out 2> err && fail "a prompt without an alphabet"
grep -q 'prompt needs --alphabet' err || fail "an alphabet is asked for"
"$weir" generate "$WEIR_SHARED/data/minilm/minilm_expect.safetensors" > out 2> err && fail "no GPT-2"
grep -q 'so it is not a GPT-2' err || fail "what is no GPT-2 is named"
echo passed
