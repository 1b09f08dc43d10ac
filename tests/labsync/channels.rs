//! Channels: order, capacity, and the two ways to be cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::channel::{RecvError, RecvTimeoutError, SendError, TryRecvError};
use raftlab::labsync::{Instant, channel, thread};
use raftlab::runner::LabTest;

use crate::support::{LONG, MOMENT, OnDrop, eventually};

pub const TESTS: &[LabTest] = lab_tests![
    test_unbounded_keeps_all_in_order,
    test_bounded_to_0_waits_for_the_receiver,
    test_bounded_to_1_holds_one,
    test_bounded_to_3_holds_three,
    test_several_producers_and_consumers,
    test_recv_without_senders,
    test_send_without_receivers,
    test_recv_timeout,
    test_try_recv,
    test_messages_left_are_dropped_with_the_channel,
];

pub fn test_unbounded_keeps_all_in_order() {
    let (sender, receiver) = channel::unbounded();
    for message in 0..1000 {
        sender.send(message).expect("the receiver is there"); // and nobody receives yet
    }
    for message in 0..1000 {
        assert_eq!(receiver.recv(), Ok(message));
    }
}

/// At any time, at most `capacity` more messages have been sent than received.
fn check_capacity(capacity: usize) {
    const MESSAGES: usize = 30;
    let (sender, receiver) = channel::bounded(capacity);
    let sent = Arc::new(AtomicUsize::new(0));
    let producer = {
        let sent = sent.clone();
        thread::spawn("producer", move || {
            for message in 0..MESSAGES {
                sender.send(message).expect("the receiver is there");
                sent.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    if capacity > 0 {
        eventually("the channel is full", || sent.load(Ordering::SeqCst) == capacity);
    }
    for received in 0..MESSAGES {
        thread::sleep(MOMENT); // the producer goes as far as it can
        let sent = sent.load(Ordering::SeqCst);
        assert!(sent <= received + capacity, "{sent} sent, {received} received");
        assert_eq!(receiver.recv(), Ok(received));
    }
    producer.join();
}

pub fn test_bounded_to_0_waits_for_the_receiver() {
    check_capacity(0);
}

pub fn test_bounded_to_1_holds_one() {
    check_capacity(1);
}

pub fn test_bounded_to_3_holds_three() {
    check_capacity(3);
}

/// Each message arrives once; those of one producer arrive in their order at each consumer.
pub fn test_several_producers_and_consumers() {
    const PRODUCERS: usize = 3;
    const CONSUMERS: usize = 4;
    const EACH: usize = 300;
    let (sender, receiver) = channel::bounded(2);
    for producer in 0..PRODUCERS {
        let sender = sender.clone();
        thread::spawn(format!("producer {producer}"), move || {
            (0..EACH).for_each(|n| sender.send((producer, n)).expect("consumers are there"));
        });
    }
    drop(sender);
    let consume = |consumer: usize| {
        let receiver = receiver.clone();
        thread::spawn(format!("consumer {consumer}"), move || {
            let mut received = Vec::new();
            while let Ok(message) = receiver.recv() {
                received.push(message);
            }
            received
        })
    };
    let consumers: Vec<_> = (0..CONSUMERS).map(consume).collect();
    let mut all = Vec::new();
    for consumer in consumers {
        let received = consumer.join();
        for producer in 0..PRODUCERS {
            let of_one = received.iter().filter(|(from, _)| *from == producer);
            assert!(of_one.is_sorted(), "out of order: {received:?}");
        }
        all.extend(received);
    }
    all.sort_unstable();
    let expected: Vec<_> = (0..PRODUCERS).flat_map(|p| (0..EACH).map(move |n| (p, n))).collect();
    assert_eq!(all, expected);
}

/// What was sent still arrives; then, and while waiting, the receiver hears that all are gone.
pub fn test_recv_without_senders() {
    let (sender, receiver) = channel::unbounded();
    let clone = sender.clone();
    sender.send(1).expect("the receiver is there");
    drop(sender);
    clone.send(2).expect("the receiver is there");
    drop(clone);
    assert_eq!([receiver.recv(), receiver.recv()], [Ok(1), Ok(2)]);
    assert_eq!(receiver.recv(), Err(RecvError));
    assert_eq!(receiver.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));

    let (sender, receiver) = channel::bounded::<u64>(1);
    let waiting = thread::spawn("waiting", move || receiver.recv());
    thread::sleep(MOMENT);
    drop(sender);
    assert_eq!(waiting.join(), Err(RecvError));
}

/// The sender gets its message back, also one that it already waits to get rid of.
pub fn test_send_without_receivers() {
    let (sender, receiver) = channel::unbounded();
    let clone = receiver.clone();
    drop(receiver);
    assert_eq!(sender.send("taken"), Ok(()));
    drop(clone);
    assert_eq!(sender.send("returned"), Err(SendError("returned")));

    for capacity in [0, 1] {
        let (sender, receiver) = channel::bounded(capacity);
        (0..capacity).for_each(|_| sender.send("held").expect("there is room"));
        let waiting = thread::spawn("waiting", move || sender.send("returned"));
        thread::sleep(MOMENT);
        drop(receiver);
        assert_eq!(waiting.join(), Err(SendError("returned")));
    }
}

pub fn test_recv_timeout() {
    let (sender, receiver) = channel::bounded(1);
    let (timeout, start) = (Duration::from_millis(30), Instant::now());
    assert_eq!(receiver.recv_timeout(timeout), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= timeout, "timed out after {:?}", start.elapsed());

    // is a message taken that is there, or that comes in time?
    sender.send(1).expect("the receiver is there");
    assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));
    let waiting = thread::spawn("waiting", move || {
        let received = receiver.recv_timeout(LONG);
        (received, receiver.recv_timeout(LONG))
    });
    thread::sleep(MOMENT);
    sender.send(2).expect("the receiver is there");
    drop(sender);
    assert_eq!(waiting.join(), (Ok(2), Err(RecvTimeoutError::Disconnected)));
}

pub fn test_try_recv() {
    let (sender, receiver) = channel::bounded(2);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.send(1).expect("the receiver is there");
    sender.send(2).expect("the receiver is there");
    drop(sender);
    assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok(1), Ok(2)]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));

    // with no room in the channel, is the message of a sender that waits taken?
    let (sender, receiver) = channel::bounded(0);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let waiting = thread::spawn("waiting", move || sender.send(3));
    eventually("the message is taken", || receiver.try_recv() == Ok(3));
    assert_eq!(waiting.join(), Ok(()));
}

pub fn test_messages_left_are_dropped_with_the_channel() {
    let (message, dropped) = OnDrop::new();
    let (sender, receiver) = channel::unbounded();
    assert!(sender.send(message).is_ok());
    drop(sender);
    assert!(!dropped.load(Ordering::SeqCst), "it can still be received");
    drop(receiver);
    assert!(dropped.load(Ordering::SeqCst), "nobody can receive it any more");
}
