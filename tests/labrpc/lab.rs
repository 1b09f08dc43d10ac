//! The Go lab's tests, in its order: the eleven of 2022, and the one on long delays of 2025.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labrpc::ClientEnd;
use raftlab::labsync::channel::{self, RecvTimeoutError};
use raftlab::labsync::{Instant, thread};
use raftlab::runner::LabTest;

use super::junk::{END, JunkArgs, JunkReply, Lab, SERVER, handler1, handler2, handler3, make_end};
use super::kit::{begin, check_between, end, in_time, join, start, until};

pub const TESTS: &[LabTest] = lab_tests![
    test_basic,
    test_types,
    test_disconnect,
    test_counts,
    test_bytes,
    test_concurrent_many,
    test_unreliable,
    test_concurrent_one,
    test_regression1,
    test_killed,
    test_long_delay_race,
    test_benchmark,
];

pub fn test_basic() {
    begin("Test: basic RPC");
    let lab = Lab::new();
    assert_eq!(handler2(&lab.end, 111).as_deref(), Some("handler2-111"));
    assert_eq!(handler1(&lab.end, "9099"), Some(9099));
    end();
}

/// In Go, a handler that takes a pointer must be called with a pointer. Here both are the same
/// call: what is sent is the value behind all references.
pub fn test_types() {
    begin("Test: RPC with struct arguments, by reference and by value");
    let lab = Lab::new();
    let args = JunkArgs::default();
    let pointer: Option<JunkReply> = lab.end.call("JunkServer.Handler4", &&args);
    assert_eq!(pointer.map(|reply| reply.x).as_deref(), Some("pointer"));
    let value: Option<JunkReply> = lab.end.call("JunkServer.Handler5", &args);
    assert_eq!(value.map(|reply| reply.x).as_deref(), Some("no pointer"));
    end();
}

pub fn test_disconnect() {
    begin("Test: an end that is not enabled is cut off");
    let Lab { net, .. } = Lab::new();
    let client = net.make_end("end2-99");
    net.connect("end2-99", SERVER);
    assert_eq!(handler2(&client, 111), None, "unexpected reply from Handler2");

    net.enable("end2-99", true);
    assert_eq!(handler1(&client, "9099"), Some(9099));

    net.enable("end2-99", false);
    assert_eq!(handler2(&client, 111), None, "unexpected reply from Handler2");
    end();
}

pub fn test_counts() {
    begin("Test: the count of RPCs");
    let lab = Lab::new();
    for i in 0..17 {
        assert!(handler2(&lab.end, i).is_some(), "no reply to call {i}");
    }
    assert_eq!(lab.net.get_count(SERVER), 17);
    end();
}

/// A value is sent as a frame, 4 bytes of type and 1 of length (2 from a length of 128 on), and a
/// payload: a number takes 1 byte if it is small (107) and 3 up to 65535 (284), a String is its
/// length, as such a number, and its bytes.
///
/// | | arguments | reply | 17 calls |
/// |---|---|---|---|
/// | Handler6 | 4 + 2 + 3 + 284 = 293 | 4 + 1 + 3 = 8 | 17 x 301 = 5117 |
/// | Handler7 | 4 + 1 + 1 = 6 | 4 + 1 + 1 + 107 = 113 | 17 x 119 = 2023 |
///
/// One percent on either side is room for three bytes a call at Handler6 and one at Handler7. Not
/// to count the shorter half of each call would leave 4981 and 1921. (Go's windows, for gob, are
/// 4828 to 6000, which is 5117 - 6 % + 17 %, and 1800 to 2500.)
pub fn test_bytes() {
    begin("Test: the count of bytes");
    let lab = Lab::new();
    let args = "x".repeat(284);
    for _ in 0..17 {
        let reply: Option<i64> = lab.end.call("JunkServer.Handler6", &args);
        assert_eq!(reply, Some(284), "wrong reply from Handler6");
    }
    let first = lab.net.get_total_bytes();
    check_between("bytes of 17 long arguments", first, 5117 - 51, 5117 + 51);

    for _ in 0..17 {
        let reply: Option<String> = lab.end.call("JunkServer.Handler7", &107_i64);
        assert_eq!(reply.map(|reply| reply.len()), Some(107), "wrong reply from Handler7");
    }
    let second = lab.net.get_total_bytes() - first;
    check_between("bytes of 17 long replies", second, 2023 - 20, 2023 + 20);
    end();
}

pub fn test_concurrent_many() {
    begin("Test: many ends at a time");
    let (clients, rpcs) = (20, 10);
    let Lab { net, junk, .. } = Lab::new();
    let net = Arc::new(net);
    let shared = net.clone();
    let replies = join(start(clients, move |i| {
        let end = make_end(&shared, &format!("client {i}"));
        (0..rpcs).filter(|j| handler2(&end, i * 100 + j).is_some()).count()
    }));
    let total: usize = replies.iter().sum();
    assert_eq!(total, clients * rpcs, "wrong number of RPCs completed");
    assert_eq!(junk.calls_of_handler2(), total, "wrong number of RPCs delivered");
    assert_eq!(net.get_count(SERVER), total);
    end();
}

