//! Channels, as in `crossbeam-channel`: any number of senders and receivers.
//!
//! Sending and receiving are waits: neither may happen while a lock is held, not even when there
//! is room, since whether there is room depends on others.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

pub use crossbeam_channel::{RecvError, RecvTimeoutError, SendError, TryRecvError};

use super::clock::{self, Instant};
use super::rules;
use super::sim::{Nothing, SimChannel};

/// The sending half; clones send into the same channel.
pub struct Sender<T>(SenderOf<T>);

/// The receiving half; of several clones, each message goes to one.
pub struct Receiver<T>(ReceiverOf<T>);

enum SenderOf<T> {
    Real(crossbeam_channel::Sender<T>),
    Simulated(Arc<SimChannel<T>>),
}

enum ReceiverOf<T> {
    Real(crossbeam_channel::Receiver<T>),
    Simulated(Arc<SimChannel<T>>),
}

/// A channel that holds at most `capacity` messages; with 0 a sender waits for its receiver.
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    if clock::is_virtual() {
        return simulated(capacity);
    }
    let (sender, receiver) = crossbeam_channel::bounded(capacity);
    (Sender(SenderOf::Real(sender)), Receiver(ReceiverOf::Real(receiver)))
}

/// A channel without a limit.
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    if clock::is_virtual() {
        return simulated(usize::MAX);
    }
    let (sender, receiver) = crossbeam_channel::unbounded();
    (Sender(SenderOf::Real(sender)), Receiver(ReceiverOf::Real(receiver)))
}

fn simulated<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(SimChannel::new(capacity));
    (Sender(SenderOf::Simulated(channel.clone())), Receiver(ReceiverOf::Simulated(channel)))
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
        let _waiting = rules::begin_wait("channel send", at);
        match &self.0 {
            SenderOf::Real(sender) => sender.send(message),
            SenderOf::Simulated(channel) => channel.send(message).map_err(SendError),
        }
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
        let _waiting = rules::begin_wait("channel recv", at);
        match &self.0 {
            ReceiverOf::Real(receiver) => receiver.recv(),
            ReceiverOf::Simulated(channel) => channel.recv(None).map_err(|_| RecvError),
        }
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
        let _waiting = rules::begin_wait("channel recv_timeout", at);
        match &self.0 {
            ReceiverOf::Real(receiver) => receiver.recv_timeout(timeout),
            ReceiverOf::Simulated(channel) => {
                let deadline = Instant::now() + timeout;
                channel.recv(Some(deadline.nanos())).map_err(|nothing| match nothing {
                    Nothing::Empty => RecvTimeoutError::Timeout,
                    Nothing::Disconnected => RecvTimeoutError::Disconnected,
                })
            }
        }
    }

    /// A message, if one is there; never waits.
    ///
    /// # Errors
    /// When the channel is empty, or empty with all senders gone.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.0 {
            ReceiverOf::Real(receiver) => receiver.try_recv(),
            ReceiverOf::Simulated(channel) => channel.try_recv().map_err(|nothing| match nothing {
                Nothing::Empty => TryRecvError::Empty,
                Nothing::Disconnected => TryRecvError::Disconnected,
            }),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(match &self.0 {
            SenderOf::Real(sender) => SenderOf::Real(sender.clone()),
            SenderOf::Simulated(channel) => {
                channel.count_senders(true);
                SenderOf::Simulated(channel.clone())
            }
        })
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver(match &self.0 {
            ReceiverOf::Real(receiver) => ReceiverOf::Real(receiver.clone()),
            ReceiverOf::Simulated(channel) => {
                channel.count_receivers(true);
                ReceiverOf::Simulated(channel.clone())
            }
        })
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let SenderOf::Simulated(channel) = &self.0 {
            channel.count_senders(false);
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let ReceiverOf::Simulated(channel) = &self.0 {
            channel.count_receivers(false);
        }
    }
}
