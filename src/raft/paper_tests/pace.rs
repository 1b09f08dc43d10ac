//! Part B, and D for snapshots: what a leader sends, and when (§5.2, §5.3, §7).
//!
//! The paper asks for heartbeats in idle periods, for retries without end, and for no more. The
//! rest is this implementation's: entries go out at once, but not while a message is unanswered; a
//! commit waits a little for entries that may carry it; a heartbeat has all that the follower may
//! lack.

use std::time::Duration;

use super::*;
use crate::raft::pacing::{COMMIT_TOLD_WITHIN, HEARTBEAT_INTERVAL};

/// What a message is, by its peer.
#[derive(PartialEq, Eq, Debug)]
enum Sent {
    /// An AppendEntries: the index before its entries, and how many there are.
    Append(ServerId, Index, usize),
    /// An InstallSnapshot up to this index.
    Install(ServerId, Index),
}

/// What the leader sends at `now`.
fn sends(state: &mut State, now: Instant) -> Vec<Sent> {
    numbered(state, now).into_iter().map(|(sent, _)| sent).collect()
}

/// The same, with the messages' numbers.
fn numbered(state: &mut State, now: Instant) -> Vec<(Sent, u64)> {
    let messages = state.take_messages_due(now);
    let kinds = messages.into_iter().map(|Message { peer, number, content, .. }| {
        let sent = match content {
            Content::Append(args) => Sent::Append(peer, args.prev_log_index, args.entries.len()),
            Content::Install(args) => Sent::Install(peer, args.last_included_index),
        };
        (sent, number)
    });
    kinds.collect()
}

/// All messages so far have been accepted; when that was.
fn all_answered(state: &mut State) -> Instant {
    let now = Instant::now();
    for message in state.take_messages_due(now) {
        if let Content::Append(args) = &message.content {
            state.append_accepted(message.peer, args);
        }
        state.message_ended(message.peer, message.number);
    }
    now
}

/// Once elected, a leader sends heartbeats to all other servers at once, so that none of them
/// starts an election (§5.2; Figure 2, leaders: "upon election").
#[test]
fn a_new_leader_sends_heartbeats_at_once() {
    let mut state = leader_of(5, &[1, 1]);
    assert!(state.next_due().is_some_and(|due| due <= Instant::now()));

    let sent = sends(&mut state, Instant::now());

    assert_eq!(sent, [1, 2, 3, 4].map(|peer| Sent::Append(peer, 2, 0)));
}

/// In idle periods a leader repeats its heartbeats at a fixed interval: not later, lest elections
/// start; not sooner, which would only be traffic (§5.2; lab: ten a second).
#[test]
fn heartbeats_are_repeated_at_the_interval() {
    let mut state = leader(&[1]);
    let start = all_answered(&mut state);
    let just_before = start + HEARTBEAT_INTERVAL - Duration::from_nanos(1);

    assert_eq!(state.next_due(), Some(start + HEARTBEAT_INTERVAL));
    assert_eq!(sends(&mut state, start), []);
    assert_eq!(sends(&mut state, just_before), []);
    assert_eq!(
        sends(&mut state, start + HEARTBEAT_INTERVAL),
        [Sent::Append(OTHER, 1, 0), Sent::Append(THIRD, 1, 0)]
    );
    assert_eq!(sends(&mut state, start + HEARTBEAT_INTERVAL), []);
}

/// A new entry is sent at once to every follower, not with the next heartbeat (§5.3).
#[test]
fn a_new_entry_is_sent_at_once() {
    let mut state = leader(&[1]);
    let now = all_answered(&mut state);

    state.append_command(command(2));
    let due = state.next_due();
    let sent = sends(&mut state, now);

    assert!(due.is_some_and(|due| due <= Instant::now()));
    assert_eq!(sent, [Sent::Append(OTHER, 1, 1), Sent::Append(THIRD, 1, 1)]);
}

/// While a message is unanswered, later commands wait: they travel together with the next one,
/// and no entry is sent again with each new command (lab: RPC and byte counts).
#[test]
fn commands_gather_while_a_message_is_unanswered() {
    let mut state = leader(&[1]);
    let now = all_answered(&mut state);
    state.append_command(command(2));
    let messages = state.take_messages_due(now);
    let [first, _] = &messages[..] else { panic!("one to each") };
    let Content::Append(args) = &first.content else { panic!("an entry is news") };

    state.append_command(command(3));
    state.append_command(command(4));
    let meanwhile = sends(&mut state, now);
    state.append_accepted(OTHER, args);
    state.message_ended(OTHER, first.number);
    let afterwards = sends(&mut state, now);

    assert_eq!(meanwhile, []);
    assert_eq!(afterwards, [Sent::Append(OTHER, 2, 2)], "the other has not answered yet");
}

/// A message that was lost is sent again at once when that is known, without waiting for a command
/// (§5.3: a leader retries until all followers store all entries).
#[test]
fn a_lost_message_is_sent_again() {
    let mut state = leader(&[1]);
    let now = all_answered(&mut state);
    state.append_command(command(2));
    let lost = numbered(&mut state, now);

    state.message_ended(OTHER, lost[0].1);
    let again = sends(&mut state, now);

    assert_eq!(lost[0].0, Sent::Append(OTHER, 1, 1));
    assert_eq!(again, [Sent::Append(OTHER, 1, 1)]);
}

/// A heartbeat carries what the follower may lack: so it retries what was sent before, while that
/// may still be on its way (§5.3).
#[test]
fn a_heartbeat_carries_the_entries_not_yet_acknowledged() {
    let mut state = leader(&[1]);
    let start = all_answered(&mut state);
    state.append_command(command(2));
    assert_eq!(sends(&mut state, start).len(), 2);

    let heartbeat = sends(&mut state, start + HEARTBEAT_INTERVAL);

    assert_eq!(heartbeat, [Sent::Append(OTHER, 1, 1), Sent::Append(THIRD, 1, 1)]);
}

