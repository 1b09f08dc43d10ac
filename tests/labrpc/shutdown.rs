//! The end of the network: every call comes back, and what the servers own is given free.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labrpc::{ClientEnd, Network, Server, Service, Step};
use raftlab::labsync::thread::JoinHandle;
use raftlab::labsync::{Instant, thread};
use raftlab::runner::LabTest;

use super::junk::{END, Lab, handler2, handler3, make_end};
use super::kit::{Gate, begin, check_time, end, exact_if_simulated, in_time, join, start, until};

pub const TESTS: &[LabTest] = lab_tests![
    test_cleanup_ends_all_calls,
    test_drop_ends_all_calls,
    test_cleanup_stops_requests_on_their_way,
    test_deleted_servers_are_dropped,
    test_cleanup_drops_servers_and_observer,
];

/// How long 'at once' may take with a hundred callers. To wait for the delays takes longer.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Ends a network, and keeps it if it is still there.
type ShutDown = fn(Network) -> Option<Network>;

pub fn test_cleanup_ends_all_calls() {
    begin("Test: cleanup returns every call at once");
    check_all_calls_end(|net| {
        net.cleanup();
        Some(net)
    });
    end();
}

pub fn test_drop_ends_all_calls() {
    begin("Test: dropping the network returns every call at once");
    check_all_calls_end(|net| {
        drop(net);
        None
    });
    end();
}

fn check_all_calls_end(shut_down: ShutDown) {
    in_time("'lost' for calls in long delays", AT_ONCE, || in_delays(shut_down));
    in_time("'lost' for calls in handlers", AT_ONCE, || in_handlers(shut_down));
    exact_if_simulated(|| in_held_back_replies(shut_down));
    in_time("'lost' after the end", AT_ONCE, || afterwards(shut_down));
}

/// Shuts the network down and waits for the calls: their replies, and how long it took.
fn timed<T>(
    shut_down: ShutDown,
    net: Network,
    calls: Vec<JoinHandle<Option<T>>>,
) -> (Vec<Option<T>>, Duration) {
    let start = Instant::now();
    let _net = shut_down(net);
    let replies = join(calls);
    (replies, start.elapsed())
}

fn in_delays(shut_down: ShutDown) -> Duration {
    let Lab { net, end, .. } = Lab::new();
    net.long_delays(true);
    net.enable(END, false);
    let calls = start(50, move |i| handler2(&end, i));
    until("all calls are under way", || net.get_total_count() == 50);
    let (replies, took) = timed(shut_down, net, calls);
    assert_eq!(replies, vec![None; 50]);
    took
}

fn in_handlers(shut_down: ShutDown) -> Duration {
    let Lab { net, junk, end } = Lab::new();
    let calls = start(20, move |i| handler3(&end, i));
    junk.gate.wait_for_arrivals(20);
    let (replies, took) = timed(shut_down, net, calls);
    assert_eq!(replies, vec![None; 20]);
    junk.gate.open();
    took
}

fn in_held_back_replies(shut_down: ShutDown) -> Result<(), String> {
    let Lab { net, junk, end } = Lab::new();
    net.long_reordering(true);
    let calls = start(100, move |i| handler2(&end, i));
    until("all handlers have run", || junk.calls_of_handler2() == 100);
    let (replies, took) = timed(shut_down, net, calls);
    if !replies.contains(&None) {
        return Err("no reply was held back for long enough".to_string());
    }
    check_time("'lost' for held-back replies", took, AT_ONCE)
}

/// Calls that find the network closed, on an end that was good and on one that never was.
fn afterwards(shut_down: ShutDown) -> Duration {
    let Lab { net, junk, end: good } = Lab::new();
    net.long_delays(true);
    let bad = net.make_end("connected to nothing");
    let _net = shut_down(net);
    let start = Instant::now();
    for i in 0..20 {
        assert_eq!((handler2(&good, i), handler2(&bad, i)), (None, None));
    }
    assert_eq!(junk.calls_of_handler2(), 0, "a request got through a closed network");
    start.elapsed()
}

