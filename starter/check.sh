#!/bin/sh
# `make check-starter`: exports a student's project and checks that it is what starter/files.txt
# says, builds without a warning, and fails each of the 28 tests by the harness's own message; and
# that with the reference's src/raft laid over it all of them pass. It builds in target/starter.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"
cargo=${CARGO:-cargo}
# What the caller's environment says of other runs.
unset DIR UPDATE SEED SEEDS KERNEL VERBOSE T ORACLE 2>/dev/null || true
export CARGO_TARGET_DIR="$root/target/starter"
# Less optimised than usual: what runs here takes seconds, what is built here a minute.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
project="$work/a student's raft"
raft=$project/src/raft

step() {
  printf 'check-starter: %s\n' "$*"
}

fail() {
  printf 'check-starter FAILED: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

export_to() {
  DIR=$1 UPDATE=${2-} starter/export.sh >"$work/export.log" 2>&1
}

# refuses WORDS DIR [UPDATE]: the export must fail, and say WORDS.
refuses() {
  ! export_to "$2" "${3-}" || fail "the export to '$2' was not refused: expected '$1'"
  grep -qF -- "$1" "$work/export.log" ||
    fail "the export to '$2' is refused without the words '$1':" "$(cat "$work/export.log")"
}

# says WORDS FILE: the file must have them.
says() {
  grep -qF -- "$1" "$2" || fail "'$1' is not in:" "$(cat "$2")"
}

# ---- what is exported ------------------------------------------------------------------------

step 'every file is given or kept'
starter/export.sh --decide >"$work/decided"
undecided=$(sed -n 's/^undecided //p' "$work/decided")
[ -z "$undecided" ] || fail 'nobody has decided whether students get these files:' $undecided \
  "add a line to starter/files.txt:  'give PATH' if students need it, else 'keep PATH'"

step 'what must be refused is refused'
refuses 'where to?' ''
refuses 'lies inside this repository' "$root/my-raft"
refuses 'lies inside this repository' 'target/my-raft'
mkdir "$work/full" && touch "$work/full/thesis.tex"
refuses 'is not empty' "$work/full"
refuses 'nothing to update' "$work/full" 1
refuses 'nothing to update' "$work/nowhere" 1
ln -s "$root/starter" "$work/link"
refuses 'lies inside this repository' "$work/link/my-raft"
[ "$(ls "$work/full")" = thesis.tex ] && [ ! -e "$work/nowhere" ] ||
  fail 'a refused export has written something'

step 'the list of files is as expected'
export_to "$project" || fail 'the export fails:' "$(cat "$work/export.log")"
{
  sed -n 's/^give //p' "$work/decided"
  sed -n 's/^keep starter\/\(src\|docs\|\.github\)\//\1\//p' "$work/decided"
  printf '%s\n' README.md .raft-lab
} | LC_ALL=C sort >"$work/expected"
(cd "$project" && find . -type f | sed 's|^\./||' | LC_ALL=C sort) >"$work/found"
diff "$work/expected" "$work/found" >"$work/diff" ||
  fail 'the export differs from starter/files.txt (< missing, > too much):' "$(cat "$work/diff")"

step 'nothing of the reference is in it'
for path in $(sed -n 's/^keep \(src\/raft\/[^/]*\)$/\1/p' "$work/decided"); do
  name=${path##*/}
  [ "$name" != mod.rs ] || continue
  [ ! -e "$raft/$name" ] || fail "the skeleton has a file with the name of the reference's $path"
  if grep -rnF -e "$path" -e "raft/$name" "$project" >"$work/leak" ||
    grep -nF "\`$name\`" "$project/README.md" >"$work/leak"; then
    fail "the export tells of the reference's $name:" "$(head -n 5 "$work/leak")"
  fi
done
# The targets for what is kept belong in reference.mk.
if grep -nE 'mutants|tools|starter|grading' "$project/Makefile" "$project/Cargo.toml" >"$work/leak"; then
  fail 'Makefile or Cargo.toml name what students do not have:' "$(cat "$work/leak")"
fi
for part in 2A 2B 2C 2D; do
  grep -q "Your code here.*($part" "$raft/mod.rs" ||
    fail "the skeleton has no 'Your code here ($part)'"
done

step 'an update leaves the work of the student alone'
copy=$work/update
export_to "$copy" || fail 'the second export fails:' "$(cat "$work/export.log")"
echo '// my own' | tee "$copy/src/raft/mine.rs" >>"$copy/src/raft/mod.rs"
echo '# my own' >>"$copy/Makefile"
rm "$copy/src/tester/mod.rs" "$copy/src/raft/guard.rs"
echo 'old' | tee "$copy/src/old.rs" >"$copy/src/old_but_mine.rs"
{
  echo "$(cksum <"$copy/src/old.rs") src/old.rs"
  echo "1 4 src/old_but_mine.rs"
} >>"$copy/.raft-lab"
sed -i 's/^# skeleton .*/# skeleton 1 1/' "$copy/.raft-lab"
(cd "$copy/src/raft" && cksum -- *.rs) >"$work/before"
export_to "$copy" 1 || fail 'the update fails:' "$(cat "$work/export.log")"
(cd "$copy/src/raft" && cksum -- *.rs) >"$work/after"
cmp -s "$work/before" "$work/after" ||
  fail 'the update has changed src/raft:' "$(diff "$work/before" "$work/after" || true)"
says '# my own' "$copy/Makefile.yours"
says 'you had changed Makefile' "$work/export.log"
says 'changed Makefile' "$work/export.log"
says 'new     src/tester/mod.rs' "$work/export.log"
says 'gone    src/old.rs' "$work/export.log"
says 'git diff' "$work/export.log"
says 'The skeleton is newer' "$work/export.log"
cmp -s Makefile "$copy/Makefile" || fail 'the update has not brought the new Makefile'
[ -f "$copy/src/tester/mod.rs" ] || fail 'the update has not brought back src/tester/mod.rs'
[ ! -e "$copy/src/old.rs" ] || fail 'the update has left src/old.rs, which is given no longer'
[ -e "$copy/src/old_but_mine.rs" ] || fail "the update has deleted the student's own file"
refuses 'is a project already' "$copy"
export_to "$copy" 1 || fail 'the second update fails:' "$(cat "$work/export.log")"
says 'nothing is newer' "$work/export.log"
! grep -q 'The skeleton is newer' "$work/export.log" || fail 'it tells twice of a newer skeleton'
echo '// mine' >>"$copy/src/raft/rpc.rs"
export_to "$copy" 1 && cmp -s src/raft/rpc.rs "$copy/src/raft/rpc.rs" &&
  says '// mine' "$copy/src/raft/rpc.rs.yours" || fail 'the update has not renewed rpc.rs'

# ---- what it does ------------------------------------------------------------------------------

# simulate: all 28 tests with seed 1; a line of JSON for each in $work/report.
simulate() {
  rm -f "$work/report"
  (cd "$project" && $cargo test --quiet --test raft -- --sim _2 --seeds 1 \
    --report "$work/report" >"$work/log" 2>&1) || true
  [ "$(wc -l <"$work/report" || echo 0)" -eq 28 ] ||
    fail 'not 28 tests have run:' "$(tail -n 20 "$work/log")"
}

step 'it builds without a warning'
(cd "$project" && $cargo fmt --check && $cargo clippy --quiet --all-targets -- -D warnings) \
  >"$work/log" 2>&1 || fail 'the export does not build cleanly:' "$(cat "$work/log")"
cmp -s Cargo.lock "$project/Cargo.lock" || [ -e tools ] ||
  fail 'building has changed Cargo.lock'

step 'each test fails by its own message'
simulate
# By the message of a test or the harness, made in their files: not in the skeleton, which must
# not panic, hang, or break a rule.
ours='"failure":"(expected one leader, got none|one\([0-9]+\) failed to reach agreement)\\n'
if grep -vE "$ours.* at (tests|src/tester|src/oracle|src/runner)/" "$work/report" >"$work/odd"; then
  fail 'these do not fail as a Raft that does nothing should:' "$(cat "$work/odd")"
fi

step 'make progress says what comes next'
(cd "$project" && make -s progress) >"$work/log" 2>&1 || fail 'it fails:' "$(cat "$work/log")"
says '[ ] initial_election' "$work/log"
says 'Next, in Part A: test_initial_election_2a' "$work/log"
says 'expected one leader, got none' "$work/log"
says 'make replay T=initial_election_2a SEED=1' "$work/log"
says '"Your code here" for 2A, first at src/raft/mod.rs:' "$work/log"
echo 'fn broken( {' >>"$raft/mod.rs"
(cd "$project" && make -s progress) >"$work/log" 2>&1 || fail 'it fails:' "$(cat "$work/log")"
says 'src/raft/mod.rs:' "$work/log"
says 'Next: make it compile' "$work/log"

step "with the reference's src/raft all tests pass"
rm -r "$raft" && cp -R src/raft "$raft"
simulate
if grep -v '"failure":null}$' "$work/report" >"$work/odd"; then
  fail 'the reference fails in the export:' "$(cat "$work/odd")"
fi

# Who is in Part B saves nothing yet, and must not be told of it.
step 'Parts A and B pass without anything of Part C'
sed -i.old '/self.persister.save(/d' "$raft/persist.rs"
sed -i.old 's/read_saved: Some(read_saved)/read_saved: None/' "$raft/monitor.rs"
for file in persist monitor; do
  ! cmp -s "$raft/$file.rs" "$raft/$file.rs.old" || fail "nothing was taken out of $file.rs"
done
for suite in raft figure2 nemesis; do
  (cd "$project" && $cargo test --quiet --test "$suite" -- --must-match --sim _2a _2b --seeds 1-3) \
    >"$work/log" 2>&1 || fail "suite $suite fails without Part C:" "$(grep -A12 FAILED "$work/log")"
done
step 'ok'