pub fn test_unreliable() {
    begin("Test: an unreliable network");
    let clients = 300;
    let Lab { net, .. } = Lab::new();
    net.reliable(false);
    let net = Arc::new(net);
    let replies = join(start(clients, move |i| {
        let end = make_end(&net, &format!("client {i}"));
        handler2(&end, i * 100)
    }));
    // 81 in 100 succeed, so that all succeed once in 10^27 runs.
    let total = replies.iter().flatten().count();
    assert!(total < clients, "all RPCs succeeded despite unreliable");
    assert!(total > 0, "all RPCs failed");
    end();
}

pub fn test_concurrent_one() {
    begin("Test: many calls on one end");
    let rpcs = 20;
    let Lab { net, junk, end: client } = Lab::new();
    let replies = join(start(rpcs, move |i| handler2(&client, 100 + i)));
    let total = replies.iter().flatten().count();
    assert_eq!(total, rpcs, "wrong number of RPCs completed");
    assert_eq!(junk.calls_of_handler2(), rpcs, "wrong number of RPCs delivered");
    assert_eq!(net.get_count(SERVER), total);
    end();
}

/// A call that was delayed since its end was disabled once delayed those made after the end was
/// enabled again.
pub fn test_regression1() {
    begin("Test: calls that are delayed do not delay later ones");
    in_time("an RPC after enable", Duration::from_millis(30), || {
        let rpcs = 20;
        let Lab { net, junk, end } = Lab::new();
        net.enable(END, false);
        let client = end.clone();
        let stuck = start(rpcs, move |i| handler2(&client, 100 + i));
        until("all calls are under way", || net.get_total_count() == rpcs);

        let start = Instant::now();
        net.enable(END, true);
        assert!(handler2(&end, 99).is_some(), "no reply although the end is enabled");
        let took = start.elapsed();

        assert_eq!(join(stuck), vec![None; rpcs], "a disabled end got through");
        assert_eq!(junk.calls_of_handler2(), 1, "wrong number of RPCs delivered");
        assert_eq!(net.get_count(SERVER), 1);
        took
    });
    end();
}

/// A call is stuck in a server. When the server is deleted, is the call released?
pub fn test_killed() {
    begin("Test: a call stuck in a server that is deleted");
    in_time("'lost' after delete_server", Duration::from_millis(100), || {
        let Lab { net, junk, end } = Lab::new();
        let (done, on_done) = channel::bounded(1);
        thread::spawn("caller", move || done.send(handler3(&end, 99)));

        let early = on_done.recv_timeout(Duration::from_millis(1100));
        assert_eq!(early, Err(RecvTimeoutError::Timeout), "Handler3 should not have returned yet");

        let start = Instant::now();
        net.delete_server(SERVER);
        let reply = on_done.recv().expect("the caller says what it got");
        let took = start.elapsed();
        assert_eq!(reply, None, "Handler3 returned successfully despite delete_server");
        junk.gate.open();
        took
    });
    end();
}

/// Long delays are switched on and off while calls are made. (In Go, a test for the race
/// detector.) Calls that get through do so, those that cannot are lost, and the last word counts.
pub fn test_long_delay_race() {
    begin("Test: long delays switched on and off while calls are in flight");
    let callers = 10;
    let Lab { net, end: good, .. } = Lab::new();
    let bad = net.make_end("connected to nothing");
    let lost = start(callers, {
        let bad = bad.clone();
        move |i| count_replies(&bad, 5, i)
    });
    let delivered = start(callers, move |i| count_replies(&good, 200, i));
    let mut on = false;
    until("all calls that can get through have done so", || {
        on = !on;
        net.long_delays(on);
        delivered.iter().all(|caller| caller.is_finished())
    });
    assert_eq!(join(delivered), vec![200; callers], "replies of a reliable network");

    net.long_delays(false);
    in_time("'lost' after long delays", Duration::from_millis(150), || {
        let start = Instant::now();
        assert_eq!(handler2(&bad, 0), None);
        start.elapsed()
    });
    net.cleanup();
    assert_eq!(join(lost), vec![0; callers], "an end that is connected to nothing got through");
    end();
}

fn count_replies(end: &ClientEnd, count: usize, caller: usize) -> usize {
    (0..count).filter(|j| handler2(end, caller * 100 + j).is_some()).count()
}

pub fn test_benchmark() {
    begin("Test: how long RPCs take");
    let lab = Lab::new();
    let rpcs = 100_000;
    let start = Instant::now();
    for _ in 0..rpcs {
        assert!(handler2(&lab.end, 111).is_some(), "a reliable network lost a call");
    }
    let took = start.elapsed();
    assert_eq!(lab.net.get_count(SERVER), rpcs);
    println!("{took:.2?} for {rpcs}");
    end();
}
