//! InstallSnapshot is answered when the service has taken the snapshot, or after 300 ms; the applier
//! takes one message at a time, and looks at everything anew for the next one.
//!
//! Right: the snapshot is saved before the handler waits, and it waits without the lock. A reply may
//! take as long as it likes; meanwhile other messages are handled.

use std::time::Duration;

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    install_waits: Some(Duration::from_millis(300)),
    one_at_a_time: true,
    ..PLAIN
};
