//! The trace: everything that happened in a run, in one order, in one file.
//!
//! What a run prints is what somebody thought of beforehand. The trace has all of it: each step
//! of each RPC with its content, each change of a server's state, what was saved and applied, what
//! the test did, the log lines, the verdict. It is lines of JSON, so that `grep`, `jq`, a browser
//! and a viewer read this one thing, and of a run that was killed what is there is good.
//!
//! - **One recorder a process**, since a process runs one test at a time. Whoever sees something
//!   calls [`record`] or [`call`]; servers are seen through a [`watch`].
//! - **It changes nothing.** No lock that a schedule could see, no random number, no waiting: a
//!   simulated run is the same with a recorder as without.
//! - **Off, it costs one relaxed load.** On, lines are kept until there are 64 KiB of them.
//! - **Equal runs have equal traces**, byte for byte, on both kernels. Nothing is in a trace that
//!   only one process knows: no address, no date, no path.
//! - A thread that unwinds records nothing: the run is decided, and what its destructors do
//!   is not part of it.
//!
//! # Layout
//! `event.rs`, `message.rs`: what can happen, which is the format; `recorder.rs` writes,
//! `changes.rs` compares a server with what it showed before. `docs/trace.md` tells the format to
//! those who read it; `viewer/` does, for `make log` and `make view`.

mod changes;
mod event;
mod message;
mod recorder;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::labrpc::CallEvent;
use crate::labsync::{self, Failure, Leaf};
use crate::raft::{OnDisk, ServerId, View, Watcher};

pub use self::event::{Call, Changes, Event, Header, Role, Snapshot, VERSION};
pub use self::message::{Entry, Message};
use self::recorder::{Instance, Recorder};
pub use self::recorder::{Recording, check_place, create};

static RECORDING: AtomicBool = AtomicBool::new(false);
static RECORDER: Leaf<Option<Recorder>> = Leaf::new(None);

/// From now on everything is recorded, until [`finish`].
///
/// # Errors
/// If the file cannot be written; the message names it.
pub fn begin(recording: Recording) -> Result<(), String> {
    let recorder = Recorder::new(recording)?;
    RECORDER.with(|place| *place = Some(recorder));
    labsync::before_end_of_process(|_| {
        flush();
        false
    });
    RECORDING.store(true, Ordering::Relaxed);
    Ok(())
}

/// Ends the recording with the run's verdict, `after` so much time; the file, or `None` if
/// nothing was being recorded.
///
/// # Errors
/// If not all of it could be written.
pub fn finish(after: Duration, failure: Option<&Failure>) -> Result<Option<PathBuf>, String> {
    RECORDING.store(false, Ordering::Relaxed);
    let recorder = RECORDER.with(Option::take);
    recorder.map(|recorder| recorder.finish(after, failure.cloned())).transpose()
}

/// Whether a recorder is on.
#[inline]
#[must_use]
pub fn is_recording() -> bool {
    RECORDING.load(Ordering::Relaxed)
}

/// Records an event, which is made only if a recorder is on.
#[inline]
pub fn record(event: impl FnOnce() -> Event) {
    if is_recording() {
        let event = event();
        with_recorder(|recorder| recorder.record(&event));
    }
}

/// Records a step of a call, from a server started so many times to another server.
#[inline]
pub fn call(from: (ServerId, usize), to: ServerId, event: &CallEvent<'_>) {
    if is_recording() {
        with_recorder(|recorder| recorder.call(from, to, event));
    }
}

/// Who is to watch a server that was started so many times: the recorder, if it is on, and then
/// `other`, who may panic.
pub fn watch(
    server: ServerId,
    starts: usize,
    other: Option<Arc<dyn Watcher>>,
) -> Option<Arc<dyn Watcher>> {
    if is_recording() { Some(Arc::new(Watch { instance: (server, starts), other })) } else { other }
}

/// Records what a server saves and shows.
struct Watch {
    instance: Instance,
    other: Option<Arc<dyn Watcher>>,
}

impl Watcher for Watch {
    fn saved(&self, disk: &OnDisk) {
        if is_recording() {
            with_recorder(|recorder| recorder.saved(self.instance, disk));
        }
        self.other.iter().for_each(|other| other.saved(disk));
    }

    fn shown(&self, view: &View<'_>, disk: &OnDisk) {
        if is_recording() {
            with_recorder(|recorder| recorder.shown(self.instance, view));
        }
        self.other.iter().for_each(|other| other.shown(view, disk));
    }
}

/// Writes what was recorded so far: the process is about to end without a verdict.
pub fn flush() {
    if is_recording() {
        RECORDER.with(|place| place.iter_mut().for_each(Recorder::write_out));
    }
}

fn with_recorder(note: impl FnOnce(&mut Recorder)) {
    if labsync::unwinding() {
        return;
    }
    RECORDER.with(|place| {
        // Threads of the simulation only: what the runner does is not part of the run.
        if let Some(recorder) = place
            && recorder.simulated == labsync::is_simulated()
        {
            note(recorder);
        }
    });
}