pub fn test_cleanup_stops_requests_on_their_way() {
    begin("Test: requests that are on their way at cleanup do not arrive");
    let lab = Lab::new();
    let gate = Arc::new(Gate::default());
    let road_block = gate.clone();
    lab.net.observe(move |event| {
        if let Step::Sent { .. } = event.step {
            road_block.pass();
        }
    });
    let client = lab.end.clone();
    let call = thread::spawn("caller", move || handler2(&client, 7));
    gate.wait_for_arrivals(1);
    lab.net.cleanup();
    gate.open();
    assert_eq!(call.join(), None);
    assert_eq!(lab.junk.calls_of_handler2(), 0, "a request got through a closed network");
    end();
}

/// Part of a server. It says good-bye with a call when it is dropped: what a server owns may use
/// the network then, which it could not while the network holds its own lock.
struct Polite {
    client: ClientEnd,
    /// Tells whether it is still there.
    _token: Arc<()>,
}

impl Drop for Polite {
    fn drop(&mut self) {
        handler2(&self.client, 0);
    }
}

/// A server with a method "Polite.Wait", which waits at `gate`; with it, `polite` is dropped.
fn polite_server(polite: Polite, gate: Arc<Gate>) -> Server {
    let mut server = Server::new();
    server.add_service(Service::new("Polite").method("Wait", move |(): ()| {
        let _owned = &polite;
        gate.pass();
    }));
    server
}

/// The one who drops a server is whoever used it last: `delete_server`, a handler, or a caller
/// whose reply was held back.
pub fn test_deleted_servers_are_dropped() {
    begin("Test: a deleted server is dropped, and may use the network then");
    // Which of 30 callers and their handlers is the last, is open: so that is tried three times.
    for (calls, hold_back) in [(0, false), (1, false), (30, true), (30, true), (30, true)] {
        let lab = Lab::new();
        let (token, gate) = (Arc::new(()), Arc::new(Gate::default()));
        let polite = Polite { client: lab.end.clone(), _token: token.clone() };
        lab.net.add_server("polite", polite_server(polite, gate.clone()));
        let client = make_end(&lab.net, "end to polite");
        lab.net.connect("end to polite", "polite");
        if hold_back {
            lab.net.long_reordering(true);
            gate.open();
        }
        let callers = start(calls, move |_| client.call::<(), ()>("Polite.Wait", &()));
        gate.wait_for_arrivals(calls);
        lab.net.long_reordering(false);
        if hold_back {
            until("one reply is back", || callers.iter().any(JoinHandle::is_finished));
        }

        lab.net.delete_server("polite");
        join(callers);
        gate.open();
        until("the server is dropped", || Arc::strong_count(&token) == 1);
        assert_eq!(lab.junk.calls_of_handler2(), 1, "calls when the server was dropped");
    }
    end();
}

pub fn test_cleanup_drops_servers_and_observer() {
    begin("Test: cleanup drops all servers and the observer");
    let lab = Lab::new();
    let token = Arc::new(());
    // The network owns the server, which owns an end, which belongs to the network: a circle.
    let polite = Polite { client: lab.end.clone(), _token: token.clone() };
    lab.net.add_server("polite", polite_server(polite, Arc::new(Gate::default())));
    observe_with(&lab, &token);
    assert_eq!(Arc::strong_count(&token), 3);

    // does a new observer replace the old one, which may use the network then?
    observe_with(&lab, &token);
    assert_eq!(Arc::strong_count(&token), 3, "the first observer is still there");
    assert_eq!(lab.junk.calls_of_handler2(), 1);

    lab.net.cleanup();
    assert_eq!(Arc::strong_count(&token), 1, "the server or the observer is still there");
    assert_eq!(lab.junk.calls_of_handler2(), 1, "a call got through a closed network");
    end();
}

/// An observer that owns something.
fn observe_with(lab: &Lab, token: &Arc<()>) {
    let polite = Polite { client: lab.end.clone(), _token: token.clone() };
    lab.net.observe(move |_| {
        let _owned = &polite;
    });
}
