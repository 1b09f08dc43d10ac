//! [`Plan`]: what a run does to a cluster, as data with a text form: a head, then a line a fault.
//!
//! ```text
//! 5 servers, snapshots, 8 s, 3 clients, pause 40 ms
//! 1.2-3.75 cut 0>1
//! 2-2.3 crash leader+1 after vote
//! 2.5 burst leader 20
//! 4 calm
//! ```

use std::fmt;

use raftlab::tester::LastReply;

/// A run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub servers: usize,
    /// Whether the services take snapshots.
    pub snapshots: bool,
    /// How long it goes on; then all is healed.
    pub ms: u64,
    pub clients: usize,
    /// How long a client pauses after a command, on average.
    pub pause_ms: u64,
    /// In the order of their beginnings.
    pub faults: Vec<Fault>,
}

/// A fault, and when it begins and ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub from_ms: u64,
    pub to_ms: u64,
    pub what: What,
}

/// What befalls the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Nothing that the first sends reaches the second.
    CutOneWay(Who, Who),
    /// Neither reaches the other.
    Cut(Who, Who),
    /// These are cut off from all others.
    Split(Vec<Who>),
    /// A server is down.
    Crash(Who),
    /// All servers are down.
    CrashAll,
    /// A server crashes in the moment in which such a reply has left it, is back soon, and so on.
    CrashAfter(Who, LastReply),
    /// Requests are late.
    LateRequests(Share),
    /// Replies are late.
    LateReplies(Share),
    /// Requests arrive twice.
    Repeats(Share),
    /// The lab's unreliable network.
    Unreliable,
    /// The lab's long reordering.
    Reordering,
    /// A service dawdles, for up to so many ms at a time.
    Dawdle(Who, u64),
    /// So many commands at once.
    Burst(Who, usize),
    /// All that went before ends, and the cluster must agree.
    Calm,
}

/// So many of a hundred messages, by up to so many ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// Whose calls; `None` for all.
    pub of: Option<Who>,
    pub percent: u32,
    pub up_to_ms: u64,
}

/// A server, by its number or by its place behind the leader of the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Server(usize),
    /// The leader is 0, the next server 1.
    Leader(usize),
}

impl Plan {
    /// On one line, to be typed.
    pub fn to_line(&self) -> String {
        self.to_string().trim_end().replace('\n', "; ")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { servers, snapshots, ms, clients, pause_ms, faults } = self;
        let snapshots = if *snapshots { "snapshots, " } else { "" };
        let seconds = Seconds(*ms);
        writeln!(
            f,
            "{servers} servers, {snapshots}{seconds} s, {clients} clients, pause {pause_ms} ms"
        )?;
        faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Seconds(self.from_ms))?;
        if self.to_ms > self.from_ms {
            write!(f, "-{}", Seconds(self.to_ms))?;
        }
        write!(f, " {}", self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::CutOneWay(from, to) => write!(f, "cut {from}>{to}"),
            What::Cut(a, b) => write!(f, "cut {a}-{b}"),
            What::Split(group) => {
                let group: Vec<_> = group.iter().map(ToString::to_string).collect();
                write!(f, "split {}", group.join(","))
            }
            What::Crash(who) => write!(f, "crash {who}"),
            What::CrashAll => write!(f, "crash all"),
            What::CrashAfter(who, LastReply::Any) => write!(f, "crash {who} after reply"),
            What::CrashAfter(who, LastReply::Vote) => write!(f, "crash {who} after vote"),
            What::CrashAfter(who, LastReply::Install) => write!(f, "crash {who} after install"),
            What::CrashAfter(who, LastReply::Append) => write!(f, "crash {who} after append"),
            What::LateRequests(share) => write!(f, "late-requests {share}"),
            What::LateReplies(share) => write!(f, "late-replies {share}"),
            What::Repeats(share) => write!(f, "repeats {share}"),
            What::Unreliable => write!(f, "unreliable"),
            What::Reordering => write!(f, "reordering"),
            What::Dawdle(who, ms) => write!(f, "dawdle {who} {ms} ms"),
            What::Burst(who, count) => write!(f, "burst {who} {count}"),
            What::Calm => write!(f, "calm"),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            None => write!(f, "all")?,
            Some(who) => write!(f, "{who}")?,
        }
        write!(f, " {}% {} ms", self.percent, self.up_to_ms)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Server(server) => write!(f, "{server}"),
            Who::Leader(0) => write!(f, "leader"),
            Who::Leader(behind) => write!(f, "leader+{behind}"),
        }
    }
}

/// Milliseconds, shown as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.0 / 1000, self.0 % 1000);
        if ms == 0 {
            return write!(f, "{seconds}");
        }
        write!(f, "{seconds}.{}", format!("{ms:03}").trim_end_matches('0'))
    }
}
