//! Part C: what survives a crash (§5.1 to §5.3, §7; Figure 2, persistent state).
//!
//! "Updated on stable storage before responding to RPCs": here, before the lock is released. So
//! these tests look at a server as others can, from outside its lock, and at what the next
//! instance of it finds on the disk.

#![allow(clippy::disallowed_methods, reason = "what must panic is looked at")]

use std::panic::AssertUnwindSafe;

use super::*;
use crate::raft::state::Receipt;

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

/// A server that votes remembers the vote, and the term with it (§5.2).
#[test]
fn a_vote_is_saved() {
    is_saved_after(server(&[1]), "a vote in a new term", |raft| {
        raft.request_vote(&vote_request(2, OTHER, (1, 1)));
    });
    is_saved_after(server(&[1]), "a vote in its own term", |raft| {
        raft.request_vote(&vote_request(1, OTHER, (1, 1)));
    });
    is_saved_after(server(&[1]), "a newer term, without a vote", |raft| {
        raft.request_vote(&vote_request(9, OTHER, (0, 0)));
    });
}

/// A candidate's term and its vote for itself are saved before anybody is asked (§5.2).
#[test]
fn an_election_is_saved() {
    for mut state in [server(&[1]), candidate(&[1])] {
        state.election_deadline = Instant::now();
        is_saved_after(state, "an election", |raft| {
            assert!(raft.start_election_if_due().is_some());
        });
    }
}

/// What a follower acknowledges, it has (§5.3): new entries, and a new term with or without them.
#[test]
fn an_append_is_saved() {
    is_saved_after(server(&[1]), "an entry", |raft| {
        raft.append_entries(append(1, (1, 1), &[1], 0));
    });
    is_saved_after(server(&[1]), "a conflict", |raft| {
        raft.append_entries(append(2, (0, 0), &[2], 0));
    });
    is_saved_after(server(&[1]), "a newer term in a heartbeat", |raft| {
        raft.append_entries(append(9, (1, 1), &[], 0));
    });
    is_saved_after(server(&[1]), "a newer term in an append that is refused", |raft| {
        raft.append_entries(append(9, (9, 1), &[1], 0));
    });
    is_saved_after(candidate(&[1]), "an entry, to a candidate", |raft| {
        raft.append_entries(append(2, (1, 1), &[2], 2));
    });
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

/// A newer term learnt from a reply is saved (§5.1).
#[test]
fn a_newer_term_in_a_reply_is_saved() {
    for state in [server(&[1]), candidate(&[1]), leader(&[1])] {
        is_saved_after(state, "a newer term in a reply", |raft| {
            let _ = raft.monitor.relock(Receipt::Candidate(2), 9);
        });
    }
}

/// A leader's entry counts as one of the majority: it is saved before `start` returns, and before
/// anybody can see it (§5.3).
#[test]
fn a_command_is_saved() {
    is_saved_after(leader(&[1]), "a command", |raft| {
        assert_eq!(raft.start(command(2)), (2, 2, true));
    });
}

/// The service's snapshot is saved together with the log that it shortens (§7).
#[test]
fn a_snapshot_of_the_service_is_saved() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);
    is_saved_after(state, "a snapshot", |raft| raft.snapshot(2, snapshot_at(2)));
}

/// State and snapshot are one write: the disk never has a log that begins where no snapshot ends
/// (§7). A later save of the log keeps the snapshot.
#[test]
fn the_snapshot_survives_later_saves() {
    let mut state = server(&[1, 1, 1]);
    compact_to(&mut state, 2);
    let raft = locked(state);

    raft.append_entries(append(2, (3, 1), &[2], 0));

    let state = restarted(&raft.monitor.lock());
    assert_eq!((state.log.snapshot_index(), &state.snapshot), (2, &snapshot_at(2)));
    assert_eq!(log_of(&state), entries(3, &[1, 2]));
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

/// A server that has voted, crashed and restarted has no second vote in that term (§5.2).
#[test]
fn a_server_votes_once_a_term_over_a_restart() {
    let raft = locked(server(&[1]));
    assert!(raft.request_vote(&vote_request(2, OTHER, (1, 1))).vote_granted);

    let again = locked(restarted(&raft.monitor.lock()));
    let to_another = again.request_vote(&vote_request(2, THIRD, (1, 1))).vote_granted;
    let to_the_same = again.request_vote(&vote_request(2, OTHER, (1, 1))).vote_granted;

    assert!(!to_another, "two votes in term 2");
    assert!(to_the_same);
}

/// Nor has a candidate that voted for itself (§5.2).
#[test]
fn a_candidate_keeps_its_own_vote_over_a_restart() {
    let mut state = server(&[1]);
    state.election_deadline = Instant::now();
    let raft = locked(state);
    assert!(raft.start_election_if_due().is_some());

    let again = locked(restarted(&raft.monitor.lock()));

    assert!(!again.request_vote(&vote_request(2, THIRD, (1, 1))).vote_granted);
}

/// A term is not begun twice: after a restart the next campaign is in a later term (§5.1).
#[test]
fn a_term_never_falls_over_a_restart() {
    let raft = locked(server(&[1]));
    raft.append_entries(append(7, (1, 1), &[], 0));

    let mut again = restarted(&raft.monitor.lock());
    let refused = again.handle_append_entries(append(6, (1, 1), &[], 0));
    let (_, request) = again.become_candidate();

    assert_eq!((refused.term, refused.success, request.term), (7, false, 8));
}

/// An entry that was acknowledged is there after a restart, and counts as before (§5.3).
#[test]
fn an_acknowledged_entry_is_there_after_a_restart() {
    let raft = locked(server(&[]));
    assert!(raft.append_entries(append(1, (0, 0), &[1, 1], 0)).success);

    let mut again = restarted(&raft.monitor.lock());

    assert!(again.handle_append_entries(append(1, (2, 1), &[], 2)).success);
    assert_eq!(again.take_unapplied(), [applied(1), applied(2)]);
}

/// What is committed and applied is volatile: the service starts from its snapshot, or from
/// nothing, and is given everything after it again (Figure 2, volatile state).
#[test]
fn a_restarted_server_applies_everything_again() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 3);
    state.handle_append_entries(append(1, (3, 1), &[1], 4));
    state.persist();

    let mut again = restarted(&state);
    assert_eq!((again.commit_index, again.last_applied), (0, 0));
    again.handle_append_entries(append(1, (4, 1), &[], 4));

    assert_eq!(again.take_unapplied(), [1, 2, 3, 4].map(applied));
}

/// With a snapshot, everything after that: the service has restored the snapshot itself, and what
/// it covers is committed (§7).
#[test]
fn a_restarted_server_begins_at_its_snapshot() {
    let mut state = server(&[1, 1, 1, 1]);
    apply_up_to(&mut state, 4);
    compact_to(&mut state, 2);

    let mut again = restarted(&state);
    assert_eq!((again.commit_index, again.last_applied), (2, 2));
    let at_first = again.take_unapplied();
    again.handle_append_entries(append(1, (4, 1), &[], 4));

    assert_eq!(at_first, []);
    assert_eq!(again.take_unapplied(), [3, 4].map(applied));
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
