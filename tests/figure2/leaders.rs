//! Part B: what n0 as a leader does with commands and replies (§5.3): start(), nextIndex,
//! matchIndex.

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::kit::*;

/// Whoever waits in start() would wait in all that follow.
pub const FIRST_TESTS: &[LabTest] = lab_tests![test_start_returns_at_once_2b];

pub const TESTS: &[LabTest] = lab_tests![
    test_start_answers_index_and_term_2b,
    test_start_is_refused_without_leadership_2b,
    test_start_after_kill_is_refused_2b,
    test_killed_server_applies_nothing_more_2b,
    test_election_adds_no_entry_2b,
    test_election_keeps_uncommitted_entries_2b,
    test_stepping_down_keeps_the_log_2b,
    test_entries_carry_the_term_of_start_2b,
    test_new_entry_is_sent_to_all_2b,
    test_acknowledged_entries_are_not_sent_again_2b,
    test_lost_append_is_sent_again_2b,
    test_unanswered_append_is_no_end_2b,
    test_long_silence_is_no_end_2b,
    test_commit_is_told_to_all_2b,
    test_commands_travel_in_the_term_of_the_reign_2b,
];

/// n0 has entries of these terms, from n1, the leader of `term`.
#[track_caller]
fn given(s: &Stage, term: u64, log: &[u64]) {
    s.accepts(1, append(term, (0, 0), log, 0));
}

#[track_caller]
fn check_start(s: &Stage, text: &str, expected: (u64, u64)) {
    let (index, term, leader) = s.start(text);
    let expected_text = format!("index {}, term {}, taken", expected.0, expected.1);
    let happened = format!("index {index}, term {term}, taken: {leader}");
    s.check((index, term) == expected && leader, expected_text, happened);
}

pub fn test_start_answers_index_and_term_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: a command becomes the next entry of the leader's log; indices begin \
         at 1",
    );
    let term = s.elect_obeyed();
    check_start(&s, "a", (1, term));
    check_start(&s, "b", (2, term));
    s.applies(&["a", "b"]);
    check_start(&s, "c", (3, term));
    check_start(&s, "c", (4, term)); // a client may want the same twice
    check_start(&s, "a", (5, term));
    s.applies(&["a", "b", "c", "c", "a"]);
}

pub fn test_start_is_refused_without_leadership_2b() {
    let s = Stage::new(
        3,
        "The interface: start() answers whether this server leads, and takes a command only then",
    );
    let refused = |s: &Stage, who: &str| {
        let (_, _, leader) = s.start("no");
        s.check(!leader, format!("start() on {who} is refused"), "it is taken");
    };
    refused(&s, "a new server");
    given(&s, 1, &[1]);
    refused(&s, "a follower");
    s.campaign();
    refused(&s, "a candidate");
    let term = s.elect_obeyed();
    s.denies(1, vote(term + 1, (0, 0)));
    refused(&s, "an old leader");
    let mark = s.mark();
    s.elect_held();
    let sent = s.led_since(mark);
    let longest = sent.iter().filter_map(|sent| match &sent.rpc {
        Rpc::Append(args) => Some(last_new(args)),
        _ => None,
    });
    let longest = longest.max().unwrap_or(0);
    s.check(longest <= 1, "no command that was refused is sent", format!("entry {longest} is"));
}

pub fn test_start_after_kill_is_refused_2b() {
    let s = Stage::new(3, "The interface: after kill(), start() takes no command");
    s.elect_obeyed();
    s.kill();
    let (_, _, leader) = s.start("late");
    s.check(!leader, "start() is refused", "it is taken");
    s.wait(A_MOMENT);
    s.applies(&[]);
}

pub fn test_killed_server_applies_nothing_more_2b() {
    let s = Stage::new(3, "The interface: after kill() nothing more is applied");
    s.pause_service(true);
    s.accepts(1, append(1, (0, 0), &[1; 12], 12));
    s.wait(A_MOMENT);
    s.kill();
    s.pause_service(false);
    let last = s.last_applied(12);
    // The service holds one, another is in the channel, a third was under way.
    s.check(last <= 3, "at most the 3 messages that were under way", format!("{last}"));
}

