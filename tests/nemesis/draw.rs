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

/// The kinds of faults, as drawn: some are several that belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    CutOneWay,
    Cut,
    CutLeader,
    MinorityLeader,
    /// The leader is cut off, and requests are late: several candidates in a term.
    Storm,
    Late,
    Repeats,
    LateReplies,
    Lab,
    /// Leaders that are cut off take a few commands, one after another (Figure 8).
    CutFigure8,
    /// A leader hears an answer of an earlier reign.
    OldAnswer,
    /// A follower has what the leader does not know of, and is sent a snapshot instead.
    LostAnswer,
    Burst,
    Dawdle,
    Crash,
    CrashLeader,
    CrashAll,
    /// The same, and they crash.
    Figure8,
    CrashAfter,
}

/// What befalls the network, what clients do, what befalls servers.
const NETWORK: [Kind; 9] = [
    Kind::CutOneWay,
    Kind::Cut,
    Kind::CutLeader,
    Kind::MinorityLeader,
    Kind::Storm,
    Kind::Late,
    Kind::Repeats,
    Kind::LateReplies,
    Kind::Lab,
];
const LOAD: [Kind; 5] =
    [Kind::CutFigure8, Kind::OldAnswer, Kind::LostAnswer, Kind::Burst, Kind::Dawdle];
const CRASHES: [Kind; 6] = [
    Kind::Crash,
    Kind::CrashLeader,
    Kind::CrashAll,
    Kind::Figure8,
    Kind::CrashAfter,
    Kind::CrashAfter,
];

/// The plan of this seed.
pub fn plan(part: Part) -> Plan {
    // Each Part has runs of its own, even where it knows the same faults as another.
    for _ in 0..part as u32 {
        let _ = rng::random_bool(0.5);
    }
    let servers = [3, 3, 3, 3, 5, 5, 5, 5, 4, 2, 7, 3][rng::random_range(0..12)];
    let clients = if part == Part::A { 0 } else { rng::random_range(1..=3) };
    let pause_ms = [10, 40, 150, 1000, 6000][rng::random_range(0..5)];
    let ms = rng::random_range(10_000..=20_000);
    let tastes = tastes(part);
    let gap_ms = [100, 200, 400, 800][rng::random_range(0..4)];
    let mut faults = Vec::new();
    let mut at_ms = rng::random_range(300..1500);
    while at_ms < ms {
        // A round of faults, and all is calm again.
        let mut end_ms = ms.min(at_ms + rng::random_range(1000..6000));
        if part != Part::A && servers > 3 && rng::random_bool(0.3) {
            // This one needs to be left alone.
            faults.extend(old_answer(at_ms, servers));
            (at_ms, end_ms) = (at_ms + 5000, at_ms + 5000);
        }
        while at_ms < end_ms {
            let kind = tastes[rng::random_range(0..tastes.len())];
            let fits = |fault: Fault| Fault { to_ms: fault.to_ms.min(end_ms), ..fault };
            let drawn = draw(kind, at_ms, servers).into_iter();
            faults.extend(drawn.filter(|fault| fault.from_ms < end_ms).map(fits));
            at_ms += rng::random_range(0..=2 * gap_ms);
        }
        faults.push(Fault { from_ms: end_ms, to_ms: end_ms, what: What::Calm });
        at_ms = end_ms + rng::random_range(0..500);
    }
    faults.sort_by_key(|fault| fault.from_ms);
    let ms = faults.iter().map(|fault| fault.to_ms).max().unwrap_or(ms);
    Plan { servers, snapshots: part == Part::D, ms, clients, pause_ms, faults }
}

/// Some of the kinds that the Part knows.
fn tastes(part: Part) -> Vec<Kind> {
    let mut kinds = NETWORK.to_vec();
    if part != Part::A {
        kinds.extend(LOAD);
    }
    if matches!(part, Part::C | Part::D) {
        kinds.extend(CRASHES);
    }
    let chosen: Vec<_> = kinds.iter().copied().filter(|_| rng::random_bool(0.4)).collect();
    if chosen.is_empty() { kinds } else { chosen }
}

