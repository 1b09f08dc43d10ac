#!/usr/bin/env bash
# `make check-grading`: hands in Rafts that are right, wrong or hostile, grades them in one command,
# and compares their points with grading/trial.txt. KEEP=folder keeps them; ONLY=name.
set -euo pipefail

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
work=${KEEP:-$(mktemp -d)}
[ -n "${KEEP-}" ] || trap 'rm -rf -- "$work"' EXIT
all=$work/submissions
mkdir -p "$all"

# hand_in NAME FOLDER: src/raft of a submission.
hand_in() {
  rm -rf -- "${all:?}/$1"
  mkdir -p "$all/$1/src"
  cp -RL -- "$root/$2" "$all/$1/src/raft"
}

# planted NAME BUG: the reference with a bug of mutants/.
planted() {
  hand_in "$1" src/raft
  (cd "$all/$1" && patch --quiet -p1 <"$root/mutants/$2.patch")
}

# hostile NAME PLACE: the reference, with what stands on standard input done at a place.
hostile() {
  hand_in "$1" src/raft
  local raft=$all/$1/src/raft
  cat >"$raft/hostile.rs"
  sed -i 's/^mod log;$/&\nmod hostile;/' "$raft/mod.rs"
  case $2 in
  append) sed -i '/fn append_entries(&self/s/$/ super::hostile::act();/' "$raft/append.rs" ;;
  kill) sed -i '/pub fn kill(&self) {/s/$/ hostile::act();/' "$raft/mod.rs" ;;
  make) sed -i '/) -> Arc<Raft> {/s/$/ hostile::act();/' "$raft/mod.rs" ;;
  none) ;;
  esac
  [ "$2" = none ] || grep -rq 'hostile::act()' "$raft" || { echo "no place $2 for $1"; exit 1; }
}

# view NAME SED: what the Raft of that name shows is changed.
view() {
  sed -i "$2" "$all/$1/src/raft/monitor.rs"
}

# ---- right ----------------------------------------------------------------------------------
hand_in right-reference src/raft
for variant in actor asking capped effects held installer polling quorum remembering replicators \
  student; do
  hand_in "right-$variant" "variants/$variant"
  cp "$root"/src/raft/{rpc,persister,view}.rs "$all/right-$variant/src/raft/"
done

# ---- wrong ----------------------------------------------------------------------------------
planted wrong-2a a-double-vote
planted wrong-2b b-commits-earlier-term
planted wrong-2c c-vote-persist-missing
planted wrong-2d d-stale-snapshot-installed
planted wrong-lock l-lock-held-across-rpc
hand_in wrong-nothing-written starter/src/raft
hand_in wrong-syntax src/raft
echo 'fn half(' >>"$all/wrong-syntax/src/raft/log.rs"
hand_in wrong-types src/raft
echo 'fn half() -> u8 { "one" }' >>"$all/wrong-types/src/raft/log.rs"
mkdir -p "$all/wrong-empty"

# ---- what they show of themselves ------------------------------------------------------------
# Right, but for what it shows.
for name in term role log vote; do hand_in "view-other-$name" src/raft; done
view view-other-term 's/current_term: self.current_term,/current_term: self.current_term + 1,/'
view view-other-role 's/let role = match &self.role {/let role = RoleView::Follower; let _ = match \&self.role {/'
view view-other-log 's/entries: self.log.all(),/entries: \&self.log.all()[..self.log.all().len() \/ 2],/'
view view-other-vote 's/voted_for: self.voted_for,/voted_for: None,/'
hand_in view-none src/raft
view view-none 's/self.persister.show(&self.figure2());/let _ = self.figure2();/'
# Shows itself until it leads: then it would be judged.
hand_in view-ends src/raft
view view-ends 's/self.persister.show(&self.figure2());/if !self.is_leader() { & }/'
# Wrong, and shows what would be right, or nothing.
planted view-hides-double-vote a-double-vote
view view-hides-double-vote 's/voted_for: self.voted_for,/voted_for: None,/'
planted view-none-double-vote a-double-vote
view view-none-double-vote 's/self.persister.show(&self.figure2());/let _ = self.figure2();/'
planted view-none-early-commit b-commits-earlier-term
view view-none-early-commit 's/self.persister.show(&self.figure2());/let _ = self.figure2();/'

# ---- hostile, and seen in the text -------------------------------------------------------------
hostile text-exit append <<'RUST'
pub fn act() { std::process::exit(0) }
RUST
hostile text-renamed append <<'RUST'
use std::{self as s, sync::Arc as _};
pub fn act() { s::process::exit(0) }
RUST
hostile text-reads-files make <<'RUST'
pub fn act() { println!("{:?}", std::fs::read_to_string("/etc/passwd")); }
RUST
hostile text-include append <<'RUST'
const TEXT: &str = include_str!("/etc/passwd");
pub fn act() { println!("{TEXT}"); }
RUST
hostile text-program append <<'RUST'
pub fn act() { let _ = std::process::Command::new("sleep").arg("250").spawn(); }
RUST
hostile text-network make <<'RUST'
pub fn act() { let _ = std::net::TcpStream::connect("192.0.2.1:80"); }
RUST
hostile text-tester make <<'RUST'
pub fn act() { crate::runner::pass(); }
RUST
hand_in text-link src/raft
ln -s /etc/passwd "$all/text-link/src/raft/words.rs"
hand_in text-not-utf8 src/raft
printf '// \xff\xfe\n' >>"$all/text-not-utf8/src/raft/log.rs"

