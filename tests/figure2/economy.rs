//! Parts B and D: what a leader must not do although it does no harm: send what is known to be
//! useless. Each test counts or compares requests; a Raft without the optimizations passes too.

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::rng;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_late_refusals_do_not_send_it_all_again_2b,
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

pub fn test_late_refusals_do_not_send_it_all_again_2b() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: what a follower has (matchIndex) is not sent again: refusals that come \
         late, of requests before it had it, are no news",
    );
    s.accepts(1, append(1, (0, 0), &[1; 9], 0));
    s.elect_held();
    s.obey(2); // or a leader without a majority might step down by itself
    // n1 does not answer, so it is sent again and again: all these will be refused, late.
    s.wait(Duration::from_millis(1500));
    let late: Vec<Sent> = s.led_since(0).into_iter().filter(|sent| sent.to == 1).collect();
    s.behave(1, Manner::Follows(Follower::with(&[])));
    let log = [&[1; 9][..], &[s.state().0]].concat();
    s.start("a");
    s.wait_for_log(1, &log);
    s.wait(Duration::from_millis(300)); // and n0 knows it
    let mark = s.mark();
    for sent in late.iter().filter(|sent| sent.is_open()) {
        s.says_mismatch(&Held { id: sent.id, rpc: sent.rpc.clone() }, 1);
        s.wait(Duration::from_millis(200));
    }
    let sent = s.led_since(mark);
    // Figure 2 taken literally decrements each time, and sends one entry again.
    let has_content = |rpc: &Rpc| match rpc {
        Rpc::Append(args) => args.entries.len() > 1,
        _ => true,
    };
    let again = sent.iter().filter(|sent| sent.to == 1 && has_content(&sent.rpc)).count();
    let refused = late.len();
    let expected = format!("at most 3 times, when {refused} late refusals come");
    s.check(again <= 3, expected, format!("it is sent what it has {again} times"));
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
