//! Locking advice, rules 2 and 5: what belongs together is seen, changed and saved in one critical
//! section. Here something else happens at the same time.

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::rng;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_state_is_told_of_one_moment_2a,
    test_start_tells_the_term_of_its_entry_2b,
    test_writes_do_not_overtake_each_other_2c,
    test_votes_are_saved_in_their_order_2c,
    test_start_is_saved_before_what_comes_next_2c,
    test_kill_ends_who_is_about_to_wait_2c,
    test_snapshot_is_handed_up_whole_2d,
];

const EMPTY: EntryAt = (0, 0);

pub fn test_state_is_told_of_one_moment_2a() {
    let s = Stage::new(
        3,
        "Locking advice, rule 5: what get_state() tells is of one moment: a leader leads in the term \
         that it names",
    );
    s.peers().for_each(|peer| s.obey(peer));
    for _ in 0..8 {
        let told = s.states_during(|| {
            let term = s.elect();
            s.vote(1, vote(term + 1, EMPTY));
        });
        for (term, _) in told.into_iter().filter(|&(_, leads)| leads) {
            let happened = format!("get_state() has said that it leads term {term}");
            s.check(s.has_won(term), "n0 leads only terms that it has won", happened);
        }
    }
}

pub fn test_start_tells_the_term_of_its_entry_2b() {
    let s = Stage::new(
        3,
        "Locking advice, rule 5: what start() answers is of one moment: the term is that of the \
         entry",
    );
    for _ in 0..15 {
        let term = s.elect_obeyed();
        let (_, told, taken) = s.start_during("a", || {
            s.vote(1, vote(term + 2, (1000, term + 1)));
        });
        let happened = format!("term {told}, leader: {taken}");
        s.check(!taken || told == term, format!("term {term}, or a refusal"), happened);
    }
}

pub fn test_writes_do_not_overtake_each_other_2c() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: currentTerm is on disk before anybody can see it, and an older one does not \
         come after it (rule 5 of the locking advice): who saves holds the lock",
    );
    for round in 1..=20 {
        let term = 3 * round;
        s.both_append((1, heartbeat(term)), (2, heartbeat(term + 1)));
        s.crash();
        s.follows_in(term + 1);
    }
}

pub fn test_votes_are_saved_in_their_order_2c() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: votedFor is on disk before anybody can see it, and that of an older term \
         does not come after it (rule 5 of the locking advice): who saves holds the lock",
    );
    for round in 1..=20 {
        let term = 3 * round;
        s.both_ask((1, vote(term, EMPTY)), (2, vote(term + 1, EMPTY)));
        s.crash();
        s.denies(1, vote(term + 1, EMPTY));
    }
}

pub fn test_start_is_saved_before_what_comes_next_2c() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: what start() saves is not older than what is on disk already (rule 5 of \
         the locking advice): who saves holds the lock",
    );
    for _ in 0..15 {
        let term = s.elect_obeyed();
        s.start_during("a", || s.grants(1, vote(term + 2, (1000, term + 1))));
        s.crash();
        s.follows_in(term + 2);
    }
}

pub fn test_kill_ends_who_is_about_to_wait_2c() {
    let mut s = Stage::new(
        3,
        "The lab: kill() ends all threads, also one that has just looked and is about to wait: what it \
         looks at is changed under the lock with which it waits",
    );
    // The applier has something to do, and then waits again: somewhere there the server is killed.
    for round in 1..=60 {
        s.accepts(1, append(round, (0, 0), &[1; 3], 3));
        s.wait(Duration::from_nanos(rng::random_range(0..=30_000)));
        s.crash();
    }
}

pub fn test_snapshot_is_handed_up_whole_2d() {
    let s = Stage::new(
        3,
        "Locking advice, rule 5: a snapshot reaches the service as it came: its index, its term and \
         what it holds are taken in one critical section",
    );
    for round in 1..=10 {
        let newer = (10 * round, round);
        s.both_install((1, install(round, (newer.0 - 5, round))), (1, install(round, newer)));
        s.applied_up_to(newer.0);
    }
}
