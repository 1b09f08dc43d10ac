//! A plan is carried out: its faults in their time, the healing, and the last checks.

use std::sync::Arc;
use std::time::Duration;

use raftlab::labrpc::{Disturbance, Late};
use raftlab::labsync::{self, Instant, rng, thread};
use raftlab::raft::{Index, ServerId};
use raftlab::tester::{Command, Config};

use super::clients::{self, Clients};
use super::draw::{self, Part};
use super::parse;
use super::plan::{Fault, Plan, Share, What, Who};

/// In how much time a healed cluster must agree. What was cut off may hear for 7 s that nobody
/// answers, and a late message comes after 4 s.
const HEALED_LIMIT: Duration = Duration::from_secs(30);
/// How long a command may take then before it is tried anew.
const TRY: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);
/// How soon a server that crashed behind a reply is started again.
const RESTART_POLL: Duration = Duration::from_millis(30);
/// How long a thread may be stalled before a lock, in half of the runs.
const LONGEST_STALL: Duration = Duration::from_millis(500);
/// After so many entries a service takes a snapshot, if not all do after the same number. One that
/// hardly ever does has entries that another has in its snapshot only.
const SNAPSHOT_INTERVALS: [Index; 4] = [3, 10, 25, 1000];
/// After so long a crash that was under way is over.
const UNDER_WAY: Duration = Duration::from_millis(1);

/// Runs the plan in `PLAN`, or the one drawn from the seed.
pub fn run(part: Part) {
    let drawn = draw::plan(part);
    let plan = parse::given_plan().expect("main has read it").unwrap_or(drawn);
    println!("{} ...", part.banner());
    carry_out(&plan).end();
}

/// Runs another plan as if this seed had drawn it: what is drawn later is not touched. Silent.
pub fn try_instead(part: Part, plan: &Plan) {
    let _ = draw::plan(part);
    carry_out(plan);
}

fn carry_out(plan: &Plan) -> Arc<Config> {
    // Now and then a thread comes back to its lock much later: a new leader may have come by then.
    let stalls_long = rng::random_bool(0.5);
    if stalls_long {
        labsync::stall_longer(LONGEST_STALL);
    }
    let cfg = Config::make(plan.servers, false, plan.snapshots);
    // Servers whose logs begin at different places meet other messages than those whose logs do not.
    if plan.snapshots && rng::random_bool(0.5) {
        (0..plan.servers).for_each(|server| {
            let drawn = rng::random_range(0..SNAPSHOT_INTERVALS.len());
            cfg.set_snapshot_interval(server, SNAPSHOT_INTERVALS[drawn]);
        });
    }
    let clients = Clients::start(&cfg, plan.clients, plan.pause_ms);
    let mut stage = Stage::new(&cfg, plan, stalls_long);
    stage.act();
    let agreed = stage.agreed;
    for promise in clients.stop() {
        let (_, applied) = cfg.n_committed(promise.index);
        let (index, command) = (promise.index, promise.command);
        assert!(applied.as_ref() == Some(&command), "{command}, once applied at {index}, is lost");
    }
    cfg.check_promises(agreed);
    cfg
}

/// After the healing: one leader, whom all know.
fn await_leader(cfg: &Config) {
    let end = Instant::now() + HEALED_LIMIT;
    loop {
        let states: Vec<_> = (0..cfg.servers()).map(|server| cfg.get_state(server)).collect();
        let one_term = states.iter().all(|state| state.0 == states[0].0);
        if one_term && states.iter().any(|state| state.1) {
            return;
        }
        assert!(
            Instant::now() < end,
            "no leader {HEALED_LIMIT:?} after all was healed: {states:?}{}",
            cfg.states()
        );
        thread::sleep(POLL);
    }
}

/// After the healing: a new command is applied by all; its index.
fn await_agreement(cfg: &Config) -> Index {
    let end = Instant::now() + HEALED_LIMIT;
    while Instant::now() < end {
        for server in 0..cfg.servers() {
            let command = Command::random();
            let started = cfg.start(server, command.clone());
            let Some(started) = started.filter(|started| started.is_leader) else { continue };
            let try_end = Instant::now() + TRY;
            while Instant::now() < try_end {
                let (count, applied) = cfg.n_committed(started.index);
                if count == cfg.servers() && applied.as_ref() == Some(&command) {
                    return started.index;
                }
                thread::sleep(POLL);
            }
        }
        thread::sleep(POLL);
    }
    let states: Vec<_> = (0..cfg.servers()).map(|server| cfg.get_state(server)).collect();
    panic!(
        "no agreement {HEALED_LIMIT:?} after all was healed: (term, is leader) {states:?}{}",
        cfg.states()
    );
}

