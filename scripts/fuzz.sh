#!/bin/sh
# Builds the fuzz targets and runs each for a time, from its seeds in fuzz/corpus/<name>. What it learns stays in
# build-fuzz/corpus, so that later runs go on from there; an input that breaks something stays in build-fuzz/found.
#   scripts/fuzz.sh [SECONDS_EACH] [TARGET...]
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-30}
[ $# -gt 0 ] && shift
mkdir -p build-fuzz/found
cmake --preset fuzz >build-fuzz/configure.log 2>&1 || { cat build-fuzz/configure.log; exit 1; }
cmake --build build-fuzz --parallel "$(nproc)"
targets=${*:-$(cd build-fuzz/bin && ls -d fuzz_* 2>/dev/null || true)}
if [ -z "$targets" ]; then
  echo "fuzz: no targets were built" >&2
  exit 1
fi
for target in $targets; do
  name=${target#fuzz_}
  mkdir -p "build-fuzz/corpus/$name"
  seeds=
  [ -d "fuzz/corpus/$name" ] && seeds="fuzz/corpus/$name"
  dictionary=
  [ -f "fuzz/$name.dict" ] && dictionary="-dict=fuzz/$name.dict"
  log=build-fuzz/$name.log
  # One hung or greedy input is a finding too: 10 s or 2 GB for an input of at most 64 KiB.
  if ! OMP_NUM_THREADS=1 build-fuzz/bin/fuzz_"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
      -max_len=65536 -artifact_prefix=build-fuzz/found/"$name"- $dictionary "build-fuzz/corpus/$name" $seeds >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $name FAILED; input in build-fuzz/found, log in $log" >&2
    exit 1
  fi
  echo "fuzz: $name: $(grep -E '^Done|^#[0-9]+.*DONE' "$log" | tail -n 1)"
done
