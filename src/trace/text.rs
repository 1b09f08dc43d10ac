//! A trace as text: one terse line an event.
//!
//! `5@3` is the entry at index 5 of term 3, `n1` is server 1, `->` goes out and `<-` comes in, `#12`
//! is the number of a call.

use std::fmt::Write;

use serde::de::DeserializeOwned;

use super::event::{CallStep, Change, Event, Failure, Record, TestStep};
use super::reader::Trace;
use crate::command::Command;
use crate::labgob::{self, Bytes};
use crate::labrpc;
use crate::raft::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::raft::{Index, ServerId};

/// How many entries of a list are shown.
const MOST_ENTRIES: usize = 6;

/// Shows the events of a trace.
pub struct Text<'a> {
    trace: &'a Trace,
}

impl<'a> Text<'a> {
    /// For the events of this trace.
    #[must_use]
    pub fn new(trace: &'a Trace) -> Text<'a> {
        Text { trace }
    }

    /// Which run it was, in a line.
    #[must_use]
    pub fn header(&self) -> String {
        let header = self.trace.header();
        let how = if header.simulated { "simulated" } else { "in real time" };
        let (test, seed, version) = (&header.test, header.seed, &header.crate_version);
        format!("{test}, seed {seed}, {how}, raft-lab {version}")
    }

    /// One event: seconds, and who does what. A message of several lines stays so.
    #[must_use]
    pub fn line(&self, record: &Record) -> String {
        let seconds = record.at_ns as f64 / 1e9;
        let (who, what) = self.who_and_what(record);
        format!("{seconds:11.6}  {who:<8}  {what}")
    }

    fn who_and_what(&self, record: &Record) -> (String, String) {
        match &record.event {
            Event::Cluster { servers, unreliable, snapshot } => {
                let network = if *unreliable { "an unreliable" } else { "a reliable" };
                let snapshots = if *snapshot { ", with snapshots" } else { "" };
                let what = format!("{servers} servers on {network} network{snapshots}");
                ("test".to_string(), what)
            }
            Event::Test(step) => ("test".to_string(), test_step(step)),
            Event::Call { call, from, to, method, step, .. } => {
                let method = self.trace.name(*method);
                let method = method.strip_prefix("Raft.").unwrap_or(method);
                self.call(*call, (*from, *to), method, step)
            }
            Event::State { server, changes } => {
                let parts: Vec<_> = changes.iter().map(change).collect();
                (node(*server), parts.join(", "))
            }
            Event::Saved { server, state_size, snapshot_size, writes } => {
                let mut what = format!("saves {state_size} bytes");
                if *snapshot_size > 0 {
                    let _ = write!(what, " and a snapshot of {snapshot_size}");
                }
                let _ = write!(what, " (save {writes})");
                (node(*server), what)
            }
            Event::Applied { server, index, command } => {
                (node(*server), format!("service applies {index}: {command}"))
            }
            Event::Installed { server, index, term, size } => {
                let what = format!("service installs a snapshot to {index}@{term}, {size} bytes");
                (node(*server), what)
            }
            Event::Log { level, text } => {
                let names = ["", "ERROR ", "WARN ", "", "DEBUG ", "TRACE "];
                let level = names.get(usize::from(*level)).unwrap_or(&"");
                let thread = self.trace.name(record.thread);
                ("log".to_string(), format!("{level}[{thread}] {text}"))
            }
            Event::Verdict(None) => ("verdict".to_string(), "passed".to_string()),
            Event::Verdict(Some(failure)) => ("verdict".to_string(), verdict(failure)),
        }
    }

    fn call(
        &self,
        number: u64,
        (from, to): (ServerId, ServerId),
        method: &str,
        step: &CallStep,
    ) -> (String, String) {
        let (out, back) = (format!("n{from} -> n{to}"), format!("n{to} -> n{from}"));
        match step {
            CallStep::Sent { args } => (out, format!("{} #{number}", request(method, args))),
            CallStep::Delivered => {
                (format!("n{to} <- n{from}"), format!("{method} arrives #{number}"))
            }
            CallStep::Answered { reply } => (back, format!("{} #{number}", answer(method, reply))),
            CallStep::Received => {
                (format!("n{from} <- n{to}"), format!("{method} reply arrives #{number}"))
            }
            CallStep::Lost(why) => {
                let why = labrpc::Loss::from(*why);
                (format!("n{from} x  n{to}"), format!("{method} lost: {why} #{number}"))
            }
        }
    }
}

fn node(server: ServerId) -> String {
    format!("n{server}")
}

fn verdict(failure: &Failure) -> String {
    let Failure { message, thread, at } = failure;
    let at = at.as_ref().map_or(String::new(), |at| format!(" at {at}"));
    format!("FAILED in thread '{thread}'{at}: {message}")
}

fn test_step(step: &TestStep) -> String {
    match step {
        TestStep::Begin(banner) => format!("begins: {banner}"),
        TestStep::End => "has done all its steps".to_string(),
        TestStep::Start { server, starts: 1 } => format!("starts n{server}"),
        TestStep::Start { server, starts } => format!("starts n{server} again (start {starts})"),
        TestStep::Crash(server) => format!("crashes n{server}"),
        TestStep::Connect(server) => format!("connects n{server}"),
        TestStep::Disconnect(server) => format!("disconnects n{server}"),
        TestStep::Unreliable(true) => "makes the network unreliable".to_string(),
        TestStep::Unreliable(false) => "makes the network reliable".to_string(),
        TestStep::LongReordering(true) => "holds most replies back from now on".to_string(),
        TestStep::LongReordering(false) => "holds no replies back any more".to_string(),
        TestStep::Command { server, command, index, term, taken: true } => {
            format!("gives n{server} {command}: taken as {index}@{term}")
        }
        TestStep::Command { server, command, term, taken: false, .. } => {
            format!("gives n{server} {command}: no leader in term {term}")
        }
        TestStep::OneLeader(server) => format!("sees one leader: n{server}"),
        TestStep::OneBegins { command, expected, retry } => {
            let retry = if *retry { ", retrying" } else { "" };
            format!("wants agreement on {command} among {expected}{retry}")
        }
        TestStep::OneAgreed { index } => format!("sees agreement at {index}"),
        TestStep::Warning(text) => format!("warns: {text}"),
    }
}

fn change(change: &Change) -> String {
    match change {
        Change::Term(term) => format!("term {term}"),
        Change::Vote(Some(server)) => format!("votes for n{server}"),
        Change::Vote(None) => "no vote".to_string(),
        Change::Role(role) => format!("{role:?}").to_lowercase(),
        Change::Snapshot { index, term, size } => {
            format!("snapshot to {index}@{term} ({size} bytes)")
        }
        Change::Truncated(index) => format!("cuts its log behind {index}"),
        Change::Appended { first, entries } => format!("log + {}", list(*first, entries)),
        Change::Commit(index) => format!("commit {index}"),
        Change::LastApplied(index) => format!("applied {index}"),
        Change::Next(server, index) => format!("next[{server}] {index}"),
        Change::Match(server, index) => format!("match[{server}] {index}"),
    }
}

/// `[5@3 6@3]`; a long list by its ends.
fn list(first: Index, entries: &[Entry]) -> String {
    let show = |at: usize| format!("{}@{}", first.saturating_add(at as Index), entries[at].term);
    match entries.len() {
        0 => "[]".to_string(),
        1 => format!("[{} {}]", show(0), command(&entries[0].command)),
        count if count <= MOST_ENTRIES => {
            let all: Vec<_> = (0..count).map(show).collect();
            format!("[{}]", all.join(" "))
        }
        count => format!("[{} .. {}]", show(0), show(count - 1)),
    }
}

fn command(bytes: &Bytes) -> String {
    match labgob::from_bytes::<Command>(bytes) {
        Ok(command) => command.to_string(),
        Err(_) => format!("{bytes:?}"),
    }
}

/// What a request says, if it is one of Raft's.
fn request(method: &str, args: &Bytes) -> String {
    let known = match method {
        "RequestVote" => decoded(args).map(|args: RequestVoteArgs| {
            format!("term {}, last {}@{}", args.term, args.last_log_index, args.last_log_term)
        }),
        "AppendEntries" => decoded(args).map(|args: AppendEntriesArgs| {
            let (term, commit) = (args.term, args.leader_commit);
            let prev = format!("{}@{}", args.prev_log_index, args.prev_log_term);
            let entries = list(args.prev_log_index.saturating_add(1), &args.entries);
            format!("term {term}, prev {prev}, {entries}, commit {commit}")
        }),
        "InstallSnapshot" => decoded(args).map(|args: InstallSnapshotArgs| {
            let (index, term) = (args.last_included_index, args.last_included_term);
            format!("term {}, to {index}@{term}, {} bytes", args.term, args.data.len())
        }),
        _ => None,
    };
    let what = known.unwrap_or_else(|| format!("{} bytes", args.len()));
    format!("{method} {what}")
}

/// What a reply says, if it is one of Raft's.
fn answer(method: &str, reply: &Bytes) -> String {
    let known = match method {
        "RequestVote" => decoded(reply).map(|reply: RequestVoteReply| {
            let vote = if reply.vote_granted { "vote granted" } else { "no vote" };
            format!("{vote}, term {}", reply.term)
        }),
        "AppendEntries" => decoded(reply).map(|reply: AppendEntriesReply| {
            let term = reply.term;
            match (reply.success, reply.conflict_term, reply.conflict_index) {
                (true, ..) => format!("matches, term {term}"),
                (false, Some(conflict), index) => {
                    format!("differs, term {term}, conflict term {conflict} from {index}")
                }
                (false, None, index) => format!("refused, term {term}, conflict at {index}"),
            }
        }),
        "InstallSnapshot" => {
            decoded(reply).map(|reply: InstallSnapshotReply| format!("term {}", reply.term))
        }
        _ => None,
    };
    let what = known.unwrap_or_else(|| format!("{} bytes", reply.len()));
    format!("{method} reply: {what}")
}

fn decoded<T: DeserializeOwned>(bytes: &Bytes) -> Option<T> {
    labgob::from_bytes(bytes).ok()
}
