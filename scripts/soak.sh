#!/bin/sh
# Tests the server under load and faults: runs each script of tools/serve/ in full, including its time limits, so it needs an
# otherwise idle machine (half an hour). ctest runs short versions of them without time limits.
#   scripts/soak.sh [BUILD_DIR] [NAME...]
set -eu
cd "$(dirname "$0")/.."
ROBERTA_BIN=$(cd "${1:-build}" && pwd)/bin/roberta
export ROBERTA_BIN
[ $# -gt 0 ] && shift
passed=0 failed=0
for name in ${*:-$(cd tools/serve && grep -l '^if __name__' -- *.py | sed 's/\.py$//')}; do
  start=$(date +%s)
  echo "soak: $name"
  if python3 "tools/serve/$name.py"; then
    passed=$((passed + 1))
    echo "soak: $name: passed in $(($(date +%s) - start)) s"
  else
    failed=$((failed + 1))
    echo "soak: $name: FAILED after $(($(date +%s) - start)) s"
  fi
done
echo "soak: $passed passed, $failed failed"
[ "$failed" = 0 ]
