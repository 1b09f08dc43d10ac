//! Channels, as in `crossbeam-channel`: any number of senders and receivers.
//!
//! Sending and receiving are waits: neither may happen while a lock is held, not even when there
//! is room, since whether there is room depends on others.

use std::panic::Location;
use std::time::Duration;

pub use crossbeam_channel::{RecvError, RecvTimeoutError, SendError, TryRecvError};

use super::{context, rules};

/// The sending half; clones send into the same channel.
pub struct Sender<T>(crossbeam_channel::Sender<T>);

/// The receiving half; of several clones, each message goes to one.
pub struct Receiver<T>(crossbeam_channel::Receiver<T>);

/// A channel that holds at most `capacity` messages; with 0 a sender waits for its receiver.
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = crossbeam_channel::bounded(capacity);
    (Sender(sender), Receiver(receiver))
}

/// A channel without a limit.
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    /// Sends a message; waits while the channel is full.
    ///
    /// # Errors
    /// The message, when all receivers are gone.
    ///
    /// # Panics
    /// If this thread holds a lock.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let at = Location::caller();
        rules::no_lock_held("channel send", at);
        let _waiting = context::waiting("channel send", at);
        self.0.send(message)
    }
}

impl<T> Receiver<T> {
    /// Waits for a message.
    ///
    /// # Errors
    /// When the channel is empty and all senders are gone.
    ///
    /// # Panics
    /// If this thread holds a lock.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let at = Location::caller();
        rules::no_lock_held("channel recv", at);
        let _waiting = context::waiting("channel recv", at);
        self.0.recv()
    }

    /// Waits for a message for at most `timeout`.
    ///
    /// # Errors
    /// When the time is over, or the channel is empty and all senders are gone.
    ///
    /// # Panics
    /// If this thread holds a lock.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        let at = Location::caller();
        rules::no_lock_held("channel recv_timeout", at);
        let _waiting = context::waiting("channel recv_timeout", at);
        self.0.recv_timeout(timeout)
    }

    /// A message, if one is there; never waits.
    ///
    /// # Errors
    /// When the channel is empty, or empty with all senders gone.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(self.0.clone())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver(self.0.clone())
    }
}
