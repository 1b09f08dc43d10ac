//! A process that runs a test for the runner, seen from the runner: it is started, given orders,
//! watched, and ended with all that it has started.
//!
//! Nothing is believed but an answer to the order at hand (`wire.rs`). A process that ends without
//! one, takes too long, stands still or takes too much memory has failed.

use std::io::{PipeReader, Read, Result};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::limits::{Limits, Watch};
use super::output::Output;
use super::wire::{self, Answer, Inbox, Nonce, Order, RunOrder, Told};
use crate::labsync::{Event, Instant};

/// How often a process is looked at that says nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a process may take to end when there is nothing left to do.
const TIME_TO_END: Duration = Duration::from_secs(10);
/// How long one that has closed the channel may take to be gone.
const TIME_TO_DIE: Duration = Duration::from_secs(1);
/// More than a pipe holds: what was printed before an answer is there when the answer is.
const PIPE_BYTES: usize = 1 << 20;
const READ_AT_ONCE: usize = 64 << 10;

/// A process that takes orders.
pub(super) struct Child {
    process: std::process::Child,
    socket: UnixStream,
    inbox: Inbox,
    /// Both of its streams; `None` once they are closed.
    pipe: Option<PipeReader>,
    limits: Limits,
    ended: bool,
}

/// What came of an order.
pub(super) enum Outcome {
    /// The process has answered, and takes further orders.
    Answered(Answer),
    /// It is gone, and this is why.
    Gone(String),
}

impl Child {
    pub fn start(mut command: Command, limits: Limits) -> Result<Child> {
        let (socket, other) = UnixStream::pair()?;
        // One pipe for both streams keeps the lines in order.
        let (pipe, writer) = std::io::pipe()?;
        command.stdin(OwnedFd::from(other)).stdout(writer.try_clone()?).stderr(writer);
        // Its own group: with all that it starts it can be ended.
        command.process_group(0);
        let process = command.spawn()?;
        let inbox = Inbox::default();
        Ok(Child { process, socket, inbox, pipe: Some(pipe), limits, ended: false })
    }

    /// Has the test run; its events, if they were asked for, come before its end.
    pub fn run(&mut self, order: RunOrder, output: &mut Output) -> (Outcome, Vec<Event>) {
        let nonce = Nonce::fresh();
        let mut events = Vec::new();
        self.give(&Order::Run(nonce, order));
        let outcome = loop {
            match self.answer(nonce, output) {
                Outcome::Answered(Answer::Events(more)) => events.extend(more),
                outcome => break outcome,
            }
        };
        (outcome, events)
    }

    /// Asks for more about the failure of the last run.
    pub fn explain(&mut self, output: &mut Output) -> Outcome {
        let nonce = Nonce::fresh();
        self.give(&Order::Explain(nonce));
        self.answer(nonce, output)
    }

    fn give(&self, order: &Order) {
        // A process that is gone is found when its answer is awaited.
        let _ = wire::send(&self.socket, order);
    }

    fn answer(&mut self, nonce: Nonce, output: &mut Output) -> Outcome {
        let mut watch = Watch::new(self.limits, self.process.id());
        let mut next_look = Instant::now() + LOOK_EVERY;
        loop {
            match self.inbox.take::<Told>() {
                Ok(None) => {}
                Ok(Some(told)) if told.nonce == nonce => {
                    self.take_rest(PIPE_BYTES, output);
                    return Outcome::Answered(told.answer);
                }
                Ok(Some(_)) => return self.gone(output, Some("it answered an order never given")),
                Err(error) => {
                    let what = format!("it sent the runner what is no verdict: {error}");
                    return self.gone(output, Some(&what));
                }
            }
            let (said, printed) = self.wait(LOOK_EVERY);
            if printed {
                self.take_output(output);
            }
            if said && !matches!(self.inbox.fill(&self.socket, READ_AT_ONCE), Ok(1..)) {
                return self.gone(output, None);
            }
            if Instant::now() >= next_look {
                next_look = Instant::now() + LOOK_EVERY;
                if let Some(why) = watch.look() {
                    return self.gone(output, Some(&why));
                }
            }
        }
    }

