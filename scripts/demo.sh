#!/bin/sh
# Fills a mask with MODEL=DIR, otherwise with the model in models/, otherwise with a tiny random model.
#   scripts/demo.sh [BUILD_DIR]      environment: MODEL, TEXT
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
roberta=$build/bin/roberta
text=${TEXT:-Paris is the <mask> of France.}
model=${MODEL:-}

if [ -z "$model" ]; then
  for candidate in models/*/; do
    [ -f "$candidate/config.json" ] && model=${candidate%/} && break
  done
fi

if [ -z "$model" ]; then
  # A vocabulary trained on the documentation, and random weights from a fixed seed.
  model=$build/demo-model
  if [ ! -f "$model/model.safetensors" ]; then
    rm -rf "$model" "$build/demo-tokenizer"
    "$roberta" train-tokenizer --vocab-size 600 --output "$build/demo-tokenizer" README.md ARCHITECTURE.md CONTRIBUTING.md
    "$roberta" init --tokenizer "$build/demo-tokenizer" --hidden-size 64 --num-hidden-layers 2 --seed 1 --output "$model"
  fi
  echo "This model has random weights, so its predictions are meaningless. Use a trained model with MODEL=DIR." >&2
fi

echo "\$ roberta fill-mask --model $model \"$text\"" >&2
exec "$roberta" fill-mask --model "$model" "$text"
