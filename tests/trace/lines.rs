//! One event of each kind, and the line that it is written as. If this fails, the format is
//! another: raise VERSION, and tell in docs/trace.md what is new.

use raftlab::command::Command;
use raftlab::lab_tests;
use raftlab::labgob::to_bytes;
use raftlab::labrpc::{CallEvent, Loss, Step};
use raftlab::labsync::Kernel;
use raftlab::raft::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use raftlab::runner::LabTest;
use raftlab::trace::{self, Changes, Event, Role, Snapshot, VERSION};

use crate::kit::record;

pub const TESTS: &[LabTest] =
    lab_tests![test_every_event_has_its_line, test_every_message_is_told,];

/// Runs the body; each line without its time and thread, which are always the same, and without
/// what its events share.
fn lines_of(body: fn(), shared: &str) -> Vec<String> {
    let (bytes, report) = record(1, Kernel::Threads, body);
    assert_eq!(report.failure, None);
    let text = String::from_utf8(bytes).expect("JSON is UTF-8");
    assert!(text.starts_with(&format!("{{\"trace\":{VERSION},\"test\":\"small\"")), "{text}");
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let (verdict, lines) = lines.split_last().expect("there is a verdict");
    assert_eq!(*verdict, r#"{"at":0,"thread":"small","event":"verdict","failure":null}"#);
    let short = |line: &&str| {
        let start = r#"{"at":0,"thread":"small","event":"#;
        line.strip_prefix(start).expect("it has time and thread").replacen(shared, "", 1)
    };
    lines.iter().map(short).collect()
}

fn one_of_each() -> Vec<(Event, &'static str)> {
    let command = || "7".to_string();
    let text = || "a \"b\"\n".to_string();
    let entry = |index, term| trace::Entry { index, term, command: command() };
    let state = |changes| Event::State { server: 1, changes };
    vec![
        (
            Event::Cluster { servers: 3, unreliable: true, snapshot: false },
            r#""cluster","servers":3,"unreliable":true,"snapshot":false}"#,
        ),
        (Event::Begin { text: text() }, r#""begin","text":"a \"b\"\n"}"#),
        (Event::End {}, r#""end"}"#),
        (Event::Start { server: 1, starts: 2 }, r#""start","server":1,"starts":2}"#),
        (Event::Crash { server: 1 }, r#""crash","server":1}"#),
        (Event::Connect { server: 1 }, r#""connect","server":1}"#),
        (Event::Disconnect { server: 1 }, r#""disconnect","server":1}"#),
        (Event::Unreliable { on: true }, r#""unreliable","on":true}"#),
        (Event::LongReordering { on: false }, r#""long_reordering","on":false}"#),
        (
            Event::Command { server: 1, command: command(), index: 5, term: 3, taken: true },
            r#""command","server":1,"command":"7","index":5,"term":3,"taken":true}"#,
        ),
        (Event::OneLeader { server: 2 }, r#""one_leader","server":2}"#),
        (
            Event::OneBegins { command: command(), expected: 3, retry: true },
            r#""one_begins","command":"7","expected":3,"retry":true}"#,
        ),
        (Event::OneAgreed { index: 5 }, r#""one_agreed","index":5}"#),
        (Event::Warning { text: text() }, r#""warning","text":"a \"b\"\n"}"#),
        (
            Event::Saved { server: 1, state_size: 90, snapshot_size: 40, writes: 6 },
            r#""saved","server":1,"state_size":90,"snapshot_size":40,"writes":6}"#,
        ),
        (
            Event::Applied { server: 1, index: 5, command: command() },
            r#""applied","server":1,"index":5,"command":"7"}"#,
        ),
        (
            Event::Installed { server: 1, index: 9, term: 2, size: 40 },
            r#""installed","server":1,"index":9,"term":2,"size":40}"#,
        ),
        (
            Event::Log { level: "info".to_string(), text: text() },
            r#""log","level":"info","text":"a \"b\"\n"}"#,
        ),
        (
            state(Changes { vote: Some(None), ..Changes::default() }),
            r#""state","server":1,"vote":null}"#,
        ),
        (
            state(Changes {
                term: Some(3),
                vote: Some(Some(2)),
                role: Some(Role::Candidate),
                snapshot: Some(Snapshot { index: 4, term: 2, size: 40 }),
                truncated: Some(6),
                appended: vec![entry(7, 2), entry(8, 3)],
                commit: Some(5),
                applied: Some(4),
                next: [(0, 9), (2, 8)].into(),
                matched: [(2, 7)].into(),
            }),
            concat!(
                r#""state","server":1,"term":3,"vote":2,"role":"candidate","#,
                r#""snapshot":{"index":4,"term":2,"size":40},"truncated":6,"#,
                r#""appended":[{"index":7,"term":2,"command":"7"},"#,
                r#"{"index":8,"term":3,"command":"7"}],"#,
                r#""commit":5,"applied":4,"next":{"0":9,"2":8},"match":{"2":7}}"#,
            ),
        ),
    ]
}

fn test_every_event_has_its_line() {
    let body = || one_of_each().into_iter().for_each(|(event, _)| trace::record(|| event));
    let expected: Vec<_> = one_of_each().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines_of(body, ""), expected);
}

fn call(method: &str, step: Step<'_>) {
    trace::call((1, 2), 0, &CallEvent { call: 12, end: "", method, step });
}

fn all_messages() {
    let sent = |method: &str, args: &[u8]| call(method, Step::Sent { args });
    let answered = |method: &str, reply: &[u8]| {
        call(method, Step::Answered { server: "", reply });
    };
    let (vote, append, install) =
        ("Raft.RequestVote", "Raft.AppendEntries", "Raft.InstallSnapshot");
    let (candidate_id, last_log_index, last_log_term) = (1, 4, 2);
    let args = RequestVoteArgs { term: 3, candidate_id, last_log_index, last_log_term };
    sent(vote, &to_bytes(&args));
    answered(vote, &to_bytes(&RequestVoteReply { term: 3, vote_granted: true }));
    let commands = [to_bytes(&Command::from(7)), to_bytes(&Command::from("x")), b"?".to_vec()];
    let entries = commands.map(|command| Entry { term: 3, command: command.into() }).to_vec();
    let (leader_id, prev_log_index, prev_log_term, leader_commit) = (1, 4, 2, 4);
    sent(
        append,
        &to_bytes(&AppendEntriesArgs {
            term: 3,
            leader_id,
            prev_log_index,
            prev_log_term,
            entries,
            leader_commit,
        }),
    );
    let (success, conflict_term, conflict_index) = (false, None, 3);
    let reply = AppendEntriesReply { term: 3, success, conflict_term, conflict_index };
    answered(append, &to_bytes(&reply));
    let (last_included_index, last_included_term, data) = (9, 2, b"snap".into());
    sent(
        install,
        &to_bytes(&InstallSnapshotArgs {
            term: 3,
            leader_id,
            last_included_index,
            last_included_term,
            data,
        }),
    );
    answered(install, &to_bytes(&InstallSnapshotReply { term: 3 }));
    sent("Raft.Mine", b"mine");
    answered(append, b"not labgob");
    call(vote, Step::Delivered { server: "", args: b"" });
    call(vote, Step::Received { reply: b"" });
    call(vote, Step::Lost { why: Loss::RequestDropped });
    call(vote, Step::Lost { why: Loss::Closed });
}

/// What is no message of Raft's is told as null.
fn test_every_message_is_told() {
    let shared = r#","call":12,"from":1,"starts":2,"to":0,"method":"Raft"#;
    let expected = [
        concat!(
            r#""sent.RequestVote","args":{"term":3,"candidate_id":1,"#,
            r#""last_log_index":4,"last_log_term":2}}"#,
        ),
        r#""answered.RequestVote","reply":{"term":3,"vote_granted":true}}"#,
        concat!(
            r#""sent.AppendEntries","args":{"term":3,"leader_id":1,"#,
            r#""prev_log_index":4,"prev_log_term":2,"#,
            r#""entries":[{"index":5,"term":3,"command":"7"},"#,
            r#"{"index":6,"term":3,"command":"\"x\""},"#,
            r#"{"index":7,"term":3,"command":"b\"?\""}],"leader_commit":4}}"#,
        ),
        concat!(
            r#""answered.AppendEntries","reply":{"term":3,"success":false,"#,
            r#""conflict_term":null,"conflict_index":3}}"#,
        ),
        concat!(
            r#""sent.InstallSnapshot","args":{"term":3,"leader_id":1,"#,
            r#""last_included_index":9,"last_included_term":2,"data":4}}"#,
        ),
        r#""answered.InstallSnapshot","reply":{"term":3}}"#,
        r#""sent.Mine","args":null}"#,
        r#""answered.AppendEntries","reply":null}"#,
        r#""delivered.RequestVote"}"#,
        r#""received.RequestVote"}"#,
        r#""lost.RequestVote","why":"request dropped"}"#,
        r#""lost.RequestVote","why":"closed"}"#,
    ];
    // `"sent"`, what they share, and `.RequestVote"`.
    assert_eq!(lines_of(all_messages, &format!("\"{shared}")), expected);
}