/// The end of an earlier message is not that of the last: news still wait for this one's.
#[test]
fn the_answer_to_an_earlier_message_does_not_end_the_wait() {
    let mut state = leader(&[1]);
    let start = Instant::now();
    let first = numbered(&mut state, start);
    let second = numbered(&mut state, start + HEARTBEAT_INTERVAL);
    state.append_command(command(2));

    state.message_ended(OTHER, first[0].1);
    let after_the_first = sends(&mut state, start + HEARTBEAT_INTERVAL);
    state.message_ended(OTHER, second[0].1);
    let after_the_second = sends(&mut state, start + HEARTBEAT_INTERVAL);

    assert_eq!(after_the_first, []);
    assert_eq!(after_the_second, [Sent::Append(OTHER, 1, 1)]);
}

/// After a refusal the next attempt is made at once (§5.3: "decrements nextIndex and retries").
#[test]
fn a_refused_append_is_retried_at_once_from_further_back() {
    let mut state = leader(&[1, 1, 1]);
    let now = Instant::now();
    let messages = state.take_messages_due(now);
    let Content::Append(args) = &messages[0].content else { panic!("no snapshot") };
    let mut follower = server_of(3, OTHER, &[1]);

    let reply = follower.handle_append_entries(args.clone());
    state.append_rejected(OTHER, args, &reply);
    state.message_ended(OTHER, messages[0].number);
    let sent = sends(&mut state, now);

    assert_eq!(sent, [Sent::Append(OTHER, 1, 2)]);
}

/// A commit is news too: followers hear of it soon, and once (§5.3: the leader includes the
/// highest index it knows to be committed in future messages).
#[test]
fn a_commit_is_told_soon_and_once() {
    let mut state = leader(&[1]);
    state.append_command(command(2));

    let start = all_answered(&mut state);
    assert_eq!(state.commit_index, 2);
    assert_eq!(sends(&mut state, start), [], "the next command may carry it");
    let now = Instant::now() + COMMIT_TOLD_WITHIN;
    let told = state.take_messages_due(now);
    for message in &told {
        let Content::Append(args) = &message.content else { panic!("no snapshot") };
        assert_eq!((args.prev_log_index, args.leader_commit, args.entries.len()), (2, 2, 0));
        state.append_accepted(message.peer, args);
        state.message_ended(message.peer, message.number);
    }

    assert_eq!(told.len(), 2);
    assert_eq!(sends(&mut state, now), [], "everybody knows");
}

/// The next command does not wait for the commit of the one before, and carries it.
#[test]
fn entries_carry_a_commit_at_once() {
    let mut state = leader(&[1]);
    state.append_command(command(2));
    let now = all_answered(&mut state);
    state.append_command(command(3));

    let messages = state.take_messages_due(now);

    let Content::Append(args) = &messages[0].content else { panic!("no snapshot") };
    assert_eq!((args.prev_log_index, args.leader_commit, args.entries.len()), (2, 2, 1));
}

/// A leader with a compacted log, and what its first two messages to a follower were that lacks
/// all of it: the snapshot, and the heartbeat after.
fn while_a_snapshot_is_unanswered() -> (State, Vec<(Sent, u64)>, Instant) {
    let mut state = server(&[1, 1, 2, 2]);
    compact_to(&mut state, 3);
    let mut state = elected(state, 3);
    leadership(&mut state).next_index[OTHER] = 1;
    let start = Instant::now();
    let mut sent = numbered(&mut state, start);
    sent.truncate(1);
    let mut heartbeats = numbered(&mut state, start + HEARTBEAT_INTERVAL);
    sent.push(heartbeats.swap_remove(0));
    (state, sent, start + HEARTBEAT_INTERVAL)
}

/// A snapshot is large: while it is unanswered, heartbeats do not send it again, but ask whether
/// it has arrived (§7; this implementation).
#[test]
fn heartbeats_probe_while_a_snapshot_is_unanswered() {
    let (_, sent, _) = while_a_snapshot_is_unanswered();

    let sent: Vec<_> = sent.into_iter().map(|(sent, _)| sent).collect();
    assert_eq!(sent, [Sent::Install(OTHER, 3), Sent::Append(OTHER, 3, 0)]);
}

/// A probe that is accepted shows that the snapshot has arrived, its reply being lost: what comes
/// next are entries.
#[test]
fn an_accepted_probe_is_followed_by_entries() {
    let (mut state, sent, now) = while_a_snapshot_is_unanswered();

    state.append_accepted(OTHER, &append(3, (3, 2), &[], 3));
    state.message_ended(OTHER, sent[1].1);
    let next = sends(&mut state, now);

    assert_eq!(progress(&mut state, OTHER), (3, 4));
    assert_eq!(next, [Sent::Append(OTHER, 3, 1)]);
}

/// A probe that is refused shows that the follower is there, without the snapshot: it is sent
/// again. So it is after both were lost.
#[test]
fn a_refused_or_lost_probe_is_followed_by_the_snapshot() {
    for refused in [true, false] {
        let (mut state, sent, now) = while_a_snapshot_is_unanswered();
        let probe = append(3, (3, 2), &[], 3);
        let refusal = server_of(3, OTHER, &[]).handle_append_entries(probe.clone());

        if refused {
            state.append_rejected(OTHER, &probe, &refusal);
        }
        state.message_ended(OTHER, sent[1].1);
        let next = sends(&mut state, now);

        assert_eq!(next, [Sent::Install(OTHER, 3)], "refused: {refused}");
    }
}