pub fn test_election_adds_no_entry_2b() {
    let s = Stage::new(
        3,
        "The lab: only a command becomes the next entry: a new leader adds none of its own, \
         since the lab counts indices",
    );
    given(&s, 1, &[1, 1]);
    let term = s.elect_held();
    for peer in s.peers() {
        let first = s.next(0, peer, "a first AppendEntries", Rpc::is_leaders);
        let last = last_new(first.args());
        s.check(last <= 2, "nothing beyond entry 2", format!("entry {last}"));
    }
    check_start(&s, "a", (3, term));
}

pub fn test_election_keeps_uncommitted_entries_2b() {
    let s = Stage::new(
        3,
        "Figure 3, Leader Append-Only: a leader never overwrites or deletes entries of its log",
    );
    given(&s, 2, &[1, 1, 2]);
    let campaign = s.campaign();
    s.check(campaign.last == (3, 2), "last entry 3@2", format!("{:?}", campaign.last));
    s.behave(1, Manner::Follows(Follower::with(&[])));
    s.behave(2, Manner::Follows(Follower::with(&[1, 1, 2])));
    let term = s.elect();
    check_start(&s, "a", (4, term));
    s.applies(&["1@1", "2@1", "3@2", "a"]);
}

pub fn test_stepping_down_keeps_the_log_2b() {
    let s = Stage::new(
        5,
        "Figure 2, AppendEntries, receiver 3: without a conflict nothing is deleted: an old leader \
         keeps its entries, whoever leads now",
    );
    // Whoever leads next has the entries, and alone it commits nothing.
    s.behave(1, Manner::Follows(Follower::with(&[])));
    let term = s.elect();
    s.starts(&["a", "b"]);
    s.wait_for_log(1, &[term, term]);
    s.grants(1, vote(term + 1, (2, term)));
    s.has_entry(1, term + 1, (2, term));
    s.behave(1, Manner::Holds);
    s.behave(2, Manner::Follows(Follower::with(&[])));
    let next = s.elect();
    s.start("c");
    s.wait_for_log(2, &[term, term, next]);
    s.accepts(2, append(next + 1, (2, term), &[], 0));
    s.has_entry(2, next + 1, (3, next));
}

pub fn test_entries_carry_the_term_of_start_2b() {
    let s =
        Stage::new(3, "Figure 2, state: an entry holds the term in which the leader received it");
    given(&s, 3, &[1, 1]);
    let term = s.elect_held();
    let mark = s.mark();
    check_start(&s, "a", (3, term));
    let held = s.append_up_to(mark, 1, 3);
    let last = held.args().entries.last().map(|entry| entry.term);
    s.check(last == Some(term), format!("entry 3 of term {term}"), format!("{last:?}"));
}

pub fn test_new_entry_is_sent_to_all_2b() {
    let s = Stage::new(5, "Figure 2, leaders: what followers lack is sent to all of them");
    s.elect_obeyed();
    s.wait(A_MOMENT);
    s.peers().for_each(|peer| s.behave(peer, Manner::Holds));
    let mark = s.mark();
    s.start("a");
    for peer in s.peers() {
        let held = s.append_up_to(mark, peer, 1);
        let args = held.args();
        let right = (args.prev_log_index, args.prev_log_term) == (0, 0);
        let right = right && args.entries.len() == 1 && args.entries[0].command == command("a");
        s.check(right, "prev 0@0, the command a", &held.rpc);
        s.tells_no_commit(&held);
    }
}

pub fn test_start_returns_at_once_2b() {
    let s = Stage::new(
        3,
        "The interface: start() answers at once, without waiting for the agreement, which may \
         never come",
    );
    s.elect_held();
    s.check(s.start_returns("a"), "an answer within a moment", "start() waits");
}

