#!/usr/bin/env bash
# Runs right Rafts of other structure (variants/) through the suites: each must pass everything.
#   scripts/variants.sh [NAME ...]    SEEDS=n seeds of the lab and the nemesis, FAST=1, LIST=1
set -uo pipefail
cd "$(dirname "$0")/.."
names=("$@")
[ ${#names[@]} -gt 0 ] || names=($(cd variants && ls -d */mod.rs | xargs -n1 dirname))
if [ -n "${LIST:-}" ]; then printf '%s\n' "${names[@]}"; exit; fi
tree=target/variants/tree
export CARGO_TARGET_DIR=$PWD/target/variants/target
seeds=${SEEDS:-20}
failures=0

# One suite; the last lines are shown if it fails.
suite() { # NAME SUITE ARGUMENTS...
  local report=$PWD/target/variants/$1-$2.txt
  local program
  program=$(sed -n "s/^ *Executable .*(\(.*\/$2-[0-9a-f]*\))$/\1/p" target/variants/build.txt)
  [[ $program = /* ]] || program=$tree/$program
  if nice -n 10 "$program" "${@:3}" >"$report" 2>&1; then
    echo "  $1: $2 passes"
  else
    failures=$((failures + 1))
    echo "  $1: $2 FAILS; the report is in $report"
    grep -E 'failed|FAIL|panicked|oracle' "$report" | cut -c1-200 | head -20
  fi
}

for name in "${names[@]}"; do
  [ -f "variants/$name/mod.rs" ] || { echo "there is no variants/$name/mod.rs"; exit 2; }
  mkdir -p "$tree"
  for part in Cargo.toml Cargo.lock src tests benches examples tools; do
    # Unchanged files keep their times, so that cargo builds nothing anew.
    cp -R --update --preserve=timestamps "$part" "$tree/"
  done
  rm -rf "$tree/src/raft"
  mkdir "$tree/src/raft"
  cp -L src/raft/{rpc,persister,view}.rs "variants/$name"/* "$tree/src/raft/"
  if ! (cd "$tree" && cargo test --no-run --features coro --color never \
      --test raft --test figure2 --test nemesis) >target/variants/build.txt 2>&1; then
    echo "  $name does not compile:"; grep -A8 -E '^error' target/variants/build.txt | head -40
    failures=$((failures + 1))
    continue
  fi
  if grep -A6 '^warning' target/variants/build.txt; then failures=$((failures + 1)); fi
  if [ -n "${FAST:-}" ]; then
    suite "$name" figure2 test_
    suite "$name" raft --sim _2 --seeds 1
    suite "$name" nemesis --seeds 1-5 test_
  else
    suite "$name" figure2 test_
    suite "$name" raft --sim _2 --seeds "1-$seeds"
    suite "$name" nemesis --seeds "1-$seeds" test_
  fi
done
if [ "$failures" -gt 0 ]; then
  echo "$failures failures: either the variant is wrong, or what accuses it (docs/variants.md)"
  exit 1
fi