/// A run in progress.
struct Stage<'a> {
    cfg: &'a Arc<Config>,
    plan: &'a Plan,
    /// What is in force, with the servers it was said of.
    active: Vec<Active<'a>>,
    /// What the network does now on the way from one server to another.
    links: Vec<Vec<Disturbance>>,
    last_leader: ServerId,
    /// Up to where all servers had applied in the last calm.
    agreed: Index,
    /// Threads are held up for long, while faults are about.
    stalls_long: bool,
}

struct Active<'a> {
    fault: &'a Fault,
    servers: Vec<ServerId>,
}

impl<'a> Stage<'a> {
    fn new(cfg: &'a Arc<Config>, plan: &'a Plan, stalls_long: bool) -> Stage<'a> {
        let links = vec![vec![Disturbance::default(); plan.servers]; plan.servers];
        Stage { cfg, plan, active: Vec::new(), links, last_leader: 0, agreed: 0, stalls_long }
    }

    /// From the first fault to the healing.
    fn act(&mut self) {
        let mut steps: Vec<(u64, bool, &'a Fault)> = Vec::new();
        for fault in self.plan.faults.iter().filter(|fault| fault.from_ms <= self.plan.ms) {
            steps.push((fault.from_ms, true, fault));
            steps.push((fault.to_ms.min(self.plan.ms), false, fault));
        }
        steps.sort_by_key(|step| step.0);
        let mut now_ms = 0;
        for (at_ms, begins, fault) in steps {
            self.pass(at_ms - now_ms);
            now_ms = at_ms;
            match fault.what {
                What::Calm if begins => self.calm(),
                _ if begins => self.begin(fault),
                _ => self.end(fault),
            }
            self.set_network();
        }
        self.pass(self.plan.ms - now_ms);
        self.calm();
    }

    /// Time passes, and servers that crashed behind a reply are started again.
    fn pass(&self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        let waiting = |it: &&Active<'_>| matches!(it.fault.what, What::CrashAfter(..));
        while Instant::now() < end {
            let rest = end - Instant::now();
            if self.active.iter().any(|it| waiting(&it)) {
                thread::sleep(rest.min(RESTART_POLL));
            } else {
                thread::sleep(rest);
            }
            for active in self.active.iter().filter(waiting) {
                if !self.cfg.is_up(active.servers[0]) {
                    self.revive(&active.servers);
                    self.arm(active);
                }
            }
        }
    }

    fn arm(&self, active: &Active<'_>) {
        if let What::CrashAfter(_, which) = active.fault.what {
            self.cfg.crash_after_reply(active.servers[0], which);
        }
    }

    /// Everything is healed, and the cluster must agree.
    fn calm(&mut self) {
        while let Some(active) = self.active.last() {
            self.end(active.fault);
        }
        self.set_network();
        // A host that works again: a Raft that locks for each entry it applies would not catch up.
        if self.stalls_long {
            labsync::stall_longer(Duration::ZERO);
        }
        if self.plan.clients == 0 {
            await_leader(self.cfg);
        } else {
            self.agreed = await_agreement(self.cfg);
        }
        if self.stalls_long {
            labsync::stall_longer(LONGEST_STALL);
        }
    }

    fn begin(&mut self, fault: &'a Fault) {
        let mut named = match &fault.what {
            What::CutOneWay(a, b) | What::Cut(a, b) => vec![*a, *b],
            What::Split(group) => group.clone(),
            What::Crash(who) | What::CrashAfter(who, _) => vec![*who],
            What::Dawdle(who, _) | What::Burst(who, _) => vec![*who],
            What::LateRequests(share) | What::LateReplies(share) | What::Repeats(share) => {
                share.of.into_iter().collect()
            }
            What::CrashAll => (0..self.plan.servers).map(Who::Server).collect(),
            What::Unreliable | What::Reordering | What::Calm => Vec::new(),
        };
        let servers: Vec<_> = named.drain(..).map(|who| self.server(who)).collect();
        match &fault.what {
            What::Crash(_) | What::CrashAll => {
                servers.iter().for_each(|&server| self.cfg.crash1(server));
            }
            What::Dawdle(_, ms) => self.cfg.dawdle(servers[0], *ms),
            What::Burst(_, count) => self.burst(servers[0], *count),
            _ => {}
        }
        let active = Active { fault, servers };
        self.arm(&active);
        self.active.push(active);
    }

    fn end(&mut self, fault: &Fault) {
        let Some(at) = self.active.iter().position(|it| std::ptr::eq(it.fault, fault)) else {
            return;
        };
        let Active { servers, .. } = self.active.remove(at);
        match fault.what {
            What::Crash(_) | What::CrashAll => self.revive(&servers),
            What::CrashAfter(..) => {
                self.cfg.no_crash_after_reply(servers[0]);
                thread::sleep(UNDER_WAY); // it may just have struck
                self.revive(&servers);
            }
            What::Dawdle(..) => self.cfg.dawdle(servers[0], 0),
            _ => {}
        }
    }

    /// Starts those that are down, unless another fault keeps them there.
    fn revive(&self, servers: &[ServerId]) {
        for server in servers {
            let kept = self.active.iter().any(|it| {
                matches!(it.fault.what, What::Crash(_) | What::CrashAll)
                    && it.servers.contains(server)
            });
            if !kept && !self.cfg.is_up(*server) {
                self.cfg.start1(*server);
                self.cfg.connect(*server);
            }
        }
    }

    /// Sometimes all commands are alike: Raft must not tell entries apart by what they say.
    fn burst(&self, server: ServerId, count: usize) {
        let alike = rng::random_bool(0.5);
        for _ in 0..count {
            let command = if alike { clients::the_same() } else { Command::random() };
            // Whether it is taken is not the point.
            let _ = self.cfg.start(server, command);
        }
    }

    /// Who that is now.
    fn server(&mut self, who: Who) -> ServerId {
        match who {
            Who::Server(server) => server,
            Who::Leader(behind) => {
                let states = (0..self.plan.servers)
                    .filter_map(|server| Some((self.cfg.state_if_up(server)?, server)));
                let leaders = states.filter(|((_, is_leader), _)| *is_leader);
                if let Some((_, leader)) = leaders.max() {
                    self.last_leader = leader;
                }
                (self.last_leader + behind) % self.plan.servers
            }
        }
    }

    /// The network does what the faults that are in force say together.
    fn set_network(&mut self) {
        let any = |what: &What| self.active.iter().any(|it| it.fault.what == *what);
        self.cfg.set_unreliable(any(&What::Unreliable));
        self.cfg.set_long_reordering(any(&What::Reordering));
        let servers = self.plan.servers;
        for (a, b) in (0..servers).flat_map(|a| (0..servers).map(move |b| (a, b))) {
            let mut link = Disturbance::default();
            for active in &self.active {
                active.add_to(&mut link, a, b);
            }
            if self.links[a][b] != link {
                self.links[a][b] = link;
                self.cfg.disturb(a, b, link);
            }
        }
    }
}

