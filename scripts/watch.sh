#!/bin/sh
# `make watch`: `make progress` once more whenever a file of src/raft is saved. Ctrl-C ends it.
set -u
cd "$(dirname -- "$0")/.." || exit 2

saved() { find src/raft -name '*.rs' -exec cksum {} + | sort; }

while :; do
  seen=$(saved)
  if [ -t 1 ]; then printf '\033[2J\033[H'; fi
  scripts/progress.sh
  echo
  echo '(again when you save a file in src/raft; Ctrl-C ends)'
  while [ "$(saved)" = "$seen" ]; do sleep 1; done
done
