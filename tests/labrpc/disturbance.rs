//! Disturbed ends, and servers that end with a reply: what the lab's own modes never do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labgob;
use raftlab::labrpc::{Disturbance, Late, Step};
use raftlab::labsync::{Instant, thread};
use raftlab::runner::LabTest;

use super::junk::{END, Lab, SERVER, handler2, make_end};
use super::kit::{begin, check_time, end, exact_if_simulated, join, start, until};

pub const TESTS: &[LabTest] = lab_tests![
    test_lost_requests_of_one_end,
    test_lost_replies_of_one_end,
    test_late_requests_find_the_new_server,
    test_late_requests_and_replies,
    test_repeated_requests,
    test_repeated_requests_end_with_the_network,
    test_last_reply,
    test_last_reply_waits_for_its_own,
    test_last_reply_is_taken_back,
];

fn always(up_to_ms: u64) -> Late {
    Late { percent: 100, up_to_ms }
}

pub fn test_lost_requests_of_one_end() {
    begin("Test: a disturbed end loses its requests");
    let lab = Lab::new();
    let other = make_end(&lab.net, "other end");
    lab.net.disturb(END, Disturbance { lose_requests: true, ..Disturbance::default() });
    assert_eq!(handler2(&lab.end, 1), None);
    assert_eq!(lab.junk.calls_of_handler2(), 0, "a request has arrived");

    // is the other end as it was, and this one when it is disturbed no more?
    assert!(handler2(&other, 2).is_some());
    lab.net.disturb(END, Disturbance::default());
    assert!(handler2(&lab.end, 3).is_some());
    end();
}

pub fn test_lost_replies_of_one_end() {
    begin("Test: a disturbed end loses its replies");
    let lab = Lab::new();
    lab.net.disturb(END, Disturbance { lose_replies: true, ..Disturbance::default() });
    let bytes = lab.net.get_total_bytes();
    assert_eq!(handler2(&lab.end, 1), None);
    assert_eq!(lab.junk.calls_of_handler2(), 1, "the request has not arrived");
    let request = lab.net.get_total_bytes() - bytes;
    lab.net.disturb(END, Disturbance::default());
    assert!(handler2(&lab.end, 1).is_some());
    assert!(lab.net.get_total_bytes() - bytes > 2 * request, "the lost reply was counted");
    end();
}

/// A request that is late arrives at whoever is there by then.
///
/// Those that arrive in the moment in which nobody is there, between the old server and the new
/// one, are lost, and that is right. In virtual time it is a moment of some microseconds: that 5 of
/// 40 requests, spread over 400 ms, meet it has a chance of less than 10^-9.
pub fn test_late_requests_find_the_new_server() {
    begin("Test: a late request finds the server of its time");
    let lab = Lab::new();
    let delivered = count_deliveries(&lab);
    lab.net.disturb(END, Disturbance { late_requests: always(400), ..Disturbance::default() });
    let client = lab.end.clone();
    let calls = start(40, move |i| handler2(&client, i));
    until("all requests are on their way", || lab.net.get_total_count() == 40);
    until("a request has arrived", || lab.junk.calls_of_handler2() > 0);
    let new = lab.replace_server();
    let replies = join(calls).iter().flatten().count();
    assert!(new.calls_of_handler2() > 0, "no late request has found the new server");
    assert!(replies >= new.calls_of_handler2(), "replies of the new server are missing");
    exact_if_simulated(|| {
        let lost = 40 - delivered.load(Ordering::Relaxed);
        if lost < 5 { Ok(()) } else { Err(format!("{lost} of 40 late requests are lost")) }
    });
    end();
}

