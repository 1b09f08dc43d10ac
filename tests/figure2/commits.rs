//! Part B: when n0 as a leader takes an entry for committed (§5.3, §5.4.2): Figure 2, leaders,
//! the last rule, and what may be counted for it.

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_majority_commits_2b,
    test_followers_at_different_places_commit_2b,
    test_half_commits_nothing_2b,
    test_success_covers_what_was_sent_2b,
    test_success_counts_what_the_request_held_2b,
    test_heartbeats_success_covers_no_later_entry_2b,
    test_two_replies_to_the_same_entry_count_once_2b,
    test_refusal_is_no_match_2b,
    test_match_needs_a_reply_2b,
    test_entries_of_earlier_terms_commit_with_an_own_one_2b,
    test_entries_of_earlier_terms_wait_for_copies_of_an_own_one_2b,
    test_second_reign_forgets_the_first_ones_matches_2b,
    test_reply_of_an_earlier_reign_does_not_count_2b,
    test_late_replies_do_not_lower_the_match_2b,
    test_late_votes_change_no_match_2b,
    test_lone_leader_commits_2b,
];

pub fn test_majority_commits_2b() {
    for (servers, needed) in [(3, 1), (4, 2), (5, 2), (7, 3)] {
        let s = Stage::new(
            servers,
            "Figure 2, leaders: an entry of the own term that a majority has is committed",
        );
        s.elect_held();
        let mark = s.mark();
        s.start("a");
        for peer in 1..=needed {
            s.says_yes(&s.append_up_to(mark, peer, 1));
        }
        s.applies(&["a"]);
    }
}

pub fn test_followers_at_different_places_commit_2b() {
    for (servers, places) in [(5, [3, 2].as_slice()), (7, &[4, 3, 2])] {
        let s = Stage::new(
            servers,
            "Figure 2, leaders: an entry that a majority has is committed: a majority with \
             matchIndex >= N, whatever more some of them have",
        );
        s.elect_held();
        let mark = s.mark();
        let texts = ["a", "b", "c", "d"];
        let mut given = 0;
        // Each follower has taken a request of its own length; the others are silent.
        let mut held = Vec::new();
        for (at, &place) in places.iter().enumerate().rev() {
            s.starts(&texts[given..place]);
            given = place;
            held.push(s.append_up_to(mark, at + 1, place as u64));
        }
        for request in held.iter().rev() {
            s.says_yes(request);
        }
        s.applies(&["a", "b"]);
    }
}

pub fn test_half_commits_nothing_2b() {
    for (servers, have_it) in [(3, 0), (4, 1), (5, 1), (7, 2)] {
        let s = Stage::new(
            servers,
            "Figure 2, leaders: an entry is committed when a majority of all servers has it, not \
             before",
        );
        s.elect_held();
        let mark = s.mark();
        s.start("a");
        s.applies(&[]);
        for peer in 1..=have_it {
            s.says_yes(&s.append_up_to(mark, peer, 1));
        }
        s.wait(A_MOMENT * 5);
        s.applies(&[]);
    }
}

pub fn test_success_covers_what_was_sent_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: after a success matchIndex is what the request held, whatever the \
         log has grown to meanwhile",
    );
    s.elect_held();
    let mark = s.mark();
    s.start("a");
    let held = s.append_up_to(mark, 1, 1);
    s.start("b");
    s.start("c");
    s.says_yes(&held);
    s.applies(&["a"]);
    s.says_yes(&s.append_up_to(mark, 1, 3));
    s.applies(&["a", "b", "c"]);
}

pub fn test_success_counts_what_the_request_held_2b() {
    const MANY: u64 = 300;
    let s = Stage::new(
        3,
        "Figure 2, leaders: after a success matchIndex is what the request held, all of it and no \
         more, however many entries wait",
    );
    s.elect_held();
    let mark = s.mark();
    (0..MANY).for_each(|command| {
        s.start(&command.to_string());
    });
    let mut taken = 0;
    while taken < MANY {
        let what = "the entries behind those that it has taken";
        let held = s.next_where(mark, 1, what, |rpc| match rpc {
            Rpc::Append(args) => args.prev_log_index <= taken && last_new(args) > taken,
            _ => false,
        });
        s.says_yes(&held);
        taken = last_new(held.args());
        s.applied_up_to(taken);
    }
}

