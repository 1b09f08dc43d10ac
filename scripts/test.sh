#!/bin/sh
# `make test T=NAME`: the tests with NAME in their names. They stand in the sources, so only the
# suites that have some are built.
set -eu
cd "$(dirname -- "$0")/.."
name=$1
case $name in
*[!a-z0-9_:]*) echo "T='$name' is no part of a test's name: letters, digits and _"; exit 2 ;;
esac

# The tests of a suite are called test_...; unit tests stand below #[test].
names_in() { grep -rhoE '\<test_[a-z0-9_]+' "$1" | sort -u; }
units() { grep -rhA 3 '#\[test\]' src | sed -n 's/^ *fn \([a-z0-9_]*\).*/\1/p' | sort -u; }

targets=
for suite in tests/*/; do
  if names_in "$suite" | grep -q -- "$name"; then
    suite=${suite#tests/}
    targets="$targets --test ${suite%/}"
  fi
done
if units | grep -q -- "${name##*:}"; then targets="--lib $targets"; fi
if [ -z "$targets" ]; then
  echo "no test has '$name' in its name; those of the lab are:"
  names_in tests/raft | sed 's/^test_/  /'
  echo 'of another suite:  cargo test --test figure2 -- --list'
  exit 2
fi
# shellcheck disable=SC2086 # several words
exec "${CARGO:-cargo}" test --no-fail-fast $targets -- "$name"
