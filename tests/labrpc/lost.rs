//! Which calls are lost when a server or an end goes away while they are in flight, and how far
//! they get. The observer, which runs as a request is sent, is used to stop requests on their way.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labrpc::{ClientEnd, Network, Step};
use raftlab::labsync::Instant;
use raftlab::labsync::thread::{self, JoinHandle};
use raftlab::runner::LabTest;

use super::junk::{END, Lab, SERVER, handler2, handler3, make_end};
use super::kit::{Gate, begin, check_time, end, exact_if_simulated, in_time, join, start, until};

pub const TESTS: &[LabTest] = lab_tests![
    test_server_replaced_while_handler_runs,
    test_server_replaced_while_request_is_on_its_way,
    test_server_deleted_while_replies_are_held_back,
    test_server_replaced_while_replies_are_held_back,
    test_end_disabled_while_handler_runs,
    test_end_enabled_again_while_handlers_run,
    test_end_disabled_while_request_is_on_its_way,
    test_end_disabled_while_replies_are_held_back,
    test_stuck_calls_do_not_delay_others,
];

/// The rule for calls that are released from a running handler.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Starts a Handler3 call and waits until its handler runs.
fn stuck_in_handler(lab: &Lab) -> JoinHandle<Option<i64>> {
    let client = lab.end.clone();
    let call = thread::spawn("caller", move || handler3(&client, 7));
    lab.junk.gate.wait_for_arrivals(1);
    call
}

pub fn test_server_replaced_while_handler_runs() {
    begin("Test: no reply comes from a server that was replaced meanwhile");
    let lab = Lab::new();
    let call = stuck_in_handler(&lab);
    let bytes = lab.net.get_total_bytes();
    let new = lab.replace_server();

    // does the old server's answer count for nothing, although there is a server of its name?
    lab.junk.gate.open();
    assert_eq!(call.join(), None, "a reply of the old server");
    assert_eq!(lab.net.get_total_bytes(), bytes, "the bytes of a reply that was not delivered");

    // does the new server take over on the same end, with a count of its own?
    assert_eq!(lab.net.get_count(SERVER), 0);
    assert!(handler2(&lab.end, 8).is_some(), "no reply of the new server");
    assert_eq!((lab.junk.calls_of_handler2(), new.calls_of_handler2()), (0, 1));
    assert_eq!(lab.net.get_count(SERVER), 1);
    end();
}

/// Stops the next requests on `net` as they are sent, until the gate is opened.
fn stop_requests(net: &Network) -> Arc<Gate> {
    let gate = Arc::new(Gate::default());
    let road_block = gate.clone();
    net.observe(move |event| {
        if let Step::Sent { .. } = event.step {
            road_block.pass();
        }
    });
    gate
}

pub fn test_server_replaced_while_request_is_on_its_way() {
    begin("Test: a request to a server that was replaced meanwhile reaches neither");
    let lab = Lab::new();
    let gate = stop_requests(&lab.net);
    let client = lab.end.clone();
    let call = thread::spawn("caller", move || handler2(&client, 7));
    gate.wait_for_arrivals(1);
    let new = lab.replace_server();
    gate.open();
    assert_eq!(call.join(), None, "a reply to a request that was on its way");
    assert_eq!((lab.junk.calls_of_handler2(), new.calls_of_handler2()), (0, 0));
    assert_eq!(lab.net.get_count(SERVER), 0);
    end();
}

/// Makes calls whose replies the network holds back, two in three of them, and waits until all
/// handlers are done.
fn calls_with_replies_held_back(lab: &Lab, count: usize) -> Vec<JoinHandle<Option<String>>> {
    lab.net.long_reordering(true);
    let client = lab.end.clone();
    let calls = start(count, move |i| handler2(&client, i));
    until("all handlers have run", || lab.junk.calls_of_handler2() == count);
    calls
}

/// Replies that are held back are lost with their server, at once. A delivered reply is counted
/// in bytes as it is delivered: so not one may be added after the deletion.
fn check_held_back_replies(delete: fn(&Lab)) {
    exact_if_simulated(|| {
        let lab = Lab::new();
        let calls = calls_with_replies_held_back(&lab, 100);
        let start = Instant::now();
        delete(&lab);
        let bytes = lab.net.get_total_bytes();
        let replies = join(calls);
        let took = start.elapsed();
        assert_eq!(lab.net.get_total_bytes(), bytes, "a reply came from a deleted server");
        if !replies.contains(&None) {
            return Err("no reply was held back for long enough".to_string());
        }
        check_time("'lost' for replies held back", took, Duration::from_millis(500))
    });
}

pub fn test_server_deleted_while_replies_are_held_back() {
    begin("Test: replies that are held back are lost with their server");
    check_held_back_replies(|lab| lab.net.delete_server(SERVER));
    end();
}

