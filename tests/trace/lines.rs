//! One event of each kind: the line that shows it, and the bytes that it is written as.

use raftlab::lab_tests;
use raftlab::labgob::to_bytes;
use raftlab::labrpc::Network;
use raftlab::labsync::Kernel;
use raftlab::raft::rpc::{AppendEntriesArgs, Entry};
use raftlab::runner::LabTest;
use raftlab::tester::Command;
use raftlab::trace::{self, Change, Event, Role, TestStep, Text, Trace, VERSION};

use crate::kit::record;

pub const TESTS: &[LabTest] =
    lab_tests![test_every_event_has_its_line, test_the_format_has_not_changed,];

/// One event of each kind, and what is shown of it.
fn one_of_each() -> Vec<(Event, &'static str)> {
    let entry =
        |term, command: u64| Entry { term, command: to_bytes(&Command::from(command)).into() };
    let state = |changes: &[Change]| Event::State { server: 1, changes: changes.to_vec() };
    let (one, two) = (vec![entry(2, 6)], vec![entry(3, 7), entry(3, 8)]);
    let command = || "7".to_string();
    let test = Event::Test;
    vec![
        (
            Event::Cluster { servers: 3, unreliable: true, snapshot: true },
            "test      3 servers on an unreliable network, with snapshots",
        ),
        (test(TestStep::Begin("Test".to_string())), "test      begins: Test"),
        (test(TestStep::End), "test      has done all its steps"),
        (test(TestStep::Start { server: 1, starts: 1 }), "test      starts n1"),
        (test(TestStep::Start { server: 1, starts: 2 }), "test      starts n1 again (start 2)"),
        (test(TestStep::Crash(1)), "test      crashes n1"),
        (test(TestStep::Connect(1)), "test      connects n1"),
        (test(TestStep::Disconnect(1)), "test      disconnects n1"),
        (test(TestStep::Unreliable(true)), "test      makes the network unreliable"),
        (test(TestStep::LongReordering(true)), "test      holds most replies back from now on"),
        (
            test(TestStep::Command {
                server: 1,
                command: command(),
                index: 5,
                term: 3,
                taken: true,
            }),
            "test      gives n1 7: taken as 5@3",
        ),
        (test(TestStep::OneLeader(2)), "test      sees one leader: n2"),
        (
            test(TestStep::OneBegins { command: command(), expected: 3, retry: true }),
            "test      wants agreement on 7 among 3, retrying",
        ),
        (test(TestStep::OneAgreed { index: 5 }), "test      sees agreement at 5"),
        (test(TestStep::Warning("odd".to_string())), "test      warns: odd"),
        (
            Event::Saved { server: 1, state_size: 90, snapshot_size: 40, writes: 6 },
            "n1        saves 90 bytes and a snapshot of 40 (save 6)",
        ),
        (
            Event::Applied { server: 1, index: 5, command: command() },
            "n1        service applies 5: 7",
        ),
        (
            Event::Installed { server: 1, index: 9, term: 2, size: 40 },
            "n1        service installs a snapshot to 9@2, 40 bytes",
        ),
        (
            state(&[Change::Term(3), Change::Vote(Some(2)), Change::Role(Role::Candidate)]),
            "n1        term 3, votes for n2, candidate",
        ),
        (
            state(&[
                Change::Vote(None),
                Change::Snapshot { index: 4, term: 2, size: 40 },
                Change::Truncated(6),
                Change::Appended { first: 7, entries: two },
            ]),
            "n1        no vote, snapshot to 4@2 (40 bytes), cuts its log behind 6, log + [7@3 8@3]",
        ),
        (
            state(&[
                Change::Appended { first: 6, entries: one },
                Change::Commit(5),
                Change::LastApplied(4),
                Change::Next(2, 9),
                Change::Match(2, 8),
            ]),
            "n1        log + [6@2 6], commit 5, applied 4, next[2] 9, match[2] 8",
        ),
    ]
}

fn body_with_one_of_each() {
    one_of_each().into_iter().for_each(|(event, _)| trace::record(|| event));
    let network = Network::new();
    let end = network.make_end("1.1 to 2");
    network.observe(|event| trace::call((1, 1), 2, &event));
    let entries = vec![Entry { term: 3, command: Default::default() }; 7];
    let args = AppendEntriesArgs {
        term: 3,
        leader_id: 1,
        prev_log_index: 4,
        prev_log_term: 2,
        entries,
        leader_commit: 4,
    };
    assert_eq!(end.call::<_, ()>("Raft.AppendEntries", &args), None);
}

fn test_every_event_has_its_line() {
    let (bytes, report) = record(1, Kernel::Threads, body_with_one_of_each);
    assert_eq!(report.failure, None);
    let trace = Trace::from_bytes(&bytes).unwrap();
    let lines: Vec<_> = trace.records().iter().map(|it| Text::new(&trace).line(it)).collect();
    let expected = one_of_each().into_iter().map(|(_, line)| line).chain([
        "n1 -> n2  AppendEntries term 3, prev 4@2, [5@3 .. 11@3], commit 4 #0",
        "n1 x  n2  AppendEntries lost: unreachable #0",
        "verdict   passed",
    ]);
    let expected: Vec<_> = expected.collect();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(&line[13..], expected);
    }
}

/// If this fails, the format is another: raise VERSION and tell in docs/trace.md what is new.
/// (Or a type was moved, or the compiler names it otherwise: that is another format as well.)
fn test_the_format_has_not_changed() {
    let (bytes, _) = record(1, Kernel::Threads, body_with_one_of_each);
    let (head, rest) = bytes.split_at(40);
    let hex: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let hash = rest.iter().fold(0xcbf2_9ce4_8422_2325, step);
    assert_eq!(VERSION, 1);
    let start = "89726166740d0a0a0100000080226a010d05736d616c6c01010474657374cd1957ea06a1bf020700";
    assert_eq!((hex.as_str(), hash), (start, 13_519_552_054_477_464_814));
}
