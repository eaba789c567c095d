#!/bin/sh
# Runs every comparison in tools/parity/ with the reference implementations in .venv (scripts/bootstrap.sh parity).
# PYTHON selects another interpreter that has them, ROBERTA_SHARED the directory of larger test data (default ../shared).
# Comparisons without their data are reported as skipped.
#   scripts/parity.sh [BUILD_DIR] [NAME...]
set -eu
cd "$(dirname "$0")/.."
build=$(cd "${1:-build}" && pwd)
[ $# -gt 0 ] && shift
export ROBERTA_BUILD="$build" ROBERTA_BIN="$build/bin/roberta" ROBERTA_SHARED="${ROBERTA_SHARED:-../shared}"
python=${PYTHON:-.venv/bin/python}
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for name in ${*:-$(cd tools/parity && ls -- *.py | sed 's/\.py$//')}; do
  grep -q __main__ "tools/parity/$name.py" || continue  # a module used by the others
  start=$(date +%s)
  code=0
  "$python" "tools/parity/$name.py" >"$log" 2>&1 || code=$?
  seconds=$(($(date +%s) - start))
  if [ "$code" = 0 ] && ! tail -n 1 "$log" | grep -qi '^skip'; then
    passed=$((passed + 1))
    echo "parity: $name: passed in $seconds s: $(tail -n 1 "$log")"
  elif [ "$code" = 77 ] || tail -n 1 "$log" | grep -qi '^skip'; then
    skipped=$((skipped + 1))
    echo "parity: $name: $(tail -n 1 "$log")"
  else
    failed=$((failed + 1))
    tail -n 30 "$log"
    echo "parity: $name: FAILED ($code) after $seconds s"
  fi
done
echo "parity: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
