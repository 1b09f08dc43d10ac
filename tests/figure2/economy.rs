//! Parts B and D: what a leader must not do although it does no harm: send what is known to be
//! useless. Each test counts or compares requests; a Raft without the optimizations passes too.

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::rng;
use raftlab::tester::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_late_refusal_does_not_raise_next_index_2b,
    test_refusal_of_an_earlier_leadership_does_not_count_2b,
    test_requests_carry_what_was_decided_2b,
    test_refusal_does_not_point_into_the_snapshot_2d,
];

/// The last index before the entries of n0's next AppendEntries to n1; 0 for a snapshot.
#[track_caller]
fn next_try(s: &Stage, mark: usize) -> (Held, u64) {
    let held = s.next(mark, 1, "an AppendEntries", Rpc::is_leaders);
    let prev = match &held.rpc {
        Rpc::Append(args) => args.prev_log_index,
        _ => 0,
    };
    (held, prev)
}

pub fn test_late_refusal_does_not_raise_next_index_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: a refusal decrements nextIndex; one that comes late does not raise it \
         again",
    );
    s.accepts(1, append(1, (0, 0), &[1; 9], 0));
    s.elect_held();
    // Nobody answers the first, so it is sent again: two requests with the same fate.
    let (first, prev) = next_try(&s, 0);
    let (repeat, _) = next_try(&s, first.id + 1);
    s.says_mismatch(&first, 5);
    let from_further_back = |mark, prev| {
        let is_it = |rpc: &Rpc| matches!(rpc, Rpc::Append(args) if args.prev_log_index < prev);
        s.next_where(mark, 1, "an AppendEntries from further back", is_it)
    };
    let second = from_further_back(first.id + 1, prev);
    s.says_mismatch(&second, 2);
    let third = from_further_back(second.id + 1, second.args().prev_log_index);
    let lowest = third.args().prev_log_index;
    s.says_mismatch(&repeat, 5);
    let mark = s.mark();
    let (after, prev) = next_try(&s, mark);
    let expected = format!("the next try is not from further on than the last: prev {lowest}");
    s.check(prev <= lowest, expected, &after.rpc);
}

pub fn test_refusal_of_an_earlier_leadership_does_not_count_2b() {
    let s = Stage::new(
        3,
        "Locking advice, rule 5: a refusal counts in the term in which it was asked for; one of an \
         earlier term says nothing about nextIndex, which a new leader starts anew",
    );
    s.accepts(1, append(1, (0, 0), &[1; 9], 0));
    let term = s.elect_held();
    let (old, _) = next_try(&s, 0);
    s.accepts(2, heartbeat(term + 1));
    let mark = s.mark();
    s.elect_held();
    let held = s.next(mark, 1, "an AppendEntries", Rpc::is_leaders);
    let prev = held.args().prev_log_index;
    s.says_mismatch(&old, 1);
    let mark = s.mark();
    let (after, now) = next_try(&s, mark);
    s.check(now >= prev, format!("n1 gets the entries behind {prev}, as before"), &after.rpc);
}

pub fn test_requests_carry_what_was_decided_2b() {
    let s = Stage::new(
        5,
        "Locking advice, rule 5: all that a request says is of one moment: the arguments are made in \
         the critical section that decides to send it",
    );
    // What no server may send is looked for in each request, by the kit. Here n0 loses its term,
    // and its log changes, while a request to n1 is on its way out. Nothing is committed: only n1
    // answers.
    s.obey(1);
    for round in 1..=15 {
        let term = s.elect();
        s.start("a");
        s.wait(Duration::from_micros(rng::random_range(0..=25_000)));
        s.append(2, append(term + 1, (0, 0), &vec![term + 1; 3 * round], 0));
        s.wait(A_MOMENT);
        s.peers().for_each(|peer| s.lose(peer));
    }
}

pub fn test_refusal_does_not_point_into_the_snapshot_2d() {
    let s = Stage::new(
        3,
        "§5.3, the optimization, with a snapshot underneath: a refusal that says where the log ends \
         counts on from the snapshot",
    );
    s.accepts(1, append(1, (0, 0), &[1; 8], 5));
    s.applied_up_to(5);
    s.snapshot_and_wait(5);
    for prev in [20, 9] {
        let reply = s.refuses(1, append(1, (prev, 1), &[], 5));
        let index = reply.conflict_index;
        let expected = "no hint (0), or an index behind the snapshot: n0 has everything up to 5, \
                        and a leader that goes back further sends its snapshot for nothing";
        s.check(index == 0 || index > 5, expected, format!("conflict at {index}"));
    }
}