impl Active<'_> {
    /// What this fault does to the calls of `a` to `b`.
    fn add_to(&self, link: &mut Disturbance, a: ServerId, b: ServerId) {
        let with = |old: Late, share: &Share| {
            let meant = share.of.is_none() || self.servers.contains(&a);
            let new = Late { percent: share.percent, up_to_ms: share.up_to_ms };
            if meant
                && new.up_to_ms * u64::from(new.percent) > old.up_to_ms * u64::from(old.percent)
            {
                new
            } else {
                old
            }
        };
        link.lose_requests |= self.cuts(a, b);
        link.lose_replies |= self.cuts(b, a);
        match &self.fault.what {
            What::LateRequests(share) => link.late_requests = with(link.late_requests, share),
            What::LateReplies(share) => link.late_replies = with(link.late_replies, share),
            What::Repeats(share) => link.repeats = with(link.repeats, share),
            _ => {}
        }
    }

    /// Whether nothing that `from` sends reaches `to`.
    fn cuts(&self, from: ServerId, to: ServerId) -> bool {
        match self.fault.what {
            What::CutOneWay(..) => self.servers == [from, to],
            What::Cut(..) => self.servers == [from, to] || self.servers == [to, from],
            What::Split(_) => self.servers.contains(&from) != self.servers.contains(&to),
            _ => false,
        }
    }
}
