//! Traces written by hand, an event a line, and the viewer run on them as a user runs it.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Lines of a trace, as they come.
pub struct Script {
    lines: Vec<String>,
    at_us: u64,
    servers: usize,
    calls: u64,
}

impl Script {
    /// A run of so many servers, all of them started and connected.
    pub fn new(servers: usize) -> Script {
        let mut script = Script { lines: Vec::new(), at_us: 0, servers, calls: 0 };
        script.lines.push(
            r#"{"trace":2,"test":"test_by_hand_2a","seed":7,"simulated":true,"version":"0.1.0"}"#
                .to_string(),
        );
        script.test(&format!(
            r#""event":"cluster","servers":{servers},"unreliable":false,"snapshot":false"#
        ));
        for server in 0..servers {
            script.test(&format!(r#""event":"start","server":{server},"starts":1"#));
        }
        for server in 0..servers {
            script.test(&format!(r#""event":"connect","server":{server}"#));
        }
        script
    }

    /// A run that goes on behind these lines.
    pub fn from_lines(lines: Vec<String>) -> Script {
        let last = lines.last().expect("there is a line");
        let last: serde_json::Value = serde_json::from_str(last).expect("it is JSON");
        let at_us = last["at"].as_u64().expect("it has a time") / 1000;
        Script { lines, at_us, servers: 3, calls: 1000 }
    }

    /// Time passes.
    pub fn wait_ms(&mut self, ms: u64) {
        self.at_us += ms * 1000;
    }

    /// An event of a thread; the number of its line, by which the viewer knows it.
    pub fn event(&mut self, thread: &str, rest: &str) -> usize {
        self.at_us += 1;
        self.lines.push(format!(r#"{{"at":{},"thread":"{thread}",{rest}}}"#, self.at_us * 1000));
        self.lines.len()
    }

    /// A step of the test.
    pub fn test(&mut self, rest: &str) -> usize {
        self.event("test_by_hand_2a", rest)
    }

    /// A change of a server's state, by a thread of its own.
    pub fn state(&mut self, thread: &str, server: usize, rest: &str) -> usize {
        self.event(thread, &format!(r#""event":"state","server":{server},{rest}"#))
    }

    /// The server stands for election in this term.
    pub fn campaign(&mut self, server: usize, term: u64) {
        let thread = format!("raft-{server} ticker");
        self.event(&thread, &saved(server));
        let rest = format!(r#""term":{term},"vote":{server},"role":"candidate""#);
        self.state(&thread, server, &rest);
    }

    /// A call is sent; its number.
    pub fn send(&mut self, from: usize, to: usize, method: &str, args: &str) -> u64 {
        self.calls += 1;
        let call = self.calls;
        let step = step(call, from, to, method);
        self.event(
            &format!("raft-{from} {method} to {to}"),
            &format!(r#""event":"sent",{step},"args":{args}"#),
        );
        call
    }

    /// It arrives.
    pub fn deliver(&mut self, call: u64, from: usize, to: usize, method: &str) -> usize {
        let step = step(call, from, to, method);
        self.event(
            &format!("raft-{from} {method} to {to}"),
            &format!(r#""event":"delivered",{step}"#),
        )
    }

    /// Its handler answers.
    pub fn answer(&mut self, call: u64, from: usize, to: usize, method: &str, reply: &str) {
        let step = step(call, from, to, method);
        self.event(&handler(method, to), &format!(r#""event":"answered",{step},"reply":{reply}"#));
    }

    /// The answer arrives.
    pub fn receive(&mut self, call: u64, from: usize, to: usize, method: &str) {
        let step = step(call, from, to, method);
        self.event(
            &format!("raft-{from} {method} to {to}"),
            &format!(r#""event":"received",{step}"#),
        );
    }

    /// It is lost.
    pub fn lose(&mut self, call: u64, from: usize, to: usize, method: &str, why: &str) {
        let step = step(call, from, to, method);
        self.event(
            &format!("raft-{from} {method} to {to}"),
            &format!(r#""event":"lost",{step},"why":"{why}""#),
        );
    }

    /// A whole call for a vote; the voter's state changes by `change`.
    pub fn vote(&mut self, from: usize, to: usize, term: u64, change: &str, granted: bool) -> u64 {
        let method = "RequestVote";
        let call = self.send(from, to, method, &request_vote(from, term));
        self.deliver(call, from, to, method);
        if !change.is_empty() {
            self.state(&handler(method, to), to, change);
        }
        let reply = format!(r#"{{"term":{term},"vote_granted":{granted}}}"#);
        self.answer(call, from, to, method, &reply);
        self.receive(call, from, to, method);
        call
    }

    /// A heartbeat, answered.
    pub fn heartbeat(&mut self, from: usize, to: usize, term: u64) {
        let method = "AppendEntries";
        let call = self.send(from, to, method, &append(from, term, 0, "[]", 0));
        self.deliver(call, from, to, method);
        let reply =
            format!(r#"{{"term":{term},"success":true,"conflict_term":null,"conflict_index":0}}"#);
        self.answer(call, from, to, method, &reply);
        self.receive(call, from, to, method);
    }

    /// The run has failed.
    pub fn fail(&mut self, thread: &str, message: &str) {
        let message = serde_json::Value::from(message);
        let failure = format!(r#"{{"message":{message},"thread":"{thread}","at":"src/x.rs:1:2"}}"#);
        self.event(thread, &format!(r#""event":"verdict","failure":{failure}"#));
    }

    /// The run has passed.
    pub fn pass(&mut self) {
        self.test(r#""event":"verdict","failure":null"#);
    }

    /// How many events there are.
    pub fn count(&self) -> usize {
        self.lines.len() - 1
    }

    /// The file's bytes.
    pub fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }

    /// Writes it to a file of that name.
    pub fn write(&self, name: &str) -> PathBuf {
        write(name, self.text().as_bytes())
    }
}

/// Server 2 votes for itself, then, in the same term, for server 1.
pub fn double_vote() -> Script {
    let mut script = Script::new(3);
    script.wait_ms(300);
    script.campaign(0, 1);
    script.vote(0, 1, 1, r#""term":1,"vote":0"#, true);
    script.vote(0, 2, 1, r#""term":1,"vote":0"#, true);
    script.state("raft-0 RequestVote to 1", 0, r#""role":"leader","next":{"1":1,"2":1}"#);
    for _ in 0..20 {
        script.wait_ms(100);
        script.heartbeat(0, 1, 1);
        script.heartbeat(0, 2, 1);
    }
    script.test(r#""event":"disconnect","server":0"#);
    script.wait_ms(400);
    script.campaign(2, 2);
    let method = "RequestVote";
    let lost = script.send(2, 0, method, &request_vote(2, 2));
    script.lose(lost, 2, 0, method, "unreachable");
    script.wait_ms(50);
    script.campaign(1, 2);
    let call = script.send(1, 2, method, &request_vote(1, 2));
    script.deliver(call, 1, 2, method);
    let handler = handler(method, 2);
    script.event(&handler, &saved(2));
    script.state(&handler, 2, r#""vote":1"#);
    script.fail(
        &handler,
        "Election Safety (Figure 3) is broken: server 2 voted for server 2 in term 2, now for \
         server 1\n  server 2: term 2, candidate\nin the critical section that began at src/x.rs:3",
    );
    script
}

/// The thread in which a handler runs.
pub fn handler(method: &str, server: usize) -> String {
    format!("Raft.{method} at server-{server}")
}

/// A server saves.
pub fn saved(server: usize) -> String {
    format!(r#""event":"saved","server":{server},"state_size":21,"snapshot_size":0,"writes":1"#)
}

/// Arguments of RequestVote.
pub fn request_vote(candidate: usize, term: u64) -> String {
    format!(r#"{{"term":{term},"candidate_id":{candidate},"last_log_index":0,"last_log_term":0}}"#)
}

/// Arguments of AppendEntries.
pub fn append(leader: usize, term: u64, prev: u64, entries: &str, commit: u64) -> String {
    format!(
        r#"{{"term":{term},"leader_id":{leader},"prev_log_index":{prev},"prev_log_term":{term},"entries":{entries},"leader_commit":{commit}}}"#
    )
}

fn step(call: u64, from: usize, to: usize, method: &str) -> String {
    format!(r#""call":{call},"from":{from},"starts":1,"to":{to},"method":"Raft.{method}""#)
}

/// Writes a file for a test.
pub fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).expect("the target directory can be written");
    path
}

/// Runs the viewer.
pub fn viewer<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_viewer"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the viewer can be started")
}

/// What it prints for a trace; it must succeed.
pub fn log(path: &Path, options: &[&str]) -> String {
    let file = path.to_str().expect("the path is text");
    let output = viewer(&[&["log", file], options].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{options:?}: {said}");
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// What it says when it must fail with this status.
pub fn refused(path: &Path, options: &[&str], status: i32) -> String {
    let file = path.to_str().expect("the path is text");
    let output = viewer(&[&["log", file], options].concat());
    assert_eq!(output.status.code(), Some(status), "{options:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{options:?}: {output:?}");
    String::from_utf8(output.stderr).expect("it says UTF-8")
}