pub fn test_heartbeats_success_covers_no_later_entry_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: the success of an empty AppendEntries says that the logs match up to \
         prevLogIndex, no further",
    );
    s.elect_held();
    let empty = s.next(0, 1, "a heartbeat", Rpc::is_leaders);
    let mark = s.mark();
    s.start("a");
    let full = s.append_up_to(mark, 1, 1);
    s.says_yes(&empty);
    s.applies(&[]);
    s.says_yes(&full);
    s.applies(&["a"]);
}

pub fn test_two_replies_to_the_same_entry_count_once_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: after a success matchIndex is what the request held, also if another \
         request held the same before",
    );
    s.elect_held();
    let mark = s.mark();
    s.start("a");
    let first = s.append_up_to(mark, 1, 1);
    let second = s.next(first.id + 1, 1, "its next heartbeat, or the entry again", Rpc::is_leaders);
    s.start("b");
    s.says_yes(&first);
    s.says_yes(&second);
    s.wait(A_MOMENT * 5);
    s.applies(&["a"]);
}

pub fn test_refusal_is_no_match_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: a refusal lowers nextIndex, and adds nothing to matchIndex",
    );
    s.accepts(1, append(1, (0, 0), &[1, 1], 0));
    s.elect_held();
    let mark = s.mark();
    s.start("a");
    s.says_mismatch(&s.append_up_to(mark, 2, 3), 1);
    let mut held = s.append_up_to(mark, 1, 3);
    for hint in [2, 1] {
        let prev = held.args().prev_log_index;
        if prev == 0 {
            break;
        }
        s.says_mismatch(&held, hint.min(prev));
        let what = "an AppendEntries from further back, or a snapshot";
        held = s.next_where(held.id + 1, 1, what, |rpc| match rpc {
            Rpc::Append(args) => args.prev_log_index < prev,
            Rpc::Install(_) => true,
            Rpc::Vote(_) => false,
        });
        if matches!(held.rpc, Rpc::Install(_)) {
            break;
        }
    }
    s.wait(A_MOMENT * 5);
    s.applies(&[]);
}

pub fn test_match_needs_a_reply_2b() {
    let s = Stage::new(
        3,
        "Figure 2, state: matchIndex starts at 0 and rises with replies: what was sent is not \
         yet there",
    );
    s.accepts(1, append(1, (0, 0), &[1, 1], 0));
    s.elect_held();
    let mark = s.mark();
    s.start("a");
    s.start("b");
    for peer in s.peers() {
        s.append_up_to(mark, peer, 4);
    }
    s.wait(A_MOMENT * 5);
    s.applies(&[]);
}

pub fn test_entries_of_earlier_terms_commit_with_an_own_one_2b() {
    let s = Stage::new(
        5,
        "§5.4.2, Figure 8: copies of an entry of an earlier term do not commit it; it commits \
         with the first entry of the leader's own term",
    );
    s.accepts(1, append(2, (0, 0), &[1, 2, 2], 0));
    s.peers().for_each(|peer| s.behave(peer, Manner::Follows(Follower::with(&[]))));
    let term = s.elect();
    s.wait(A_MOMENT * 10); // by now all have all of it
    s.applies(&[]);
    s.leads_in(term);
    s.start("a");
    s.applies(&["1@1", "2@2", "3@2", "a"]);
}

