//! Panics: a panic in any thread of a run is the failure of that run, and none gets lost.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Once;

use super::state::Failure;
use super::stop::{Stop, unwind};
use super::{context, foreign, sim};

/// How a thread's body ended.
pub(super) enum Ending<T> {
    Returned(T),
    /// It panicked (which is recorded), or was unwound because its run is over.
    Unwound,
}

/// Runs a thread's body and keeps its panic from spreading.
pub(super) fn catch<T>(body: impl FnOnce() -> T) -> Ending<T> {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Ending::Returned(value),
        Err(payload) => {
            if let Some(run) = context::current_run().filter(|_| !payload.is::<Stop>()) {
                // The hook has said so, except of a panic that somebody passed on.
                run.fail(failure_of(&*payload, None));
            }
            // A payload's destructor may panic as well; that must not end the pool's thread.
            std::mem::forget(payload);
            Ending::Unwound
        }
    }
}

/// Unwinds the current thread without a message.
pub(super) fn stop() -> ! {
    if let Some(sim) = sim::current() {
        sim.note_unwinding();
    }
    unwind()
}

/// Whether the current thread unwinds, from a panic or because its run is over. In a simulation
/// `std::thread::panicking()` may tell of another thread that shares the operating system's.
#[must_use]
pub fn unwinding() -> bool {
    match sim::current() {
        Some(sim) => sim.is_unwinding(),
        None => std::thread::panicking(),
    }
}

/// Unwinds the current thread if its run is over, so that threads which loop for ever end.
pub(super) fn stop_if_run_is_over() {
    if context::current_run().is_some_and(|run| run.is_over()) && !unwinding() {
        stop();
    }
}

/// From now on a panic in a thread of a run is recorded there; others print as usual.
pub(super) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install_hook_again);
}

/// The same, whatever has been installed since.
pub(super) fn install_hook_again() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().is::<Probe>() {
            PROBED.set(true);
            return;
        }
        match context::current_run() {
            None => match foreign::run_to_blame() {
                Some(run) => {
                    let failure = foreign_failure(info.payload(), info.location());
                    foreign::note_panic(failure.clone());
                    run.fail(failure);
                }
                None => usual(info),
            },
            Some(run) => {
                run.fail(failure_of(info.payload(), info.location()));
                if let Some(sim) = sim::current() {
                    sim.note_unwinding();
                }
            }
        }
    }));
}

/// What is thrown to see whether our hook is still there.
struct Probe;

thread_local! {
    static PROBED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic still reaches our hook. Another may have been put in its place.
pub(super) fn is_hook_ours() -> bool {
    PROBED.set(false);
    // Whatever hook is installed is called; the payload goes no further.
    drop(panic::catch_unwind(|| panic::panic_any(Probe)));
    PROBED.get()
}

fn foreign_failure(payload: &dyn Any, at: Option<&Location<'_>>) -> Failure {
    let thread = std::thread::current().name().unwrap_or("unnamed").to_string();
    let message = format!(
        "{}\nThis thread does not come from labsync: spawn it with labsync::thread::spawn.",
        message_of(payload)
    );
    Failure { thread, message, at: at.map(ToString::to_string) }
}

fn failure_of(payload: &dyn Any, at: Option<&Location<'_>>) -> Failure {
    Failure {
        thread: context::current().name.clone(),
        message: message_of(payload),
        at: at.map(ToString::to_string),
    }
}

fn message_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_string())
}
