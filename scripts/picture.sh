#!/bin/sh
# Draws docs/drawings/double-vote.svg: the end of a real run of a planted bug. The same code gives the
# same picture.
#
#   scripts/picture.sh           writes it
#   scripts/picture.sh --check   fails if it would change
set -eu

bug=a-double-vote run=many_elections_2a seed=1
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
picture=$root/docs/drawings/double-vote.svg
case ${1-} in
'' | --check) ;;
*)
  echo "usage: scripts/picture.sh [--check]" >&2
  exit 2
  ;;
esac

# The bug is planted in a copy, which keeps what it has built for the next time.
mkdir -p "$root/target/picture"
copy=$(mktemp -d "$root/target/picture/copy.XXXXXX")
trap 'rm -rf -- "$copy"' EXIT
(cd "$root" && tar -cf - --exclude=./target --exclude=./.git .) | tar -xf - -C "$copy"
patch -s -p1 -d "$copy" <"$root/mutants/$bug.patch"
cd "$copy"
export CARGO_TARGET_DIR="$root/target/picture/target"
env -u SEED -u SEEDS TRACE="$copy/run.trace" "${CARGO:-cargo}" test --quiet --test raft --features coro \
  -- --sim --exact "test_$run" --seeds "$seed" >run.txt 2>&1 || true
[ -f run.trace ] || {
  cat run.txt >&2
  echo "the planted bug $bug has left no trace of $run" >&2
  exit 1
}
"${CARGO:-cargo}" run --quiet --package raft-lab-viewer -- picture run.trace >picture.svg
if cmp -s picture.svg "$picture"; then
  exit
elif [ "${1-}" = --check ]; then
  echo "docs/drawings/double-vote.svg is not as that run is: make picture" >&2
  exit 1
fi
cp picture.svg "$picture"
echo "docs/drawings/double-vote.svg is drawn anew"
