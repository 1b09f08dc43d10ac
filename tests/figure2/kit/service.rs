//! The service on top of n0: what is handed to it, and what no Raft may ever hand to it.

use std::time::Duration;

use raftlab::labsync::channel::Receiver;
use raftlab::raft::{ApplyMsg, Index};

use super::record::Record;
use super::rules::APPLY_ORDER;
use super::script::{Script, State};
use super::words::{self, state_at};

/// The service of one instance, until its Raft drops the apply channel.
pub fn serve(script: &Script, instance: usize, messages: &Receiver<ApplyMsg>) {
    while let Ok(message) = messages.recv() {
        let (index, text) = match &message {
            ApplyMsg::Command { index, command } => (*index, words::text(command)),
            ApplyMsg::Snapshot { index, data, .. } => (*index, words::text(data)),
        };
        let living = script.wait_for(Duration::MAX, |state| match state.instance == instance {
            true if state.paused => None,
            living => Some(living),
        });
        if living != Some(true) {
            continue; // a dead instance's: nobody is there to apply it
        }
        script.with(|state| {
            if state.instance == instance && state.laying_ground {
                state.last_applied = index;
            } else if state.instance == instance {
                let index = state.ground.lower(index);
                script
                    .record
                    .note(format_args!("n0        applies {index}: {}", words::brief(&text)));
                check_order(&script.record, state.last_applied, index, &message);
                check_term(state, &script.record, index, &message);
                let is_snapshot = matches!(message, ApplyMsg::Snapshot { .. });
                // What the service has, or has begun with, may be handed to it once more.
                let is_known = index == state.last_applied;
                state.last_applied = index;
                if !(is_snapshot && is_known) {
                    state.applied.push(text);
                }
            }
        });
    }
}

/// What no Raft may ever hand to its service.
fn check_order(record: &Record, last: Index, index: Index, message: &ApplyMsg) {
    match message {
        ApplyMsg::Command { .. } if index != last + 1 => {
            let mut expected = format!("the entry at {} is applied next", last + 1);
            if index <= last {
                expected.push_str(
                    ": lastApplied and commitIndex never fall, not even to what they were before \
                     the lock was released (rule 5 of the locking advice)",
                );
            }
            let happened = format!("the entry at {index} is");
            panic!("{}", record.report_of_rule(APPLY_ORDER, expected, happened));
        }
        ApplyMsg::Snapshot { .. } if index < last => {
            let sentence = "Figure 13: a snapshot brings the service forward, never back";
            let happened = format!("a snapshot up to {index} is handed to it");
            let expected =
                format!("nothing, to a service that has applied everything up to {last}");
            panic!("{}", record.report_of(sentence, expected, happened));
        }
        ApplyMsg::Snapshot { data, .. } if *data != state_at(index) => {
            let sentence =
                "Figure 13, receiver 8: the service is reset with the snapshot's content";
            let expected = words::text(&state_at(index));
            panic!(
                "{}",
                record.report_of(sentence, expected, format!("\"{}\"", words::text(data)))
            );
        }
        _ => {}
    }
}

/// The term of a snapshot that reaches the service is that of the snapshot.
fn check_term(state: &State, record: &Record, index: Index, message: &ApplyMsg) {
    let ApplyMsg::Snapshot { term, .. } = message else { return };
    let term = state.ground.lower_term(*term);
    let sent: Vec<_> = state.snapshots.iter().filter(|(last, _)| *last == index).collect();
    if sent.is_empty() || sent.contains(&&(index, term)) {
        return;
    }
    let sentence =
        "Figure 13, receiver 8: the service gets the snapshot, with its lastIncludedTerm";
    let expected = format!("the term of entry {index}, {}", sent[0].1);
    panic!("{}", record.report_of(sentence, expected, format!("term {term}")));
}
