#!/bin/sh
# `make autograder`: the zip that Gradescope takes: setup.sh, run_autograder, the lab as it is
# committed, and the scheme.  SCHEME=grading.toml  OUT=autograder.zip
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd -P)
out=${OUT:-$root/target/autograder.zip}
scheme=${SCHEME:-$root/grading/grading.toml}
command -v zip >/dev/null || {
  echo "make autograder: there is no 'zip' here; install it (apt-get install zip)" >&2
  exit 2
}
case $out in /*) ;; *) out=$PWD/$out ;; esac
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cp -- "$root/grading/gradescope/setup.sh" "$root/grading/gradescope/run_autograder" "$work/"
cp -- "$scheme" "$work/grading.toml"
chmod 755 "$work/setup.sh" "$work/run_autograder"
git -C "$root" archive --format=tar.gz -o "$work/lab.tar.gz" HEAD
rm -f -- "$out"
(cd "$work" && zip -q "$out" setup.sh run_autograder grading.toml lab.tar.gz)
echo "$out: upload it as the autograder of a programming assignment"
