#!/bin/sh
# Checks that the C++ sources are formatted as .clang-format says; --fix formats them. Formatting differs between versions of
# clang-format, so this takes 14.0.6 alone: that of .venv-ci (scripts/bootstrap.sh ci), or the system's if it is the same.
set -eu
cd "$(dirname "$0")/.."
tool=
for candidate in .venv-ci/bin/clang-format clang-format-14 clang-format; do
  case $("$candidate" --version 2>/dev/null) in
    *"version 14.0.6"*) tool=$candidate; break ;;
  esac
done
[ -n "$tool" ] || { echo "check_format: clang-format 14.0.6 not found: run scripts/bootstrap.sh ci" >&2; exit 69; }
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
  echo "check_format: $(echo "$files" | wc -l) files are formatted"
fi
