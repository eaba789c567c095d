#!/bin/sh
# Looks for tests that need a quiet machine: beside four busy loops, those labelled `clock` (processes, sockets, signals, timeouts)
# 20 times each and the whole suite 3 times. Prints each test that failed with the number of the round.
#   scripts/flaky.sh [BUILD_DIR] [TIMES] [SUITES]
set -u
cd "$(dirname "$0")/.."
build=${1:-build} times=${2:-20} suites=${3:-3}
loops=
for loop in 1 2 3 4; do
  sh -c 'while :; do :; done' &
  loops="$loops $!"
done
trap 'kill $loops 2>/dev/null' EXIT INT TERM
failed=0 start=$(date +%s)
ctest --test-dir "$build" --parallel "$(nproc)" -L clock --repeat until-fail:"$times" --output-on-failure --timeout 600 || failed=1
echo "flaky: tests of the clock, $times times: $([ $failed = 0 ] && echo passed || echo FAILED) after $(($(date +%s) - start)) s"
round=1
while [ "$round" -le "$suites" ]; do
  ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure --timeout 1200 || failed=1
  echo "flaky: whole suite, round $round of $suites: $([ $failed = 0 ] && echo passed || echo FAILED), $(($(date +%s) - start)) s in all"
  round=$((round + 1))
done
exit $failed
