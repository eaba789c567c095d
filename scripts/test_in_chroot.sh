#!/bin/sh
# Runs the two commands of the README on a bare distribution: creates a minimal chroot with only git and make, clones HEAD of
# this repository into it, and runs `make demo` and `make test` there, twice each. Needs root and debootstrap.
#   scripts/test_in_chroot.sh SUITE DIRECTORY [MIRROR]      e.g. bookworm /var/tmp/bookworm
# DIRECTORY/base is created once and kept; each run uses a fresh copy DIRECTORY/run, removed at the end unless KEEP=1.
# USER_RUN=sudo runs the commands as an ordinary user with sudo instead of root; USER_RUN=plain as one without.
set -eu
[ $# -ge 2 ] || { sed -n '2,8p' "$0"; exit 2; }
suite=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
mirror=${3:-}
mode=${USER_RUN:-root}
[ "$(id -u)" = 0 ] || { echo "test_in_chroot: needs root"; exit 69; }
cd "$(dirname "$0")/.."

base=$folder/base
if [ ! -f "$base/.made" ]; then
  rm -rf "$base"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$base" $mirror
  touch "$base/.made"
fi

root=$folder/run
release() {
  umount "$root/proc" 2>/dev/null || true
  [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root"
}
umount "$root/proc" 2>/dev/null || true
rm -rf --one-file-system "$root"
cp -a "$base" "$root"
trap release EXIT
# Network access like this machine: resolver, certificates and apt settings.
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/99*; do
  [ -f "$file" ] && cp "$file" "$root/etc/apt/apt.conf.d/"
done
mount -t proc proc "$root/proc"

inside() { chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
inside update-ca-certificates >/dev/null 2>&1 || true
inside sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends git make' >"$folder/log" 2>&1 || {
  tail "$folder/log"; exit 1; }
[ "$mode" = sudo ] && inside sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq sudo' >>"$folder/log" 2>&1
inside useradd --create-home --shell /bin/sh someone
[ "$mode" = sudo ] && echo 'someone ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/someone"

git clone --quiet --no-hardlinks . "$root/home/someone/roberta"
inside chown -R someone:someone /home/someone/roberta
[ "$mode" = root ] && inside chown -R root:root /home/someone/roberta

timed() {
  start=$(date +%s)
  echo "== $suite ($mode): make $*"
  code=0
  if [ "$mode" = root ]; then
    inside sh -c 'cd /home/someone/roberta && make "$@"' sh "$@" || code=$?
  else
    inside su someone -c "cd /home/someone/roberta && make $*" || code=$?
  fi
  echo "== $suite ($mode): make $*: exit $code after $(($(date +%s) - start)) s"
}
worst=0
for step in "demo" "demo" "test" "test"; do
  timed $step
  [ "$code" = 0 ] || worst=1
  [ "$mode" = plain ] && break
done
exit $worst
