//! Plans drawn from the seed.
//!
//! Each seed has a taste of its own: some kinds of faults often, some never. All kinds at once
//! would hide each other: nothing is ever committed in a network that is always cut.

use raftlab::labsync::rng;
use raftlab::tester::LastReply;

use super::plan::{Fault, Plan, Share, What, Who};

/// A Part of the lab, and so what a run may contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    A,
    B,
    C,
    D,
}

impl Part {
    pub fn banner(self) -> &'static str {
        match self {
            Part::A => "Test (2A): nemesis, elections",
            Part::B => "Test (2B): nemesis, the log",
            Part::C => "Test (2C): nemesis, crashes",
            Part::D => "Test (2D): nemesis, snapshots",
        }
    }
}

/// The kinds of faults, as drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    CutOneWay,
    Cut,
    CutLeader,
    MinorityLeader,
    Late,
    Repeats,
    LateReplies,
    Lab,
    Burst,
    Dawdle,
    Crash,
    CrashLeader,
    CrashAll,
    CrashAfter,
}

/// What befalls the network, what clients do, what befalls servers.
const NETWORK: [Kind; 8] = [
    Kind::CutOneWay,
    Kind::Cut,
    Kind::CutLeader,
    Kind::MinorityLeader,
    Kind::Late,
    Kind::Repeats,
    Kind::LateReplies,
    Kind::Lab,
];
const LOAD: [Kind; 2] = [Kind::Burst, Kind::Dawdle];
const CRASHES: [Kind; 5] =
    [Kind::Crash, Kind::CrashLeader, Kind::CrashAll, Kind::CrashAfter, Kind::CrashAfter];

/// The plan of this seed.
pub fn plan(part: Part) -> Plan {
    let servers = [3, 3, 3, 3, 5, 5, 5, 5, 4, 2, 7, 3][rng::random_range(0..12)];
    let clients = if part == Part::A { 0 } else { rng::random_range(1..=3) };
    let pause_ms = [10, 30, 60, 150][rng::random_range(0..4)];
    let ms = rng::random_range(5_000..=12_000);
    let tastes = tastes(part);
    let mut faults = Vec::new();
    let mut at_ms = rng::random_range(300..1500);
    let gap_ms = [150, 400, 800][rng::random_range(0..3)];
    while at_ms < ms {
        let kind = tastes[rng::random_range(0..tastes.len())];
        faults.extend(draw(kind, at_ms, servers));
        at_ms += rng::random_range(0..=2 * gap_ms);
    }
    faults.sort_by_key(|fault| fault.from_ms);
    Plan { servers, snapshots: part == Part::D, ms, clients, pause_ms, faults }
}

/// Half of the kinds that the Part knows.
fn tastes(part: Part) -> Vec<Kind> {
    let mut kinds = NETWORK.to_vec();
    if part != Part::A {
        kinds.extend(LOAD);
    }
    if matches!(part, Part::C | Part::D) {
        kinds.extend(CRASHES);
    }
    let chosen: Vec<_> = kinds.iter().copied().filter(|_| rng::random_bool(0.5)).collect();
    if chosen.is_empty() { kinds } else { chosen }
}

fn draw(kind: Kind, at_ms: u64, servers: usize) -> Vec<Fault> {
    let fault = |what, for_ms: u64| Fault { from_ms: at_ms, to_ms: at_ms + for_ms, what };
    let some_ms = |most: u64| rng::random_range(100..=most);
    let what = match kind {
        Kind::CutOneWay => What::CutOneWay(anybody(servers), anybody(servers)),
        Kind::Cut => What::Cut(anybody(servers), anybody(servers)),
        Kind::CutLeader => What::Split(vec![Who::Leader(0)]),
        Kind::MinorityLeader if servers < 4 => {
            What::Split(vec![Who::Leader(rng::random_range(0..2))])
        }
        Kind::MinorityLeader => {
            What::Split(vec![Who::Leader(0), Who::Leader(rng::random_range(1..servers))])
        }
        Kind::Late => What::LateRequests(share(servers)),
        Kind::Repeats => What::Repeats(share(servers)),
        Kind::LateReplies => What::LateReplies(share(servers)),
        Kind::Lab if rng::random_bool(0.5) => What::Unreliable,
        Kind::Lab => What::Reordering,
        Kind::Burst => What::Burst(Who::Leader(0), rng::random_range(5..=40)),
        Kind::Dawdle => What::Dawdle(anybody(servers), rng::random_range(20..=400)),
        Kind::Crash => What::Crash(anybody(servers)),
        Kind::CrashLeader => What::Crash(Who::Leader(0)),
        Kind::CrashAll => return vec![fault(What::CrashAll, some_ms(500))],
        Kind::CrashAfter => return crash_after(at_ms, servers),
    };
    vec![fault(what, some_ms(3000))]
}

fn anybody(servers: usize) -> Who {
    match rng::random_range(0..4) {
        0 => Who::Leader(0),
        1 => Who::Leader(rng::random_range(0..servers)),
        _ => Who::Server(rng::random_range(0..servers)),
    }
}

fn share(servers: usize) -> Share {
    let of = rng::random_bool(0.4).then(|| anybody(servers));
    let percent = [10, 30, 60, 100][rng::random_range(0..4)];
    let up_to_ms = [30, 300, 1000, 4000][rng::random_range(0..4)];
    Share { of, percent, up_to_ms }
}

/// A crash behind a reply; behind a vote, there must be an election as well.
fn crash_after(at_ms: u64, servers: usize) -> Vec<Fault> {
    let which = [LastReply::Any, LastReply::Vote, LastReply::Vote, LastReply::Append];
    let which = which[rng::random_range(0..4)];
    let to_ms = at_ms + rng::random_range(100..=2000);
    let one = Who::Server(rng::random_range(0..servers));
    let mut faults = vec![Fault { from_ms: at_ms, to_ms, what: What::CrashAfter(one, which) }];
    if which == LastReply::Vote {
        let what = What::Split(vec![Who::Leader(0)]);
        faults.push(Fault { from_ms: at_ms, to_ms, what });
    }
    faults
}
