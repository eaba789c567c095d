#!/bin/sh
# Installs the build into a directory, moves that directory, and builds and runs the example against it with find_package
# and pkg-config, using a model made by the installed program.
#   scripts/test_install.sh [BUILD_DIR]
set -eu
cd "$(dirname "$0")/.."
build=$(cd "${1:-build}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/moved"
prefix=$work/moved
# From here on only installed files are used.
roberta=$prefix/bin/roberta
"$roberta" --version
for file in include/roberta/pipeline.h share/doc/roberta/README.md; do
  [ -f "$prefix/$file" ] || { echo "test_install: $file was not installed"; exit 1; }
done

if [ -f "$build/lib/libroberta_mpi.so" ] && [ -z "$(find "$prefix" -path '*/roberta/libroberta_mpi.so')" ]; then
  echo "test_install: the MPI module was not installed"
  exit 1
fi

"$roberta" train-tokenizer --vocab-size 300 --output "$work/tokenizer" README.md
"$roberta" init --tokenizer "$work/tokenizer" --hidden-size 64 --num-hidden-layers 2 --output "$work/model"

text='Paris is the <mask> of France.'
check() {
  lines=$("$1" "$work/model" "$text" | grep -c 'Paris is the.*of France\.')
  [ "$lines" = 3 ] || { echo "test_install: $1 printed $lines predictions, expected 3"; exit 1; }
  code=0
  "$1" "$work/absent" "$text" 2>"$work/error" || code=$?
  [ "$code" = 4 ] || { echo "test_install: $1 exits with $code for a missing model, expected 4"; cat "$work/error"; exit 1; }
}

cmake -S examples -B "$work/cmake" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
  cmake --build "$work/cmake" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
check "$work/cmake/fill_mask"
echo "test_install: find_package works"

export PKG_CONFIG_PATH="$(dirname "$(find "$prefix" -name roberta.pc)")"
static=--static
ls "$(dirname "$PKG_CONFIG_PATH")"/libroberta.so >/dev/null 2>&1 && static=
# shellcheck disable=SC2046
${CXX:-g++} -std=c++20 examples/fill_mask.cc $(pkg-config $static --cflags --libs roberta) \
  -Wl,-rpath,"$(dirname "$PKG_CONFIG_PATH")" -o "$work/by_pkg_config"
check "$work/by_pkg_config"
echo "test_install: pkg-config works"
