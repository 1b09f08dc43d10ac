//! The oracle: Raft's safety properties, checked at every step of every server.
//!
//! A server shows its Figure-2 state ([`View`]) whenever it releases its lock. The oracle knows
//! what each server showed before, what is on its disk, and what all others have shown; and it
//! sees each RPC. So a broken rule is found in the critical section that breaks it, long before a
//! test would notice, and whatever the test is about:
//!
//! - **Election Safety**: one leader a term, elected by a majority; one vote a server and term,
//!   restarts included, and only for a candidate that has asked for it.
//! - **Leader Append-Only**: within its reign a leader's log only grows.
//! - **Log Matching**: index and term determine the command and the entry before; an
//!   entry first appears in the log of its term's leader.
//! - **Leader Completeness**: what is committed is on the disks of a majority and was committed by
//!   the leader of its term, or along with an entry of it; a new leader has all of it.
//! - **State Machine Safety**: all servers commit the same entries, and none that no leader has.
//! - **Figure 2**: terms, `commit_index`, `last_applied` and, within a reign, `match_index` never
//!   fall; memory is on disk; `match_index` is true, `next_index` in reach; snapshot index, `last_applied`, `commit_index`
//!   and last index are in order; and what a message says is so: who asks for votes has its own,
//!   who sends entries leads and has them, who grants a vote has cast it, who accepts entries
//!   holds them, who answers has adopted the term.
//!
//! All of these hold for any right Raft at the moments when it shows itself. How long anything
//! takes is not the oracle's business: liveness and timers are the tests'.
//!
//! A server need not show itself. Then the oracle judges it from outside: by what it sends and
//! answers, by how often it saves, and by what its service is given (`wire/`). It does so in any case, so
//! that a server cannot show one thing and do another; and one that has shown itself must go on.
//! With `ORACLE=blind` nothing but this is left; with `ORACLE=strict` a server that leads or applies,
//! and has never shown itself, has failed.
//!
//! # Cost
//! Proportional to what has changed since the server last showed itself; a view that shows
//! nothing new costs a few comparisons. A changed log is compared entry by entry, which is less
//! than what it costs to save it.
//!
//! # Layout
//! From the ground up: `finding.rs` (what a check finds; the properties' names), `message.rs`,
//! `shadow.rs` (what a server showed last), `wire/` (what is seen from outside), `book.rs` (all that
//! is known). Over the book: `server.rs` (what one server may not show), `cluster.rs` (what they may
//! not show together), `shown.rs`, `messages.rs` (what RPCs say; `calls.rs`: their steps),
//! `pending.rs` (what must show soon), `plight.rs` (why nothing goes on).

mod book;
mod calls;
mod cluster;
mod finding;
mod message;
mod messages;
mod pending;
mod plight;
mod server;
mod shadow;
mod shown;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use crate::labgob::Bytes;
use crate::labrpc::CallEvent;
use crate::labsync::{self, Instant, Leaf};
use crate::raft::{Index, OnDisk, ServerId, Term, View, Watcher};

use self::book::{Book, Pending};
use self::finding::{Check, broken};
pub(crate) use self::message::Message;
use self::plight::Symptom;

/// The name of the variable that says what the oracle does.
const SWITCH: &str = "ORACLE";
/// Its value that switches it off.
const OFF: &str = "off";
/// Its value for an oracle that does not look at what servers show.
const BLIND: &str = "blind";
/// Its value for an oracle that wants each server to show itself.
const STRICT: &str = "strict";

/// Whether the oracle knows such a value of [`SWITCH`].
pub(super) fn is_choice(value: &str) -> bool {
    [OFF, BLIND, STRICT, "on"].contains(&value)
}

/// What is known of a cluster.
pub(super) struct Oracle {
    book: Leaf<Book>,
    /// Whether a server that leads or applies must have shown itself.
    strict: bool,
}

impl Oracle {
    /// Nothing is known yet of so many servers. None if `ORACLE=off`.
    pub fn unless_off(servers: usize) -> Option<Arc<Oracle>> {
        let choice = std::env::var(SWITCH).unwrap_or_default();
        let blind = choice == BLIND;
        let mut book = Book::new(servers);
        book.blind = blind;
        let strict = choice == STRICT;
        (choice != OFF).then(|| Arc::new(Oracle { book: Leaf::new(book), strict }))
    }

