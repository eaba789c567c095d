#!/bin/sh
# Installs the missing packages of a step. If none is missing, it takes a fraction of a second.
#
#   scripts/bootstrap.sh [build|ci|parity|clients]
#     build   compiler, CMake, libraries, Python: for make demo, build, test, bench and install (the default)
#     ci      the same, with clang (fuzzing, sanitizers), and clang-format 14.0.6 in .venv-ci/
#     parity  the same as build, with the Python reference implementations in .venv/
#     clients the same as build, with third-party Python clients in .venv-clients/, and systemd-analyze
#
# Exit codes: 0 everything is installed, 1 a package could not be installed, 2 invalid argument,
#             69 packages are missing and the user cannot install them (neither root nor sudo).
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
step=${1:-build}

# The headers of Boost 1.74 or later are needed. Debian's packages of different versions conflict, so an installed one is
# kept.
boost=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'libboost1.*-dev' 2>/dev/null |
  sed -n 's/^\(libboost1\.[0-9]*-dev\) installed$/\1/p' | head -n 1)
if [ -z "$boost" ]; then
  boost=libboost-dev
  grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release && boost=libboost1.81-dev  # its libboost-dev is 1.74
fi

build_packages="g++ cmake ninja-build make git pkg-config nlohmann-json3-dev libsimdjson-dev
  libyaml-cpp-dev zlib1g-dev libzstd-dev libxxhash-dev libgtest-dev libopenmpi-dev openmpi-bin
  $boost python3 curl"
case $step in
  build) packages=$build_packages ;;
  ci) packages="$build_packages clang libclang-rt-dev python3-venv" ;;
  parity) packages="$build_packages python3-venv" ;;
  clients) packages="$build_packages python3-venv systemd" ;;
  *) echo "bootstrap: unknown step '$step'; expected build, ci, parity or clients" >&2; exit 2 ;;
esac

say() { echo "bootstrap: $*" >&2; }

# Without dpkg, only check for the tools and let CMake find the libraries.
if ! command -v dpkg-query >/dev/null 2>&1; then
  for tool in g++ cmake ninja; do
    command -v "$tool" >/dev/null 2>&1 && continue
    say "'$tool' not found, and this is not Debian or Ubuntu. Install the equivalents of these Debian packages:"
    say $packages
    exit 69
  done
  [ "$step" = build ] && exit 0
fi

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
missing=
if command -v dpkg-query >/dev/null 2>&1; then
  for package in $packages; do
    installed "$package" || missing="$missing $package"
  done
fi

if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ]; then
    as_root=
  elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root="sudo"
  else
    say "these packages are missing, and you are neither root nor allowed to use sudo:"
    say "$missing"
    say "ask an administrator to run: apt-get install --no-install-recommends$missing"
    exit 69
  fi
  say "installing$missing"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # Waits for another apt process instead of failing.
  apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; }
  if ! apt update; then
    tail -n 5 "$log" >&2
    say "apt-get update failed (see above); continuing with the existing package lists"
  fi
  if ! apt install --no-install-recommends $missing; then
    tail -n 20 "$log" >&2
    say "apt-get could not install the packages (see above). Older distributions do not have all of them;"
    say "use Debian 12 or later, or Ubuntu 24.04 or later."
    exit 1
  fi
fi

# in_venv DIRECTORY REQUIREMENTS DESCRIPTION: installs the requirements once, and again when the list changes.
in_venv() {
  stamp=$root/$1/.installed
  cmp -s "$root/$2" "$stamp" && return
  say "installing $3 into $1"
  [ -x "$root/$1/bin/python" ] || python3 -m venv "$root/$1"
  if ! "$root/$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$root/$2"; then
    say "pip could not install $2 (see above)"
    exit 1
  fi
  cp "$root/$2" "$stamp"
}
case $step in
  ci) in_venv .venv-ci tools/requirements-ci.txt "clang-format" ;;
  parity) in_venv .venv tools/requirements.txt "the reference implementations (several GB: PyTorch's Linux wheel is the CUDA build)" ;;
  clients) in_venv .venv-clients tools/requirements-clients.txt "client libraries (about 640 MB)" ;;
esac
