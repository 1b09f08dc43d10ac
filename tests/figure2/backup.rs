//! Part B: how n0 as a leader brings followers' logs to agree with its own (§5.3), and at what
//! cost.

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::raft::Term;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_followers_of_figure_7_are_repaired_2b,
    test_refused_leader_tries_further_back_2b,
    test_short_log_is_repaired_fast_2b,
    test_conflicting_log_is_repaired_fast_2b,
    test_logs_of_the_same_terms_are_repaired_fast_2b,
    test_many_commands_take_few_requests_2b,
];

/// `counts` entries of each term.
fn log_of(counts: &[(Term, usize)]) -> Vec<Term> {
    counts.iter().flat_map(|&(term, count)| std::iter::repeat_n(term, count)).collect()
}

pub fn test_followers_of_figure_7_are_repaired_2b() {
    let leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    let followers: [&[Term]; 6] = [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    let s = Stage::new(
        7,
        "§5.3, Figure 7: followers that lack entries, or have others, are made to agree with the \
         leader",
    );
    s.accepts(1, append(7, (0, 0), &leader, 0));
    for (peer, log) in s.peers().zip(followers) {
        s.behave(peer, Manner::Follows(Follower::with(log)));
    }
    let term = s.elect();
    s.start("a");
    let log = [&leader[..], &[term]].concat();
    s.peers().for_each(|peer| s.wait_for_log(peer, &log));
}

pub fn test_refused_leader_tries_further_back_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: refused because of the logs, a leader decrements nextIndex and tries \
         again",
    );
    s.accepts(1, append(1, (0, 0), &[1, 1, 1], 0));
    s.elect_held();
    let first = s.next(0, 1, "an AppendEntries", Rpc::is_leaders);
    let prev = first.args().prev_log_index;
    s.check(prev == 3, "nextIndex starts behind the last entry: prev 3", format!("prev {prev}"));
    s.says_mismatch(&first, 1);
    let what = "an AppendEntries from further back, or a snapshot";
    let second = s.next_where(first.id + 1, 1, what, |rpc| match rpc {
        Rpc::Append(args) => args.prev_log_index < prev,
        Rpc::Install(_) => true,
        Rpc::Vote(_) => false,
    });
    if matches!(second.rpc, Rpc::Install(_)) {
        return; // as far back as can be
    }
    let args = second.args();
    let right = last_new(args) >= args.prev_log_index && args.prev_log_term <= 1;
    s.check(right, "the entries from there on", &second.rpc);
}

/// Repairs a follower's log under a leader with `leader`; it may take `most` requests. Or, without
/// hints, as many as steps that double.
#[track_caller]
fn check_fast(leader: &[Term], follower: &[Term], most: usize) {
    let s = Stage::new(
        3,
        "§5.3, the optimization: a leader skips a whole term with each refusal, not one entry",
    );
    let newest = leader.iter().chain(follower).max().copied().unwrap_or(1);
    s.accepts(1, append(newest, (0, 0), leader, 0));
    s.obey(2);
    s.behave(1, Manner::Follows(Follower::with(follower)));
    let term = s.elect();
    s.start("a");
    s.wait_for_log(1, &[leader, &[term]].concat());
    let sent = s.led_since(0);
    // One that is refused further on than another has overtaken those before it: no step back.
    let mut back_to = u64::MAX;
    let mut refused = 0;
    for sent in sent.iter().filter(|sent| sent.to == 1 && sent.is_refused()) {
        let Rpc::Append(args) = &sent.rpc else { continue };
        refused += usize::from(args.prev_log_index <= back_to);
        back_to = back_to.min(args.prev_log_index);
    }
    let most = most.max(leader.len().ilog2() as usize + 2);
    let expected = format!("at most {most} refusals on the way");
    s.check(refused <= most, expected, format!("{refused}"));
}

pub fn test_short_log_is_repaired_fast_2b() {
    check_fast(&log_of(&[(1, 150)]), &log_of(&[(1, 3)]), 4);
    check_fast(&log_of(&[(1, 100), (2, 50)]), &[], 4);
}

pub fn test_conflicting_log_is_repaired_fast_2b() {
    let leader = log_of(&[(1, 20), (6, 150)]);
    check_fast(&leader, &log_of(&[(1, 20), (2, 40), (3, 40), (4, 40)]), 8);
    check_fast(&leader, &log_of(&[(2, 120)]), 5);
}

pub fn test_logs_of_the_same_terms_are_repaired_fast_2b() {
    let leader = log_of(&[(1, 20), (3, 40), (5, 100)]);
    check_fast(&leader, &log_of(&[(1, 20), (3, 120)]), 6);
    check_fast(&leader, &log_of(&[(1, 90), (3, 60)]), 8);
}

pub fn test_many_commands_take_few_requests_2b() {
    let s = Stage::new(3, "The lab: commands take few requests, and idle followers next to none");
    s.elect_obeyed();
    let mark = s.mark();
    for _ in 0..100 {
        s.start("a");
        s.wait(Duration::from_millis(5));
    }
    s.applies(&["a"; 100]);
    let sent = s.led_since(mark).iter().filter(|sent| sent.to == 1).count();
    s.check(sent <= 250, "at most 250 requests to n1 for 100 commands in 0.5 s", format!("{sent}"));
}