fn draw(kind: Kind, at_ms: u64, servers: usize) -> Vec<Fault> {
    let for_ms = rng::random_range(100..=3000);
    let leader = Who::Leader(0);
    let what = match kind {
        Kind::CutOneWay => {
            let (a, b) = two(servers);
            What::CutOneWay(a, b)
        }
        Kind::Cut => {
            let (a, b) = two(servers);
            What::Cut(a, b)
        }
        Kind::CutLeader => What::Split(vec![leader]),
        Kind::MinorityLeader if servers < 4 => {
            What::Split(vec![Who::Leader(rng::random_range(0..2))])
        }
        Kind::MinorityLeader => {
            What::Split(vec![leader, Who::Leader(rng::random_range(1..servers))])
        }
        Kind::Late => What::LateRequests(share(servers)),
        Kind::Repeats => What::Repeats(share(servers)),
        Kind::LateReplies => What::LateReplies(share(servers)),
        Kind::Lab if rng::random_bool(0.5) => What::Unreliable,
        Kind::Lab => What::Reordering,
        Kind::Dawdle => What::Dawdle(anybody(servers), rng::random_range(20..=400)),
        Kind::Crash => What::Crash(anybody(servers)),
        Kind::CrashLeader => What::Crash(leader),
        Kind::Storm => return storm(at_ms, for_ms),
        Kind::CutFigure8 => return figure8(at_ms, servers, false),
        Kind::Figure8 => return figure8(at_ms, servers, true),
        Kind::OldAnswer => return old_answer(at_ms, servers),
        Kind::LostAnswer => return lost_answer(at_ms, for_ms, servers),
        Kind::Burst => {
            let what = What::Burst(leader, rng::random_range(5..=40));
            return vec![Fault { from_ms: at_ms, to_ms: at_ms, what }];
        }
        Kind::CrashAll => {
            let to_ms = at_ms + for_ms / 6;
            return vec![Fault { from_ms: at_ms, to_ms, what: What::CrashAll }];
        }
        Kind::CrashAfter => return crash_after(at_ms, for_ms, servers),
    };
    vec![Fault { from_ms: at_ms, to_ms: at_ms + for_ms, what }]
}

fn anybody(servers: usize) -> Who {
    match rng::random_range(0..4) {
        0 => Who::Leader(0),
        1 => Who::Leader(rng::random_range(0..servers)),
        _ => Who::Server(rng::random_range(0..servers)),
    }
}

/// Two different servers, one of them the leader perhaps.
fn two(servers: usize) -> (Who, Who) {
    let apart = rng::random_range(1..servers);
    let (one, other) = if rng::random_bool(0.5) {
        (Who::Leader(0), Who::Leader(apart))
    } else {
        let one = rng::random_range(0..servers);
        (Who::Server(one), Who::Server((one + apart) % servers))
    };
    if rng::random_bool(0.5) { (one, other) } else { (other, one) }
}

fn share(servers: usize) -> Share {
    let of = rng::random_bool(0.4).then(|| anybody(servers));
    let percent = [10, 30, 60, 100][rng::random_range(0..4)];
    let up_to_ms = [30, 300, 1000, 4000][rng::random_range(0..4)];
    Share { of, percent, up_to_ms }
}

fn storm(at_ms: u64, for_ms: u64) -> Vec<Fault> {
    let to_ms = at_ms + for_ms;
    let percent = [30, 60, 100][rng::random_range(0..3)];
    let up_to_ms = [100, 300, 1000][rng::random_range(0..3)];
    let share = Share { of: None, percent, up_to_ms };
    let late =
        if rng::random_bool(0.6) { What::LateRequests(share) } else { What::LateReplies(share) };
    let cut = What::Split(vec![Who::Leader(0)]);
    vec![
        Fault { from_ms: at_ms, to_ms, what: late },
        Fault { from_ms: at_ms, to_ms: at_ms + for_ms / 2, what: cut },
    ]
}

