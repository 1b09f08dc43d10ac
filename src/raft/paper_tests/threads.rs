//! All Parts: loops, where a thread or two are enough to see them go wrong.
//!
//! Each runs as a [`run`], which has a time limit: a loop that does not end is a failure, and so is
//! a panic in it.

use std::time::Duration;

use super::*;
use crate::labsync::channel::{self, Receiver};
use crate::labsync::{Mutex, RunOptions, run, thread};
use crate::raft::rpc::RequestVoteReply;

/// Runs `body`, and fails if it does not end.
fn soon(name: &str, body: impl FnOnce() + Send + 'static) {
    let limit = Duration::from_secs(10);
    if let Err(failure) = run(RunOptions { name: name.into(), seed: 1, limit }, body) {
        panic!("{failure}");
    }
}

/// After `kill()` all threads end, and nothing is applied, though it is committed (LAB.md: kill).
/// The loops are called here, in this thread, and must return.
#[test]
fn a_killed_server_does_nothing_more() {
    soon("kill", || {
        let mut state = leader(&[]);
        state.append_command(command(1));
        state.append_accepted(OTHER, &append(1, (0, 0), &[1], 0));
        assert_eq!(state.commit_index, 1);
        let raft = Arc::new(locked(state));
        let (apply_ch, service) = channel::unbounded();

        raft.kill();
        raft.clone().ticker_loop();
        raft.clone().replicator_loop();
        raft.clone().applier_loop(apply_ch);

        assert!(service.try_recv().is_err(), "applied after kill()");
        assert!(!raft.start(command(2)).2, "a command is taken after kill()");
    });
}

/// A candidate asks all servers in parallel (§5.2): one that never answers holds up none of the
/// others. Here whoever is asked first waits, and the other's vote is enough.
#[test]
fn votes_are_asked_for_in_parallel() {
    soon("votes", || {
        let (keep_waiting, release) = channel::unbounded::<()>();
        let nobody_asked = Mutex::new(true);
        let mut state = server(&[1]);
        state.election_deadline = Instant::now();
        let (raft, _network) = with_peers(state, |_| {
            Service::new("Raft").method("RequestVote", move |args: RequestVoteArgs| {
                let first = std::mem::take(&mut *nobody_asked.lock());
                if first {
                    let _ = release.recv();
                }
                RequestVoteReply { term: args.term, vote_granted: true }
            })
        });
        let ticker = raft.clone();
        thread::spawn("ticker", move || ticker.ticker_loop());

        let is_leader = || raft.get_state().1;
        while !is_leader() {
            thread::sleep(Duration::from_millis(5)); // at worst for ever, which `soon` ends
        }

        drop(keep_waiting);
        raft.kill();
    });
}

/// The next message to a slow service.
fn next(service: &Receiver<ApplyMsg>) -> ApplyMsg {
    service.recv_timeout(Duration::from_secs(5)).expect("there is more to apply")
}

/// A service may take its time with each message, and may call Raft before it takes the next: the
/// applier waits without the lock (lab, Rule 4). What arrives meanwhile is applied afterwards, in
/// order, and nothing twice: here a snapshot, and an entry behind it (§5.3, §7).
#[test]
fn a_slow_service_gets_everything_once_and_in_order() {
    soon("slow service", || {
        let mut state = server(&[1, 1, 1]);
        state.commit_to(3);
        let raft = Arc::new(locked(state));
        let (apply_ch, service) = channel::bounded(0);
        let applier = raft.clone();
        thread::spawn("applier", move || applier.applier_loop(apply_ch));

        let first = [next(&service), next(&service)];
        raft.snapshot(2, snapshot_at(2));
        let last_applied = raft.monitor.lock().last_applied;
        raft.install_snapshot(install(1, (5, 1)));
        raft.append_entries(append(1, (5, 1), &[1], 6));
        let rest = [next(&service), next(&service), next(&service)];
        let more = service.recv_timeout(Duration::from_millis(50));
        raft.kill();

        let snapshot = ApplyMsg::Snapshot { index: 5, term: 1, data: snapshot_at(5) };
        assert_eq!(first, [applied(1), applied(2)]);
        assert_eq!(last_applied, 3, "taken with the others: it must not fall behind them again");
        assert_eq!(rest, [applied(3), snapshot, applied(6)]);
        assert!(more.is_err(), "{more:?}");
    });
}
