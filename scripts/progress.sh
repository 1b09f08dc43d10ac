#!/bin/sh
# `make progress`: Part by part, which tests pass, and the one next thing to do. All simulated with
# seed 1, so it takes seconds and says the same each time. It ends with 0 whenever it could
# tell what comes next, a compile error included.
set -u
cd "$(dirname -- "$0")/.." || exit 2
cargo=${CARGO:-cargo}
work=$(mktemp -d) || exit 2
trap 'rm -rf -- "$work"' EXIT

command -v "${cargo%% *}" >/dev/null ||
  { echo "there is no '$cargo' in PATH: install Rust 1.95 or newer, see https://rustup.rs"; exit 2; }

suites=raft
[ ! -e tests/figure2/main.rs ] || suites='raft figure2'

# shellcheck disable=SC2046 # one option a suite
if ! $cargo test --quiet --no-run $(printf ' --test %s' $suites) 2>"$work/build"; then
  sed -n '1,40p' "$work/build"
  echo
  echo 'Next: make it compile. The first error is above; all of them:  cargo check'
  exit 0
fi

# What escapes the checks, and the simulation; it may be the cause of all that follows.
$cargo test --quiet --test raft -- --forbidden

for suite in $suites; do
  # Empty means unset: what is in the environment for other runs is not meant for this one.
  SEED='' SEEDS='' VERBOSE='' KERNEL='' $cargo test --quiet --test "$suite" -- \
    --sim test_ --seeds 1 --report "$work/report" >"$work/log" 2>&1
  if [ ! -s "$work/report" ]; then
    tail -n 20 "$work/log"
    echo "the tests of suite $suite did not run; see above" >&2
    exit 2
  fi
  cat "$work/report" >>"$work/all"
  rm -f "$work/report"
done

grep -rn 'Your code here' src/raft >"$work/marks" 2>/dev/null
awk '
  # A string of JSON as the text that it stands for.
  function text_of(json) {
    gsub(/\\\\/, "\001", json); gsub(/\\n/, "\n", json); gsub(/\\t/, "\t", json)
    gsub(/\\"/, "\"", json); gsub(/\001/, "\\", json)
    return json
  }
  function wrapped(word) {
    if (length(line) + 2 + length(word) > 98) { print line; line = "     " }
    line = line "  " word
  }
  FILENAME ~ /marks$/ {
    for (i = 1; i <= 4; i++) {
      part = "2" substr("ABCD", i, 1)
      place = $0; match(place, /:[0-9]+:/); place = substr(place, 1, RSTART + RLENGTH - 2)
      if (!(part in mark) && index($0, part)) mark[part] = place
    }
    next
  }
  {
    test = $0; sub(/.*"test":"test_/, "", test); sub(/".*/, "", test)
    suite = $0; sub(/.*"suite":"/, "", suite); sub(/".*/, "", suite)
    why = substr($0, index($0, "\"failure\":") + 10)
    part = toupper(substr(test, length(test) - 1))
    key = suite part
    short = substr(test, 1, length(test) - 3)
    passed = why ~ /^null/
    boxes[key, ++count[key]] = (passed ? "[x] " : "[ ] ") short
    if (passed) { good[key]++; next }
    # A failure may follow from that of another test, whose message the report gives for it.
    first = test
    if (match($0, /"follows":"test_[a-z0-9_]+/)) first = substr($0, RSTART + 16, RLENGTH - 16)
    if (first != test) following[suite, first]++
    if (key in failed) next
    failed[key] = first
    sub(/^"/, "", why); sub(/"\}$/, "", why)
    reason[key] = text_of(why)
  }
  END {
    titles = "leader election,the log,persistence,log compaction"
    split(titles, title, ",")
    for (i = 1; i <= 4; i++) {
      part = "2" substr("ABCD", i, 1)
      line = part "   " title[i] ":"
      for (j = 1; j <= count["raft" part]; j++) wrapped(boxes["raft" part, j])
      print line
      if (count["figure2" part])
        printf "       Figure 2: %d of %d tests pass\n", good["figure2" part], count["figure2" part]
      for (s = 1; s <= 2; s++) {
        # What is written is explained best by the sentence that it breaks.
        key = ((s == 1) == (part in mark) ? "raft" : "figure2") part
        if (!next_key && key in failed) { next_key = key; next_part = part }
      }
    }
    print ""
    if (!next_key) {
      print "All pass, with seed 1. Next: other seeds, and real time:  make sim SEEDS=20, make test"
      exit
    }
    more = following[next_key ~ /^raft/ ? "raft" : "figure2", failed[next_key]]
    suite = next_key ~ /^raft/ ? "" : "S=figure2 "
    print "Next, in Part " substr(next_part, 2) ": test_" failed[next_key]
    lines = split(reason[next_key], row, "\n")
    for (i = 1; i <= lines && i <= 12; i++) print "    " row[i]
    if (lines > 12) print "    ..."
    if (more) print "    " more " more follow from it"
    print "    NEXT  make replay " suite "T=" failed[next_key] " SEED=1    (VERBOSE=1 shows its log)"
    while (ENVIRON["HINT"] != "" && (getline hint < "scripts/hints.txt") > 0) {
      cut = index(hint, "|")
      if (hint !~ /^#/ && index(failed[next_key], substr(hint, 1, cut - 1))) {
        print "    hint: " substr(hint, cut + 1)
        break
      }
    }
    if (ENVIRON["HINT"] == "") print "    a hint:  make progress HINT=1"
    if (!good["raft" next_part] && next_part in mark)
      print "    to write it, see \"Your code here\" for " next_part ", first at " mark[next_part]
    else if (!suite && good["figure2" next_part] < count["figure2" next_part])
      print "    what Figure 2 says, sentence by sentence:  make test-figure2 T=_" tolower(next_part)
  }' "$work/marks" "$work/all"
