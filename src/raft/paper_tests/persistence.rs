//! Part C: what survives a crash (§5.1 to §5.3, §7; Figure 2, persistent state).
//!
//! "Updated on stable storage before responding to RPCs": here, before the lock is released. So
//! these tests look at a server as others can, from outside its lock, and at what the next
//! instance of it finds on the disk.

#![allow(clippy::disallowed_methods, reason = "what must panic is looked at")]

use std::panic::AssertUnwindSafe;

use super::*;

/// What must survive, with the log's indices and the snapshot.
type Persistent = (Term, Option<ServerId>, EntryAt, Vec<Entry>, Bytes);

fn persistent(state: &State) -> Persistent {
    let snapshot = (state.log.snapshot_index(), state.log.snapshot_term());
    (state.current_term, state.voted_for, snapshot, log_of(state), state.snapshot.clone())
}

/// What `event` has changed in memory is on the disk when it is over.
fn is_saved_after(state: State, what: &str, event: impl FnOnce(&Raft)) {
    let before = persistent(&state);
    let raft = locked(state);

    event(&raft);

    let memory = raft.monitor.lock();
    assert_ne!(persistent(&memory), before, "{what} changes nothing: a useless test");
    assert_eq!(persistent(&restarted(&memory)), persistent(&memory), "{what}: lost in a crash");
}

/// A snapshot from the leader is saved, with the log that it leaves (§7).
#[test]
fn an_installed_snapshot_is_saved() {
    is_saved_after(server(&[1]), "a snapshot beyond the log", |raft| {
        raft.install_snapshot(install(1, (5, 1)));
    });
    is_saved_after(server(&[1, 1, 1]), "a snapshot with entries behind it", |raft| {
        raft.install_snapshot(install(2, (2, 1)));
    });
    let mut has_one = server(&[1, 1, 1]);
    compact_to(&mut has_one, 2);
    is_saved_after(has_one, "a newer term with an old snapshot", |raft| {
        raft.install_snapshot(install(9, (1, 1)));
    });
}

/// The service's snapshot is saved together with the log that it shortens (§7).
#[test]
fn a_snapshot_of_the_service_is_saved() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);
    is_saved_after(state, "a snapshot", |raft| raft.snapshot(2, snapshot_at(2)));
}

/// A server restarts with the term, vote, and log that it had, as a follower (§5.1, §5.2).
#[test]
fn a_restarted_server_is_a_follower_with_its_term_vote_and_log() {
    for mut state in [server(&[1, 2, 2]), candidate(&[1, 2, 2]), leader(&[1, 2, 2])] {
        state.persist();

        let again = restarted(&state);

        assert_eq!(persistent(&again), persistent(&state));
        assert_eq!(role(&again), "follower");
        assert!(again.is_saved(), "there is nothing to save yet");
    }
}

/// A disk with a snapshot and no Raft state is no disk of ours: to go on would overwrite the snapshot.
#[test]
fn a_snapshot_alone_stops_the_server() {
    let disk = Persister::new();
    disk.save(Bytes::default(), b"a snapshot".into());
    let start = || State::new(ME, 3, Arc::new(disk), Arc::default()).current_term;
    let panic = std::panic::catch_unwind(AssertUnwindSafe(start)).expect_err("it must not start");
    let message = panic.downcast_ref::<String>().expect("with a message");
    assert!(message.contains("a snapshot of 10 bytes, and no Raft state"), "{message}");
}

/// A server whose disk was never written starts from nothing; one whose disk cannot be read does
/// not start: with a wrong vote or log it would do harm.
#[test]
fn an_unreadable_disk_stops_the_server() {
    let readable = server(&[1, 2]).persister.read_raft_state();
    let too_short = &readable[..readable.len() - 1];
    let too_long = [&readable[..], b"!"].concat();
    for (bytes, starts) in [
        (&b""[..], true),
        (&readable[..], true),
        (too_short, false),
        (&too_long[..], false),
        (b"not a state", false),
    ] {
        let disk = Persister::new();
        disk.save(bytes.into(), Bytes::default());

        let start = || State::new(ME, 3, Arc::new(disk), Arc::default()).current_term;
        let started = std::panic::catch_unwind(AssertUnwindSafe(start));

        assert_eq!(started.is_ok(), starts, "{bytes:?}");
    }
}

/// A dead instance has another disk than the next one: what it writes later is not seen.
#[test]
fn a_copy_of_the_disk_is_another_disk() {
    let mut dead = server(&[1]);
    let alive = restarted(&dead);

    dead.observe_term(9);
    dead.persist();

    assert_eq!(restarted(&alive).current_term, 1);
}
