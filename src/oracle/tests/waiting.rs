//! What is said of a cluster in which nothing goes on.

use super::net::*;
use super::*;

/// A test has waited in vain: the rule that explains it is named.
#[test]
fn a_symptom_names_its_test() {
    let late = std::time::Duration::from_secs(9);
    let all = [0, 1, 2];
    let named = |net: &Net, expected: &str| {
        let symptom = net.book.symptom(&all, late);
        let Some((what, _, test)) = symptom else { panic!("nothing, not {expected}") };
        assert_eq!(test, expected, "{what}");
    };
    // Nobody campaigns; then one that nobody votes for, who could; then one who won, and is silent.
    let mut net = Net::of(3);
    named(&net, "timeout_starts_an_election_2a");
    net.book.now = late;
    for term in 1..=3 {
        assert!(net.ask(0, 1, VOTE, &vote(term, 0, Some((term, false)))).is_ok());
    }
    named(&net, "votes_anew_in_each_term_2a");
    net.elect(4);
    named(&net, "majority_of_votes_makes_a_leader_2a");
    // A leader that asks about the same place; then one that tells of no commit.
    let refused = prev(3, 1, &append(4, &[], 0, Some((4, false))));
    for _ in 0..3 {
        assert!(net.ask(0, 2, APPEND, &refused).is_ok());
    }
    named(&net, "refused_leader_tries_further_back_2b");
    // Or one that is refused what is there, in the log or in the snapshot.
    (net.book.shadows[2].seen, net.book.shadows[2].current_term) = (true, 4);
    (net.book.shadows[2].snapshot_index, net.book.shadows[2].snapshot_term) = (3, 1);
    named(&net, "append_needs_the_previous_entry_2b");
    net.book.shadows[2].snapshot_index = 4;
    named(&net, "append_may_reach_into_the_snapshot_2d");
    let mut net = Net::of(3);
    net.book.now = late;
    net.elect(1);
    assert!(net.ask(0, 1, APPEND, &append(1, &[1], 0, YES)).is_ok());
    named(&net, "majority_commits_2b");
    assert!(net.ask(0, 1, APPEND, &append(1, &[1], 1, YES)).is_ok());
    named(&net, "commit_index_follows_the_leaders_2b");
    assert!(net.book.applied(1, 1, &b"1".to_vec().into()).is_ok());
    assert!(net.book.symptom(&all, late).is_none(), "all is well");
}

/// A voter refuses an older log than its own by right, even if the candidate has caught up when the
/// test gives up.
#[test]
fn who_refused_an_older_log_is_not_blamed() {
    for older in [true, false] {
        let mut net = Net::of(3);
        net.book.now = std::time::Duration::from_secs(9);
        for server in [0, 1] {
            let shadow = &mut net.book.shadows[server];
            (shadow.seen, shadow.current_term) = (true, 3);
        }
        let last = (net.book.shadows[1].snapshot_index, net.book.shadows[1].snapshot_term);
        if older {
            (net.book.shadows[1].snapshot_index, net.book.shadows[1].snapshot_term) = (3, 1);
        }
        for term in 1..=3 {
            assert!(net.ask(0, 1, VOTE, &vote(term, 0, Some((term, false)))).is_ok());
        }
        (net.book.shadows[1].snapshot_index, net.book.shadows[1].snapshot_term) = last;
        let symptom = net.book.symptom(&[0, 1, 2], net.book.now);
        let named = symptom.is_some_and(|(.., test)| test == "votes_anew_in_each_term_2a");
        assert_eq!(named, !older, "the candidate's log was older: {older}");
    }
}

#[test]
fn the_tests_that_symptoms_name_exist() {
    let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/figure2");
    let files =
        std::fs::read_dir(suite).expect("the suite").map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.is_file());
    let tests: String = files.map(|path| std::fs::read_to_string(path).expect("text")).collect();
    let names = include_str!("../plight.rs").split('"').filter(|part| {
        let part = part.trim_end_matches(['a', 'b', 'c', 'd']);
        part.ends_with("_2") && !part.contains(' ')
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!("fn test_{name}(")), "there is no test_{name}");
    }
}

#[test]
fn votes_that_are_always_split_are_named() {
    let mut net = Net::of(3);
    for term in 1..=11 {
        let symptom = net.book.symptom(&[0, 1, 2], std::time::Duration::ZERO);
        let split = symptom.filter(|(.., test)| *test == "timeouts_are_random_2a");
        assert_eq!(split.is_some(), term == 11, "after {} split votes", term - 1);
        for candidate in [0, 1, 2] {
            let other = (candidate + 1) % 3;
            let said = vote_of(term, candidate, (0, 0), Some((term, false)));
            assert!(net.ask(candidate, other, VOTE, &said).is_ok());
        }
    }
}
