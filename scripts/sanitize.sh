#!/bin/sh
# The tests under sanitizers and with a second compiler. In full (make sanitize): the whole suite under AddressSanitizer and
# UndefinedBehaviorSanitizer, under ThreadSanitizer, and compiled by clang. --short, for CI: by clang with ASan and UBSan, in the
# build of the fuzz targets, what reads untrusted bytes (label `untrusted`). --threads: under TSan the thread pool, the batcher and the
# server (label `threads`).
#   scripts/sanitize.sh [--short | --threads]
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)

# suite PRESET TARGET [CTEST ARGUMENTS...]: builds the target and runs the tests.
suite() {
  preset=$1 target=$2
  shift 2
  start=$(date +%s)
  mkdir -p "build-$preset"
  cmake --preset "$preset" >"build-$preset/configure.log" 2>&1 || { cat "build-$preset/configure.log"; return 1; }
  cmake --build "build-$preset" --parallel "$jobs" --target $target
  built=$(date +%s)
  ctest --preset "$preset" --parallel "$jobs" "$@"
  echo "sanitize: $preset: built in $((built - start)) s, no report in $(($(date +%s) - built)) s of tests"
}

case ${1:-} in
  --short) suite fuzz untrusted_tests -L untrusted ;;
  --threads) suite tsan threads_tests -L threads ;;
  "")
    suite asan all
    suite tsan all
    suite clang all
    ;;
  *) echo "sanitize: unknown argument '$1'; expected --short or --threads" >&2; exit 2 ;;
esac