    /// A server is about to start for the `instance`th time. Who watches it.
    pub fn started(self: &Arc<Oracle>, server: ServerId, instance: usize) -> Watch {
        self.book.with(|book| book.started(server, instance));
        Watch { oracle: self.clone(), server, instance }
    }

    /// A server crashes; what `take_disk` gives is what its next instance starts from. All that
    /// it has shown before was real, and nothing that it shows later counts.
    pub fn crashed<D>(&self, server: ServerId, take_disk: impl FnOnce() -> D) -> D {
        self.book.with(|book| {
            book.crashed(server);
            take_disk()
        })
    }

    /// A step of an RPC from an instance of a server to another server, and what is sent if it is
    /// the first.
    ///
    /// # Panics
    /// If the message says what is not so.
    pub fn saw_call(
        &self,
        from: (ServerId, usize),
        to: ServerId,
        event: &CallEvent<'_>,
        sent: Option<Message>,
    ) {
        self.report(|book| book.saw_call(from, to, event, sent));
    }

    /// The service of a living server has been given the command at `index`.
    ///
    /// # Panics
    /// If nobody can know that it is committed, or if another one is.
    pub fn applied(&self, server: ServerId, index: Index, command: &Bytes) {
        self.report(|book| {
            self.must_have_shown(book, server, "applies entries")?;
            book.applied(server, index, command)
        });
    }

    /// The service of a living server has been given a snapshot up to `index`, whose entry is of
    /// `term`.
    ///
    /// # Panics
    /// If nobody can know that it is committed, or the entry is of another term.
    pub fn installed(&self, server: ServerId, index: Index, term: Term) {
        self.report(|book| book.installed(server, index, term));
    }

    /// `get_state()` of an instance of a server has said that it leads.
    ///
    /// # Panics
    /// If it should have shown itself.
    pub fn said_to_lead(&self, (server, instance): (ServerId, usize), term: Term) {
        let leads = Pending::Leads { term };
        self.book.with(|book| book.said_to_lead(server, instance, leads));
        self.report(|book| self.must_have_shown(book, server, "leads"));
    }

    /// `start()` of an instance of a server has taken a command.
    ///
    /// # Panics
    /// If another one was at that index in that term.
    pub fn took(
        &self,
        (server, instance): (ServerId, usize),
        index: Index,
        term: Term,
        command: &Bytes,
    ) {
        self.report(|book| {
            book.wire.took(server, index, term, command)?;
            book.said_to_lead(server, instance, Pending::Took { index, term });
            Ok(())
        });
    }

    fn must_have_shown(&self, book: &Book, server: ServerId, does: &str) -> Check {
        if book.has_shown[server] || !self.strict {
            return Ok(());
        }
        let how = format!("server {server} {does}, and has never shown itself (Persister::show)");
        broken("The rule of this run that servers show themselves (ORACLE=strict)", &[], how)
    }

    /// How a server is, in a line.
    pub fn plight_of(&self, server: ServerId) -> String {
        let now = Instant::now().since_start();
        self.book.with(|book| book.plight_of(server, now))
    }

    /// What explains that the `connected` servers do not go on.
    pub fn symptom(&self, connected: &[ServerId]) -> Option<Symptom> {
        let now = Instant::now().since_start();
        self.book.with(|book| book.symptom(connected, now))
    }

    /// Panics outside the lock: the run's end must not find it taken.
    fn report(&self, check: impl FnOnce(&mut Book) -> Check) {
        let message = self.book.with(|book| {
            if book.is_closed() {
                return None; // the first finding counts
            }
            book.step += 1;
            book.now = Instant::now().since_start();
            let broken = check(book).err()?;
            Some(book.close_with(&broken))
        });
        let Some(message) = message else { return };
        match labsync::held_lock() {
            Some(at) => panic!("{message}\nin the critical section that began at {at}"),
            None => panic!("{message}"),
        }
    }

    /// The test is over: nothing counts any more.
    pub fn close(&self) {
        self.book.with(Book::close);
    }
}

/// The oracle's eye on one instance of a server.
pub(super) struct Watch {
    oracle: Arc<Oracle>,
    server: ServerId,
    instance: usize,
}

impl Watcher for Watch {
    fn saved(&self, disk: &OnDisk) {
        self.oracle.book.with(|book| book.saved(self.server, self.instance, disk.writes));
    }

    /// # Panics
    /// If a property is broken.
    fn shown(&self, view: &View<'_>, disk: &OnDisk) {
        self.oracle.report(|book| book.shown(self.server, self.instance, view, disk));
    }
}