/// The leader, cut off with one follower at most, takes a few commands, which therefore reach few;
/// perhaps it crashes then.
fn figure8(at_ms: u64, servers: usize, crashes: bool) -> Vec<Fault> {
    let leader = Who::Leader(0);
    let mut group = vec![leader];
    if servers > 3 && rng::random_bool(0.4) {
        group.push(Who::Leader(rng::random_range(1..servers)));
    }
    let burst_ms = at_ms + rng::random_range(1..=10);
    let burst = What::Burst(leader, rng::random_range(1..=3));
    let end_ms = at_ms + rng::random_range(400..=1800);
    let crash_ms = burst_ms + rng::random_range(0..=60);
    let cut_ms = if crashes { crash_ms } else { end_ms };
    let mut faults = vec![
        Fault { from_ms: at_ms, to_ms: cut_ms, what: What::Split(group) },
        Fault { from_ms: burst_ms, to_ms: burst_ms, what: burst },
    ];
    if crashes {
        faults.push(Fault { from_ms: crash_ms, to_ms: end_ms, what: What::Crash(leader) });
    }
    faults
}

/// The leader and a follower, cut off, share some entries, but the answer is late. Others lead and
/// overwrite them. Then the old leader may lead again when the answer comes.
fn old_answer(at_ms: u64, servers: usize) -> Vec<Fault> {
    let leader = Who::Leader(0);
    let pair = vec![leader, Who::Leader(rng::random_range(1..servers))];
    let late = Share { of: Some(leader), percent: 100, up_to_ms: 5000 };
    let alone_ms = at_ms + 60;
    let back_ms = at_ms + rng::random_range(900..=1300);
    let again_ms = back_ms + rng::random_range(150..=400);
    let fault = |from_ms, to_ms, what| Fault { from_ms, to_ms, what };
    vec![
        fault(at_ms, alone_ms, What::LateReplies(late)),
        fault(at_ms, alone_ms, What::Split(pair)),
        fault(at_ms + 5, at_ms + 5, What::Burst(leader, rng::random_range(20..=60))),
        fault(alone_ms, back_ms, What::Split(vec![leader])),
        fault(back_ms - 50, back_ms - 50, What::Burst(leader, 1)),
        fault(again_ms, again_ms + 1500, What::Split(vec![leader])),
    ]
}

/// A follower gets many entries, but its answer is lost; then it is cut off, or it hears that they
/// are committed, and takes a snapshot, and its answers are lost as well.
fn lost_answer(at_ms: u64, for_ms: u64, servers: usize) -> Vec<Fault> {
    let (leader, follower) = (Who::Leader(0), Who::Leader(rng::random_range(1..servers)));
    let to_ms = at_ms + 50 + for_ms / 3;
    let hears_on = rng::random_bool(0.5);
    let cut_ms = (!hears_on).then(|| at_ms + rng::random_range(3..=50));
    let fault = |from_ms, to_ms, what| Fault { from_ms, to_ms, what };
    let mut faults = vec![
        fault(at_ms, to_ms, What::CutOneWay(follower, leader)),
        fault(at_ms + 1, at_ms + 1, What::Burst(leader, rng::random_range(10..=35))),
    ];
    faults.extend(cut_ms.map(|cut_ms| fault(cut_ms, to_ms, What::Cut(leader, follower))));
    faults
}

/// A crash behind a reply; behind a vote, there must be an election as well.
fn crash_after(at_ms: u64, for_ms: u64, servers: usize) -> Vec<Fault> {
    let which =
        [LastReply::Any, LastReply::Vote, LastReply::Vote, LastReply::Append, LastReply::Install];
    let which = which[rng::random_range(0..which.len())];
    let one = rng::random_range(0..servers);
    let everybody = which == LastReply::Vote && rng::random_bool(0.5);
    let meant = if everybody { 0..servers } else { one..one + 1 };
    let crash = |server| {
        let what = What::CrashAfter(Who::Server(server), which);
        Fault { from_ms: at_ms, to_ms: at_ms + for_ms, what }
    };
    let mut faults: Vec<_> = meant.map(crash).collect();
    if which == LastReply::Vote {
        faults.extend(storm(at_ms, for_ms));
    }
    faults
}
