//! What the service says of right and wrong messages.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::labsync::channel;

fn command(number: u64) -> Bytes {
    labgob::to_bytes(&Command::Int(number)).into()
}

fn snapshot(index: Index) -> ApplyMsg {
    let commands = (1..=index).map(Command::Int).collect();
    let content = SnapshotContent { last_included_index: index, commands };
    ApplyMsg::Snapshot { index, term: 1, data: labgob::to_bytes(&content).into() }
}

/// What a service that has applied 1 to 5 says of one more message; nothing if it takes it.
fn says(message: ApplyMsg) -> Option<String> {
    let services = Services::new(1, None);
    let instance = services.restart(0, &Persister::new());
    for index in 1..=5 {
        services.apply(0, instance, ApplyMsg::Command { index, command: command(index) });
    }
    let apply = || services.apply(0, instance, message);
    let taken = catch_unwind(AssertUnwindSafe(apply));
    taken.err().map(|panic| *panic.downcast::<String>().expect("with a message"))
}

#[test]
fn a_snapshot_of_what_is_applied_changes_nothing() {
    assert_eq!(says(snapshot(5)), None);
    assert_eq!(says(snapshot(6)), None);
}

#[test]
fn a_snapshot_never_takes_the_service_back() {
    let message = says(snapshot(4)).expect("it must be refused");
    assert!(message.contains("has applied up to 5 (rule A1"), "{message}");
}

/// What a service says of so many messages; nothing if it takes them.
fn says_to(services: &Arc<Services>, instance: u64, number: usize) -> Option<String> {
    let (sender, receiver) = channel::unbounded();
    for index in 1..=number as Index {
        sender.send(ApplyMsg::Command { index, command: command(index) }).expect("a receiver");
    }
    drop(sender);
    let serve = || services.clone().serve(0, instance, None, &receiver);
    let taken = catch_unwind(AssertUnwindSafe(serve));
    taken.err().map(|panic| *panic.downcast::<String>().expect("with a message"))
}

/// A crash comes before `kill()`: until that has returned, Raft cannot know, and what it applies
/// counts for nothing.
#[test]
fn what_a_crashed_server_applies_does_not_count() {
    let services = Arc::new(Services::new(1, None));
    let instance = services.restart(0, &Persister::new());
    services.crash(0, instance);

    assert_eq!(says_to(&services, instance, 100), None);
    assert_eq!((services.histories(), services.max_index()), (vec![vec![]], 0));
}

/// Once it has returned, only what was under way may come; and that does not count either, nor
/// does it harm the next instance.
#[test]
fn a_killed_server_falls_silent() {
    let services = Arc::new(Services::new(1, None));
    let dead = services.restart(0, &Persister::new());
    services.crash(0, dead);
    services.killed(0, dead);
    let alive = services.restart(0, &Persister::new());

    assert_eq!(says_to(&services, dead, ALLOWED_AFTER_KILL), None);
    let message = says_to(&services, dead, ALLOWED_AFTER_KILL + 1).expect("it must be told");
    assert!(message.contains("goes on applying after kill()"), "{message}");
    assert!(message.contains("thread of src/raft") && message.contains("rule A5"), "{message}");

    assert_eq!(says_to(&services, alive, 100), None);
    assert_eq!(services.max_index(), 100);
}

#[test]
fn each_index_is_applied_once_and_in_order() {
    assert_eq!(says(ApplyMsg::Command { index: 6, command: command(6) }), None);
    for index in [5, 7] {
        let message = says(ApplyMsg::Command { index, command: command(index) });
        let message = message.expect("it must be refused");
        assert!(message.contains("apply out of order, expected index 6"), "{message}");
        assert!(message.contains("rule A3"), "{message}");
    }
}

/// What a service says of the disk that it is to restart from; nothing if it does.
fn says_of_disk(raft_state: &[u8], snapshot: &[u8]) -> Option<String> {
    let disk = Persister::new();
    disk.save(raft_state.into(), snapshot.into());
    let restart = || Services::new(1, None).restart(0, &disk);
    let started = catch_unwind(AssertUnwindSafe(restart));
    started.err().map(|panic| *panic.downcast::<String>().expect("with a message"))
}

#[test]
fn a_snapshot_without_a_raft_state_is_refused() {
    let commands = vec![Command::Int(1), Command::Int(2)];
    let content = labgob::to_bytes(&SnapshotContent { last_included_index: 2, commands });
    assert_eq!(says_of_disk(b"", b""), None);
    assert_eq!(says_of_disk(b"a state", b""), None);
    assert_eq!(says_of_disk(b"a state", &content), None);
    let message = says_of_disk(b"", &content).expect("it must be refused");
    assert!(message.contains("and no Raft state") && message.contains("rule A8"), "{message}");
}

/// A snapshot that the service has not made is told from one that it has, whatever is wrong.
#[test]
fn a_damaged_snapshot_is_refused_or_read() {
    let commands = vec![Command::Int(7); 5];
    let content = labgob::to_bytes(&SnapshotContent { last_included_index: 5, commands });
    let number = std::env::var("FUZZ").map_or(300, |number| number.parse().expect("a number"));
    let mut refused = 0;
    for _ in 0..number {
        let mut bad = content.clone();
        let at = rng::random_range(0..bad.len());
        match rng::random_range(0..3) {
            0 => bad[at] ^= 1 << rng::random_range(0..8),
            1 => bad[at..].iter_mut().take(9).for_each(|byte| *byte = 0xFF),
            _ => bad.truncate(at),
        }
        if let Some(message) = says_of_disk(b"a state", &bad) {
            assert!(message.starts_with("server 0 has a snapshot "), "{message}");
            refused += 1;
        }
    }
    assert!(refused > number / 2, "{refused} of {number} are refused");
}

#[test]
fn only_whose_kill_has_returned_may_apply_no_more() {
    let services = Services::new(1, None);
    let first = services.restart(0, &Persister::new());
    services.crash(0, first);
    let second = services.restart(0, &Persister::new());
    services.crash(0, second);
    services.killed(0, second);
    let outcome = |instance| {
        let command = Bytes::default();
        services.apply(0, instance, ApplyMsg::Command { index: 1, command })
    };
    assert!(matches!(outcome(first), Outcome::Dead), "its kill() is still under way");
    assert!(matches!(outcome(second), Outcome::Killed));
    services.killed(0, first);
    assert!(matches!(outcome(first), Outcome::Killed));
}
