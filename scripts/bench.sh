#!/bin/sh
# `make bench`: what the lab costs, and what its simulation does. The figures of the simulation are
# virtual seconds for each second of CPU, over all 28 tests.
set -eu
cd "$(dirname -- "$0")/.."
cargo=${CARGO:-cargo}
$cargo bench --quiet --bench lab
[ -z "${ONLY-}" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
$cargo test --quiet --test raft --no-run
# Turn by turn, so that a busy machine spoils both.
for round in 1 2 3; do
  for oracle in on off; do
    ORACLE=$oracle SEED='' SEEDS='' TRACE='' $cargo test --quiet --test raft -- --sim _2 \
      --seeds 1-5 --report "$work/report" >"$work/log" 2>&1 ||
      { cat "$work/log"; exit 1; }
    sed "s/^/$oracle /" "$work/report" >>"$work/all"
  done
done
awk '
  { match($0, /"virtual_s":[0-9.]+/); virtual[$1] += substr($0, RSTART + 12, RLENGTH - 12)
    match($0, /"cpu_s":[0-9.]+/); cpu[$1] += substr($0, RSTART + 8, RLENGTH - 8) }
  END {
    printf "%-52s %10.0f %-5s %12s\n", "simulated suite on coroutines, with the oracle", virtual["on"] / cpu["on"], "s/s", ">= 2000"
    printf "%-52s %10.0f %-5s\n", "the same without the oracle", virtual["off"] / cpu["off"], "s/s"
    printf "%-52s %10.2f %-5s %12s\n", "what the oracle costs", (cpu["on"] / virtual["on"]) / (cpu["off"] / virtual["off"]), "times", "<= 1.2"
  }' "$work/all"
