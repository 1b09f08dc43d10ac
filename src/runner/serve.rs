//! The process that runs a test: it takes orders from the runner that started it, and tells it what
//! came of them.
//!
//! Standard input is the socket that both talk over. It is moved away before any code under test
//! runs, and whatever that code starts does not inherit it. When the runner is gone, whatever
//! has ended it, this process ends itself and all that it has started.

use std::fs::File;
use std::io::{BufReader, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use super::suite::{Explain, LabTest, USAGE};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpgrp, getpid, kill_process_group};

use super::here;
use super::logger;
use super::options::Options;
use super::record::Record;
use super::simulated::Simulated;
use super::wire::{self, Answer, Nonce, Order, Told};
use crate::labsync::{self, Leaf, channel, thread};
use crate::trace;

/// For the watchdog: where to tell what, should it have to end this process.
static UNDER_WAY: Leaf<Option<UnderWay>> = Leaf::new(None);

struct UnderWay {
    socket: UnixStream,
    nonce: Nonce,
    seed: u64,
}

/// Does what the runner wants until it wants nothing more.
pub(super) fn run(test: LabTest, options: &Options, explain: Option<Explain>) -> ExitCode {
    let socket = match open() {
        Ok(socket) => socket,
        Err(error) => {
            eprintln!("--child is for processes that the runner starts: {error}");
            return ExitCode::from(USAGE);
        }
    };
    if options.verbose {
        logger::show();
    }
    labsync::before_end_of_process(last_words);
    let mut simulated = Simulated::new(test, options, explain);
    let mut orders = BufReader::new(&socket);
    while let Ok(Some(order)) = wire::receive::<Order>(&mut orders) {
        let (nonce, answer) = match order {
            Order::End => return ExitCode::SUCCESS,
            Order::Explain(nonce) => (nonce, Answer::Explained(simulated.explain())),
            Order::Run(nonce, order) => {
                let under_way = socket.try_clone().ok().map(|socket| {
                    let seed = order.seed;
                    UnderWay { socket, nonce, seed }
                });
                UNDER_WAY.with(|place| *place = under_way);
                let answer = if options.simulated {
                    simulated.run(&order, |events| tell(&socket, nonce, Answer::Events(events)))
                } else {
                    here::run(test, options, &order)
                };
                UNDER_WAY.with(|place| *place = None);
                (nonce, answer)
            }
        };
        tell(&socket, nonce, answer);
    }
    // The runner is gone. The thread that waits for that may be slower than a test that ends because
    // of it, and what the test has started must not outlive both.
    end_all();
}

fn open() -> Result<UnixStream> {
    let socket: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned()?;
    // Whoever reads standard input finds nothing there.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let socket = UnixStream::from(socket);
    socket.peer_addr()?; // it is a socket
    let watched = socket.try_clone()?;
    let (ready, is_ready) = channel::bounded(1);
    thread::spawn("end with the runner", move || {
        let _ = ready.send(());
        // Nothing is awaited, so that only the end of the other side wakes this up.
        let _ = poll(&mut [PollFd::new(&watched, PollFlags::empty())], None);
        end_all();
    });
    // It has allocated what it needs before a test begins: tests look at the process's memory.
    let _ = is_ready.recv();
    Ok(socket)
}

/// Ends this process and those that it has started.
fn end_all() -> ! {
    // Started by hand, it would not be the first of its group.
    if getpgrp() == getpid() {
        let _ = kill_process_group(getpid(), Signal::KILL);
    }
    std::process::abort();
}

fn tell(socket: &UnixStream, nonce: Nonce, answer: Answer) {
    // If the runner is gone, so is this process in a moment.
    let _ = wire::send(socket, &Told { nonce, answer });
}

/// The watchdog ends the process: tells the runner why, and saves the trace. True if it was told.
fn last_words(why: &str) -> bool {
    trace::flush();
    let under_way = UNDER_WAY.with(Option::take);
    under_way.is_some_and(|UnderWay { socket, nonce, seed }| {
        let answer = Answer::Dying(Record::of_death(seed, why.to_string()));
        wire::send(&socket, &Told { nonce, answer }).is_ok()
    })
}
