#!/bin/sh
# Checks that the C++ sources are formatted as .clang-format says; --fix formats them.
# Formatting differs between versions of clang-format: the house uses 14, Debian 12's.
set -eu
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format || true)
case $("${tool:-false}" --version 2>/dev/null) in
  *"version 14."*) ;;
  *) echo "check_format: skipped, needs clang-format 14"; exit 0 ;;
esac
files=$(git ls-files -co --exclude-standard -- '*.h' '*.cc' '*.inc' | while read -r f; do [ -f "$f" ] && echo "$f"; done)
[ -n "$files" ] || exit 0
if [ "${1:-}" = --fix ]; then
  echo "$files" | xargs "$tool" -i
else
  bad=$(echo "$files" | xargs "$tool" --dry-run 2>&1 | grep -o '^[^ :]*:[0-9][0-9]*' | sort -u -t: -k1,1 || true)
  if [ -n "$bad" ]; then
    echo "check_format: not formatted (run make format); first place of each file:"
    echo "$bad"
    exit 1
  fi
  echo "check_format: $(echo "$files" | wc -l) files are well"
fi