pub fn test_server_replaced_while_replies_are_held_back() {
    begin("Test: replies that are held back are lost when their server is replaced");
    check_held_back_replies(|lab| {
        lab.replace_server();
    });
    end();
}

pub fn test_end_disabled_while_handler_runs() {
    begin("Test: a call stuck in a handler when its end is disabled");
    in_time("'lost' after disabling the end", AT_ONCE, || {
        let lab = Lab::new();
        let call = stuck_in_handler(&lab);
        let other_end = make_end(&lab.net, "end2-99");
        let other_call = thread::spawn("other caller", move || handler3(&other_end, 5));
        lab.junk.gate.wait_for_arrivals(2);

        // is the call lost, although the handler never returns and the end is enabled again?
        let start = Instant::now();
        lab.net.enable(END, false);
        lab.net.enable(END, true);
        assert_eq!(call.join(), None, "a reply although the end was disabled");
        let took = start.elapsed();

        // do later calls on that end, and the calls on another end, go their way?
        assert!(handler2(&lab.end, 8).is_some(), "no reply on the end after it was enabled");
        assert!(!other_call.is_finished(), "a call on another end was lost, too");
        lab.junk.gate.open();
        assert_eq!(other_call.join(), Some(-5));
        took
    });
    end();
}

pub fn test_end_enabled_again_while_handlers_run() {
    begin("Test: what is lost stays lost, although the end is enabled and the handler answers");
    let Lab { net, junk, end: client } = Lab::new();
    let count = 50;
    let calls = start(count, move |i| handler3(&client, i));
    junk.gate.wait_for_arrivals(count);
    // All in one go: many callers find both when they wake up, that they are lost and an answer.
    net.enable(END, false);
    net.enable(END, true);
    junk.gate.open();
    assert_eq!(join(calls), vec![None; count]);
    end();
}

pub fn test_end_disabled_while_request_is_on_its_way() {
    begin("Test: a request whose end is disabled meanwhile arrives, its reply does not");
    let lab = Lab::new();
    let gate = stop_requests(&lab.net);
    let client = lab.end.clone();
    let call = thread::spawn("caller", move || handler3(&client, 7));
    gate.wait_for_arrivals(1);
    lab.net.enable(END, false);
    gate.open();

    // is the call lost although the handler does not return?
    assert_eq!(call.join(), None, "a reply although the end was disabled");
    lab.junk.gate.wait_for_arrivals(1);
    assert_eq!(lab.net.get_count(SERVER), 1, "requests dispatched");
    lab.junk.gate.open();
    end();
}

/// Disabling an end stops what starts on it. What the network holds back has left it already.
pub fn test_end_disabled_while_replies_are_held_back() {
    begin("Test: replies that are held back arrive although their end is disabled");
    exact_if_simulated(|| {
        let lab = Lab::new();
        let calls = calls_with_replies_held_back(&lab, 30);
        // When one is back that was not held back, others have surely got as far.
        until("one reply is back", || calls.iter().any(JoinHandle::is_finished));
        lab.net.enable(END, false);
        let bytes = lab.net.get_total_bytes();
        join(calls);
        let arrived = lab.net.get_total_bytes() > bytes;
        if arrived { Ok(()) } else { Err("no reply came after disabling the end".to_string()) }
    });
    end();
}

pub fn test_stuck_calls_do_not_delay_others() {
    begin("Test: calls stuck in delays and handlers do not delay others on their end");
    let stuck = 20;
    let Lab { net, junk, end: client } = Lab::new();
    net.long_delays(true);
    net.enable(END, false);
    let delayed = start_calls(stuck, &client, |client, i| handler2(client, i).is_some());
    until("all calls are under way", || net.get_total_count() == stuck);
    net.enable(END, true);
    let handled = start_calls(stuck, &client, |client, i| handler3(client, i).is_some());
    junk.gate.wait_for_arrivals(stuck);

    assert!(handler2(&client, 99).is_some(), "no reply although the end is enabled");

    // That all 20 delays, of up to 7 s, were over by now would take a host that stalls for long.
    assert!(!delayed.iter().all(JoinHandle::is_finished), "the delayed calls came back first");
    assert!(!handled.iter().any(JoinHandle::is_finished), "a call came back from a closed gate");
    junk.gate.open();
    assert_eq!(join(handled), vec![true; stuck]);
    net.cleanup();
    assert_eq!(join(delayed), vec![false; stuck]);
    end();
}

fn start_calls(
    count: usize,
    client: &ClientEnd,
    call: fn(&ClientEnd, usize) -> bool,
) -> Vec<JoinHandle<bool>> {
    let client = client.clone();
    start(count, move |i| call(&client, i))
}
