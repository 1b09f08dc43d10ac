//! What a service takes, and what it refuses.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    let services = Services::new(1);
    let instance = services.restart(0, &Bytes::default());
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

#[test]
fn only_whose_kill_has_returned_may_apply_no_more() {
    let services = Services::new(1);
    let first = services.restart(0, &Bytes::default());
    services.crash(0, first);
    let second = services.restart(0, &Bytes::default());
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