    /// Waits until the process says something to the runner, or prints.
    fn wait(&self, most: Duration) -> (bool, bool) {
        let mut both = vec![PollFd::new(&self.socket, PollFlags::IN)];
        both.extend(self.pipe.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        let most = Timespec::try_from(most).ok();
        if poll(&mut both, most.as_ref()).is_err() {
            return (false, false); // a signal has come; nothing is lost
        }
        let ready: Vec<bool> = both.iter().map(|one| !one.revents().is_empty()).collect();
        (ready[0], ready.get(1) == Some(&true))
    }

    /// Takes what it has printed; call this when there is something. How much it was.
    fn take_output(&mut self, output: &mut Output) -> usize {
        let mut bytes = [0; READ_AT_ONCE];
        let Some(pipe) = &mut self.pipe else { return 0 };
        match pipe.read(&mut bytes) {
            Ok(count @ 1..) => {
                output.take(&bytes[..count]);
                count
            }
            _ => {
                self.pipe = None;
                0
            }
        }
    }

    /// Takes what it has printed already, up to `most` bytes.
    fn take_rest(&mut self, most: usize, output: &mut Output) {
        let mut taken = 0;
        while taken < most && self.wait(Duration::ZERO).1 {
            match self.take_output(output) {
                0 => return,
                count => taken += count,
            }
        }
    }

    /// Ends it, and says why it is gone: `why`, or because it has ended by itself.
    fn gone(&mut self, output: &mut Output, why: Option<&str>) -> Outcome {
        let by_itself = if why.is_none() { self.wait_for_exit(TIME_TO_DIE) } else { false };
        let status = self.kill();
        self.take_rest(PIPE_BYTES, output);
        Outcome::Gone(match (why, status) {
            (Some(why), _) => why.to_string(),
            (None, Ok(status)) if by_itself => {
                format!("the process ended before the test did: {}", self.describe(status))
            }
            (None, Ok(_)) => "the process is another program now (exec), or has closed the \
                              channel to the runner, before the test ended"
                .to_string(),
            (None, Err(error)) => format!("the process cannot be waited for: {error}"),
        })
    }

    /// Lets it end, since there is nothing left to do; what is wrong with its end.
    pub fn end(mut self, output: &mut Output) -> Option<String> {
        self.give(&Order::End);
        let deadline = Instant::now() + TIME_TO_END;
        let mut by_itself = false;
        while !by_itself && Instant::now() < deadline {
            let (said, printed) = self.wait(LOOK_EVERY);
            if printed {
                self.take_output(output);
            }
            // Nothing more is expected but the channel's end.
            by_itself = said && self.wait_for_exit(LOOK_EVERY);
        }
        let status = self.kill();
        self.take_rest(PIPE_BYTES, output);
        match status {
            Ok(status) if by_itself && status.success() => None,
            Ok(status) if by_itself => {
                let how = self.describe(status);
                Some(format!("the test's body had returned, but then its process ended: {how}"))
            }
            Ok(_) => {
                let seconds = TIME_TO_END.as_secs();
                Some(format!(
                    "the test's body had returned, but its process did not end in {seconds} s"
                ))
            }
            Err(error) => Some(format!("the process cannot be waited for: {error}")),
        }
    }

    fn describe(&self, status: ExitStatus) -> String {
        describe(status, self.limits.family)
    }

    /// Waits for the process's end, but leaves it to be reaped, so that its number stays its own.
    fn wait_for_exit(&self, most: Duration) -> bool {
        let deadline = Instant::now() + most;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            if waitid(WaitId::Pid(self.pid()), options).is_ok_and(|status| status.is_some()) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            labsync::thread::sleep(Duration::from_millis(1));
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Ends it, and whatever it has started and left.
    fn kill(&mut self) -> Result<ExitStatus> {
        self.ended = true;
        // An error says that all are gone.
        let _ = kill_process_group(self.pid(), Signal::KILL);
        self.process.wait()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.kill();
        }
    }
}

/// A shell and a launcher end with this and the signal by which their program has ended.
const SIGNALLED: i32 = 128;

/// How a process ended, and what that mostly means.
fn describe(status: ExitStatus, by_launcher: bool) -> String {
    let told = status.code().filter(|&code| by_launcher && code > SIGNALLED);
    let signal = told.map(|code| code - SIGNALLED);
    let meaning = match (status.code().xor(told), status.signal().or(signal)) {
        (Some(_), _) => "something in it has called exit(), or become another program (exec)",
        (_, Some(6)) => "abort(), a stack overflow, or a panic in a destructor",
        (_, Some(9)) => "it was killed, or the system had no memory left",
        (_, Some(11)) => "a stack overflow, or memory that is not its own",
        _ => return status.to_string(),
    };
    format!("{status} ({meaning})")
}

#[cfg(test)]
mod tests {
    use super::super::output::Sink;
    use super::super::record::Record;
    use super::*;

    /// What comes of a run if its process is a shell that does this; standard input is the channel.
    fn outcome_of(script: &str) -> (String, String) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let limits = Limits::new(false, Duration::from_secs(2), 100);
        let mut child = Child::start(command, limits).expect("there is a shell");
        let mut output = Output::new(Sink::Keep);
        let order = RunOrder { seed: 1, trace: None, events: false };
        let outcome = child.run(order, &mut output).0;
        let printed = String::from_utf8_lossy(&output.finish()).into_owned();
        match outcome {
            Outcome::Gone(why) => (why, printed),
            Outcome::Answered(answer) => panic!("{answer:?} was believed"),
        }
    }

    #[test]
    fn an_answer_without_the_nonce_is_not_believed() {
        let answer = Answer::Ended(Record { seed: 1, ..Record::default() });
        let mut bytes = Vec::new();
        wire::send(&mut bytes, &Told { nonce: Nonce::fresh(), answer }).expect("memory takes it");
        let line = String::from_utf8(bytes).expect("JSON is UTF-8");
        let (why, printed) = outcome_of(&format!("echo before; echo '{line}' >&0; sleep 60"));
        assert_eq!(why, "it answered an order never given");
        assert_eq!(printed, "before\n");
    }

    #[test]
    fn what_is_no_answer_is_not_believed() {
        let (why, _) = outcome_of("echo 'passed, passed, passed' >&0; sleep 60");
        assert!(why.contains("what is no verdict"), "{why}");
        let (why, printed) = outcome_of("echo passed; exit 3");
        assert!(why.contains("before the test did: exit status: 3"), "{why}");
        assert_eq!(printed, "passed\n");
        let (why, _) = outcome_of("printf x >&0; exec 0<&-; sleep 60");
        assert!(why.contains("has closed the channel"), "{why}");
    }

    #[test]
    fn each_limit_ends_a_process() {
        let (why, _) = outcome_of("exec sleep 60");
        assert!(why.contains("no verdict after 2 s of real time: it waits"), "{why}");
        let (why, _) = outcome_of("kill -STOP $$");
        assert!(why.contains("it is stopped"), "{why}");
    }
}