# ---- hostile in the build ------------------------------------------------------------------------
hostile build-constant none <<'RUST'
#![allow(long_running_const_eval)]
pub const N: u64 = { let mut n = 0_u64; loop { n = n.wrapping_add(1); if n == u64::MAX { break n; } } };
pub fn act() { assert_ne!(N, 1); }
RUST
hostile build-macro none <<'RUST'
macro_rules! twice { ($($t:tt)*) => { twice!($($t)* $($t)* ,); } }
twice!(a b);
RUST

# ---- hostile at run time, in safe Rust without any of the above -----------------------------------
hostile run-prints-verdict append <<'RUST'
pub fn act() { println!("  ... Passed --   3.0  3   38     752    0"); panic!("after a forged line"); }
RUST
hostile run-own-hook append <<'RUST'
pub fn act() {
    std::panic::set_hook(Box::new(|_| {}));
    let _ = std::panic::catch_unwind(|| panic!("hidden"));
}
RUST
hostile run-prints-for-ever append <<'RUST'
pub fn act() { let line = "y".repeat(1023); loop { println!("{line}"); } }
RUST
hostile run-memory append <<'RUST'
pub fn act() { let mut all = Vec::new(); loop { all.push(vec![1_u8; 1 << 20]); } }
RUST
hostile run-threads append <<'RUST'
pub fn act() {
    for _ in 0..20_000 {
        let wait = || std::thread::sleep(std::time::Duration::from_secs(30));
        if std::thread::Builder::new().stack_size(65536).spawn(wait).is_err() { break; }
    }
}
RUST
hostile run-thread-bomb append <<'RUST'
fn bomb() { loop { let _ = std::thread::Builder::new().spawn(bomb); } }
pub fn act() { bomb() }
RUST
hostile run-sleeps append <<'RUST'
pub fn act() { std::thread::sleep(std::time::Duration::from_secs(4000)); }
RUST
hostile run-holds-stdout append <<'RUST'
pub fn act() { std::mem::forget(std::io::stdout().lock()); panic!("with stdout locked for ever"); }
RUST
hostile run-overflow append <<'RUST'
#[allow(unconditional_recursion)]
fn deeper(x: u64) -> u64 { let a = [x; 64]; std::hint::black_box(&a); deeper(x + 1) + a[3] }
pub fn act() { std::hint::black_box(deeper(1)); }
RUST
hostile run-dies-in-kill kill <<'RUST'
struct Late;
impl Drop for Late { fn drop(&mut self) { panic!("in drop"); } }
pub fn act() { let _late = Late; panic!("in kill"); }
RUST
hostile run-fake-clock make <<'RUST'
pub fn act() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    if now.is_ok_and(|now| now.subsec_nanos() % 3 == 0) { panic!("by chance"); }
}
RUST
# All servers are in one process: a number that they share in place of votes.
hostile run-shared-number none <<'RUST'
use std::sync::atomic::{AtomicU64, Ordering};
static LAST: AtomicU64 = AtomicU64::new(0);
pub fn term(now: u64) -> u64 { LAST.fetch_max(now, Ordering::SeqCst).max(now) + 1 }
RUST
sed -i -e 's/self.current_term += 1;/self.current_term = super::hostile::term(self.current_term);/' \
  -e 's/self.is_majority(count)/count > 0/' "$all/run-shared-number/src/raft/election.rs"

# ---- graded, and compared ---------------------------------------------------------------------
[ -z "${ONLY-}" ] || find "$all" -mindepth 1 -maxdepth 1 ! -name "*$ONLY*" -exec rm -rf -- {} +
cd "$root"
cargo run --quiet --package raft-lab-grading -- grade "$all" --scheme grading/trial.toml \
  --out "$work/results"
awk -v only="${ONLY-}" '
  FNR == NR { if ($1 !~ /^#/ && index($1, only)) most[$1] = $2; next }
  $1 in most {
    seen[$1] = 1
    # "<30": fewer than that, since it depends on the clock.
    below = sub(/^</, "", most[$1])
    if (below ? $2 + 0 >= most[$1] + 0 : $2 != most[$1]) {
      print "check-grading: " $1 " has " $2 " points, not " (below ? "below " : "") most[$1]
      wrong = 1
    }
  }
  END {
    for (name in most) if (!seen[name]) { print "check-grading: " name " is not in the table"; wrong = 1 }
    if (!wrong) print "check-grading: ok"
    exit wrong
  }' grading/trial.txt "$work/results/table.txt"