pub fn test_entries_of_earlier_terms_wait_for_copies_of_an_own_one_2b() {
    let s = Stage::new(
        5,
        "§5.4.2, Figure 8: what commits an entry of an earlier term is a majority that has an \
         entry of the leader's own term behind it: that the leader has one is not enough",
    );
    s.accepts(1, append(2, (0, 0), &[1, 2, 2], 0));
    s.elect_held();
    for peer in [1, 2, 3] {
        s.says_yes(&s.append_up_to(0, peer, 3));
    }
    s.wait(A_MOMENT);
    let mark = s.mark();
    s.start("a");
    s.wait(A_MOMENT);
    s.applies(&[]);
    for peer in [1, 2] {
        s.says_yes(&s.append_up_to(mark, peer, 4));
    }
    s.applies(&["1@1", "2@2", "3@2", "a"]);
}

pub fn test_second_reign_forgets_the_first_ones_matches_2b() {
    let s = Stage::new(
        5,
        "Figure 2, state: matchIndex is reinitialized after election: what a server had in an \
         earlier reign it may have lost to another leader",
    );
    let first = s.elect_held();
    let mark = s.mark();
    s.starts(&["a", "b", "c"]);
    s.says_yes(&s.append_up_to(mark, 1, 3)); // n0 and n1: two of five
    s.applies(&[]);
    s.accepts(2, append(first + 1, (1, first), &[first + 1], 0)); // b and c are gone
    s.elect_held();
    let mark = s.mark();
    s.start("d");
    s.says_yes(&s.append_up_to(mark, 2, 3)); // n0 and n2: two of five again
    s.wait(A_MOMENT * 5);
    s.applies(&[]);
    let taken = format!("2@{}", first + 1);
    s.says_yes(&s.append_up_to(mark, 3, 3));
    s.applies(&["a", &taken, "d"]);
}

pub fn test_reply_of_an_earlier_reign_does_not_count_2b() {
    let s = Stage::new(
        3,
        "§5.2: the reply to a request of an earlier reign says nothing about the log of this one",
    );
    let first = s.elect_held();
    let mark = s.mark();
    s.starts(&["a", "b", "c"]);
    let old = s.append_up_to(mark, 1, 3);
    s.accepts(2, append(first + 1, (0, 0), &[first + 1], 0)); // all three are gone
    s.elect_held();
    s.start("d");
    s.start("e");
    s.says_yes(&old);
    s.wait(A_MOMENT * 5);
    s.applies(&[]);
}

pub fn test_late_votes_change_no_match_2b() {
    let s = Stage::new(
        5,
        "Figure 2, state: nextIndex[] and matchIndex[] are initialized at the election, once: a vote \
         that comes later changes nothing",
    );
    s.peers().for_each(|peer| s.behave(peer, Manner::Holds));
    let term = s.campaign().term;
    let late = [s.request(3, term), s.request(4, term)];
    s.grant(term, &[1, 2]);
    s.wins(term);
    s.start("a");
    s.says_yes(&s.append_up_to(0, 1, 1));
    s.wait(A_MOMENT);
    late.iter().for_each(|request| s.says_yes(request));
    s.wait(A_MOMENT);
    s.applies(&[]);
    s.says_yes(&s.append_up_to(0, 2, 1));
    s.applies(&["a"]);
}

pub fn test_late_replies_do_not_lower_the_match_2b() {
    let s = Stage::new(
        5,
        "Figure 2, state: matchIndex increases monotonically: replies that overtake each other \
         take nothing back",
    );
    s.elect_held();
    let early = s.next(0, 1, "a heartbeat", Rpc::is_leaders);
    let mark = s.mark();
    s.start("a");
    s.says_yes(&s.append_up_to(mark, 1, 1));
    s.says_yes(&early); // up to 0
    s.wait(A_MOMENT);
    s.says_yes(&s.append_up_to(mark, 2, 1)); // n0, n1, n2
    s.applies(&["a"]);
}

pub fn test_lone_leader_commits_2b() {
    let s = Stage::new(
        1,
        "Figure 2, leaders: an entry that a majority has is committed: a server alone is one",
    );
    s.wait(PATIENCE);
    s.start("a");
    s.start("b");
    s.applies(&["a", "b"]);
}
