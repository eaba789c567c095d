#!/bin/sh
# Measures this machine: peak speed, matrix products, roberta-base with random weights, tokenizer and tokenizer training.
# Prints one JSON line per measurement. tools/bench/ compares with other programs.
#   scripts/bench.sh [BUILD_DIR]      environment: ROBERTA_SHARED, the directory of larger test data (default ../shared)
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
shared=${ROBERTA_SHARED:-../shared}
work=$build/bench-data
mkdir -p "$work"

text=$work/text.txt
if [ ! -f "$text" ]; then
  if [ -f "$shared/data/text/wiki.txt.zst" ] && command -v zstd >/dev/null 2>&1; then
    zstd -dcq --long=27 "$shared/data/text/wiki.txt.zst" | head -c 52428800 >"$text.new" || true
    mv "$text.new" "$text"
  else
    echo "bench: skipping the tokenizer, which needs about 50 MB of English text in $text" >&2
  fi
fi
tokenizer=$shared/data/roberta_bpe
[ -d "$tokenizer" ] || tokenizer=$work/tokenizer
if [ "$tokenizer" = "$work/tokenizer" ] && [ ! -d "$tokenizer" ]; then
  "$build/bin/roberta" train-tokenizer -q --vocab-size 600 --output "$tokenizer" README.md ARCHITECTURE.md CONTRIBUTING.md
fi
[ -d "$work/base" ] || "$build/bin/roberta" init -q --tokenizer "$tokenizer" --output "$work/base"

"$build/bin/bench_ceiling"
"$build/bin/bench_gemm"
for dtype in float32 bfloat16; do
  "$build/bin/bench_infer" "$work/base" "$dtype" "$(nproc)" 1x16 1x128 1x512 8x128 8x512 mixed32
done
if [ -f "$text" ]; then
  "$build/bin/bench_tokenizer" "$tokenizer" "$text"
  for threads in 1 2; do "$build/bin/bench_bpe_trainer" 50265 "$threads" "$text"; done
fi