pub fn test_acknowledged_entries_are_not_sent_again_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: after a success nextIndex rises: what the follower has is not sent \
         again",
    );
    s.elect_obeyed();
    for index in 1..=10 {
        s.wait(A_MOMENT);
        let mark = s.mark();
        s.start("a");
        let sends = s.sends(mark, PATIENCE, |sent| match &sent.rpc {
            Rpc::Append(args) => sent.to == 1 && last_new(args) == index,
            _ => false,
        });
        s.check(sends, format!("entry {index} is sent to n1"), "it is not");
        let first = s.sent_since(mark).into_iter().filter_map(|sent| match sent.rpc {
            Rpc::Append(args) if sent.to == 1 => Some(args.prev_log_index + 1),
            _ => None,
        });
        let first = first.min().unwrap_or(index);
        let expected = format!("nothing before entry {index}, which follows what n1 has taken");
        s.check(first >= index, expected, format!("entries from {first} on"));
    }
}

pub fn test_lost_append_is_sent_again_2b() {
    let s =
        Stage::new(3, "§5.3: a leader sends an entry again and again until the follower has it");
    let term = s.elect_obeyed();
    s.wait(A_MOMENT);
    s.peers().for_each(|peer| s.behave(peer, Manner::Holds));
    let mark = s.mark();
    s.start("a");
    for _ in 0..3 {
        s.append_up_to(mark, 1, 1);
        s.lose(1);
    }
    // However n0 finds out: by the loss, or by what a right follower says to its heartbeats.
    s.behave(1, Manner::Follows(Follower::with(&[])));
    s.lose(1);
    s.wait_for_log(1, &[term]);
    s.applies(&["a"]);
}

pub fn test_unanswered_append_is_no_end_2b() {
    let s = Stage::new(
        3,
        "§5.3: a leader goes on while a reply is missing: the entry reaches the follower some \
         other way",
    );
    let term = s.elect_obeyed();
    s.wait(A_MOMENT);
    s.behave(2, Manner::Holds);
    s.behave(1, Manner::Holds);
    let mark = s.mark();
    s.start("a");
    s.append_up_to(mark, 1, 1); // this one is never answered, later ones are
    s.behave(1, Manner::Follows(Follower::with(&[])));
    s.wait_for_log(1, &[term]);
    s.applies(&["a"]);
}

pub fn test_long_silence_is_no_end_2b() {
    let s = Stage::new(
        3,
        "§5.3: a leader tries for ever: a follower that was away for long gets its entries",
    );
    let term = s.elect_obeyed();
    s.wait(A_MOMENT);
    s.behave(1, Manner::Holds);
    s.start("a");
    for _ in 0..20 {
        s.wait(Duration::from_secs(1));
        s.lose(1);
    }
    s.behave(1, Manner::Follows(Follower::with(&[])));
    s.lose(1);
    s.wait_for_log(1, &[term]);
}

pub fn test_commit_is_told_to_all_2b() {
    let s = Stage::new(5, "§5.3: later AppendEntries, heartbeats too, tell what is committed");
    s.peers().for_each(|peer| s.obey(peer));
    s.elect();
    s.start("a");
    s.applies(&["a"]);
    let mark = s.mark();
    for peer in s.peers() {
        let told = |sent: &_| tells(sent, peer, 1);
        let happened = "no such message within a second";
        let sends = s.sends(mark, Duration::from_secs(1), told);
        let before = s.sent_since(0).iter().any(told);
        s.check(sends || before, format!("n{peer} is told of commit 1"), happened);
    }
}

fn tells(sent: &Sent, peer: usize, commit: u64) -> bool {
    matches!(&sent.rpc, Rpc::Append(args) if sent.to == peer && args.leader_commit == commit)
}

pub fn test_commands_travel_in_the_term_of_the_reign_2b() {
    // What is wrong shows in what n0 sends: the scripted servers look at each message.
    // Many of them: to send to all takes a while.
    let s = Stage::new(21, "§5.2: a leader speaks in the term that it has won, in no other");
    for _ in 0..5 {
        let term = s.elect_obeyed();
        s.wait(A_MOMENT);
        let mark = s.mark();
        let (index, ..) = s.start("a");
        // While it sends the command, a newer term comes.
        s.sends(mark, PATIENCE, |sent| sent.rpc.is_leaders());
        s.vote(2, vote(term + 1, (index, term)));
        s.wait(A_MOMENT);
        s.follows_in(term + 1);
    }
}
