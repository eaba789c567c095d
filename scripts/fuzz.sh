#!/bin/sh
# Builds the fuzz targets and runs each for a given time, starting from its seeds in fuzz/corpus/<name>, one per core in
# parallel. New inputs are kept in build-fuzz/corpus, from which later runs continue; failing inputs in build-fuzz/found.
#   scripts/fuzz.sh [SECONDS_EACH | total=SECONDS] [NAME...]     total: shared among the targets
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = --one ]; then  # from below
  name=$2
  mkdir -p "build-fuzz/corpus/$name"
  seeds= dictionary= log=build-fuzz/$name.log
  [ -d "fuzz/corpus/$name" ] && seeds=fuzz/corpus/$name
  [ -f "fuzz/$name.dict" ] && dictionary=-dict=fuzz/$name.dict
  # Slow inputs and inputs that need much memory are findings too: 10 s or 2 GB for an input of at most 64 KiB. A single
  # allocation may be slightly larger if it is not used: a zstd frame may declare a window of 2 GiB (zstd --long=31), which
  # its decoder reserves.
  if build-fuzz/bin/fuzz_"$name" -max_total_time="$3" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=2560 -max_len=65536 \
      -artifact_prefix="build-fuzz/found/$name-" $dictionary "build-fuzz/corpus/$name" $seeds >"$log" 2>&1; then
    echo "fuzz: $name: $(grep '^Done' "$log" | tail -n 1)"
    exit 0
  fi
  tail -n 40 "$log"
  echo "fuzz: $name FAILED; its input is in build-fuzz/found, its log is $log"
  exit 1
fi

seconds=${1:-30}
[ $# -gt 0 ] && shift
mkdir -p build-fuzz/found
cmake --preset fuzz >build-fuzz/configure.log 2>&1 || { cat build-fuzz/configure.log; exit 1; }
cmake --build build-fuzz --parallel "$(nproc)" --target fuzz_targets
names=${*:-$(sed -n 's/^roberta_fuzz(\([a-z_0-9]*\) .*/\1/p' fuzz/CMakeLists.txt)}
case $seconds in
  total=*) seconds=$((${seconds#total=} * $(nproc) / $(echo $names | wc -w))) ;;
esac
printf '%s\n' $names | xargs -P "$(nproc)" -I NAME scripts/fuzz.sh --one NAME "$seconds"