/// The number of requests that reach a server from now on. (The servers' own counts grow when the
/// handlers run, which may be after the caller has heard that its server is gone.)
fn count_deliveries(lab: &Lab) -> Arc<AtomicUsize> {
    let delivered = Arc::new(AtomicUsize::new(0));
    let count = delivered.clone();
    lab.net.observe(move |event| {
        if let Step::Delivered { .. } = event.step {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    delivered
}

pub fn test_late_requests_and_replies() {
    begin("Test: late requests, and late replies");
    let lab = Lab::new();
    let rpcs = 60;
    let requests = Disturbance { late_requests: always(200), ..Disturbance::default() };
    let replies = Disturbance { late_replies: always(200), ..Disturbance::default() };
    for disturbance in [requests, replies] {
        lab.net.disturb(END, disturbance);
        let client = lab.end.clone();
        let times = join(start(rpcs, move |i| {
            let start = Instant::now();
            assert!(handler2(&client, i).is_some(), "late, and lost");
            start.elapsed()
        }));
        let longest = times.iter().max().copied().unwrap_or_default();
        // The chance that 60 of 60 are below 140 ms is less than 10^-9.
        assert!(longest > Duration::from_millis(140), "the longest call took {longest:?}");
        exact_if_simulated(|| check_time("a call", longest, Duration::from_millis(205)));
    }
    end();
}

pub fn test_repeated_requests() {
    begin("Test: requests that arrive twice");
    let lab = Lab::new();
    let rpcs = 60;
    lab.net.disturb(END, Disturbance { repeats: always(100), ..Disturbance::default() });
    let sent = lab.net.get_total_count();
    let client = lab.end.clone();
    let times = join(start(rpcs, move |i| {
        let start = Instant::now();
        assert!(handler2(&client, i).is_some(), "a reply is missing");
        start.elapsed()
    }));
    // Half of the callers get the reply to the second; that none is so late has a chance of
    // less than 10^-9.
    let longest = times.iter().max().copied().unwrap_or_default();
    assert!(longest > Duration::from_millis(30), "nobody has got the reply to the second");
    until("all copies have arrived", || lab.junk.calls_of_handler2() == 2 * rpcs);
    thread::sleep(Duration::from_millis(250));
    assert_eq!(lab.junk.calls_of_handler2(), 2 * rpcs, "a request has arrived a third time");
    assert_eq!(lab.net.get_total_count() - sent, rpcs, "copies were counted as calls");
    end();
}

/// The runner finds threads that are left.
pub fn test_repeated_requests_end_with_the_network() {
    begin("Test: copies on their way end with the network");
    let lab = Lab::new();
    lab.net.disturb(END, Disturbance { repeats: always(100_000), ..Disturbance::default() });
    let client = lab.end.clone();
    let calls = start(20, move |i| handler2(&client, i));
    until("half of the calls have arrived, or so", || lab.junk.calls_of_handler2() > 3);
    lab.net.cleanup();
    let replies = join(calls).iter().flatten().count();
    assert!(replies < 20, "no call's own request was the later one");
    end();
}

/// A server with a second end of its own, which ends with a reply.
pub fn test_last_reply() {
    begin("Test: a server ends behind a reply");
    let lab = Lab::new();
    let own = make_end(&lab.net, "the server's own");
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    let then = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    lab.net.last_reply(SERVER, |_, _| true, vec![own.name().to_string()], then);
    assert!(handler2(&lab.end, 1).is_some(), "the last reply is lost");
    assert_eq!(ended.load(Ordering::Relaxed), 1);

    // is the server gone, and its own end dead, even with another server in its place?
    assert_eq!(handler2(&lab.end, 2), None);
    let new = lab.replace_server();
    assert_eq!(handler2(&own, 3), None);
    assert!(handler2(&lab.end, 4).is_some());
    assert_eq!((lab.junk.calls_of_handler2(), new.calls_of_handler2()), (1, 1));
    assert_eq!(ended.load(Ordering::Relaxed), 1, "it has ended twice");
    end();
}

/// The reply gets through even if its caller is cut off behind it.
pub fn test_last_reply_waits_for_its_own() {
    begin("Test: a server ends behind the right reply");
    let lab = Lab::new();
    let seven = |method: &str, reply: &[u8]| {
        method == "JunkServer.Handler2" && reply == labgob::to_bytes("handler2-7")
    };
    let net = Arc::new(lab.net);
    let for_then = Arc::downgrade(&net);
    let then = move || {
        let net = for_then.upgrade().expect("the test has it");
        net.delete_server(SERVER);
        net.enable(END, false);
    };
    net.last_reply(SERVER, seven, Vec::new(), then);
    assert!(handler2(&lab.end, 5).is_some() && handler2(&lab.end, 6).is_some());
    assert!(handler2(&lab.end, 7).is_some(), "the last reply is lost");
    net.enable(END, true);
    assert_eq!(handler2(&lab.end, 8), None, "the server lives on");
    end();
}

pub fn test_last_reply_is_taken_back() {
    begin("Test: a server that was to end lives on");
    let lab = Lab::new();
    let never = || panic!("the server has ended");
    lab.net.last_reply(SERVER, |_, _| true, Vec::new(), never);
    lab.net.no_last_reply(SERVER);
    assert!(handler2(&lab.end, 1).is_some() && handler2(&lab.end, 2).is_some());

    // does a new server not inherit it?
    lab.net.last_reply(SERVER, |_, _| true, Vec::new(), never);
    lab.replace_server();
    assert!(handler2(&lab.end, 3).is_some() && handler2(&lab.end, 4).is_some());
    end();
}
