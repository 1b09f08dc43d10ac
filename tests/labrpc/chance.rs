//! Delays, drops and reordering as random numbers.
//!
//! Two kinds of bounds: on counts, such as the requests that were dropped, which no host can
//! disturb; and on times, which a busy host makes longer. A time that must not be too short is
//! therefore checked at once, one that must not be too long as [`exact_if_simulated`]. The bounds
//! on counts come from Chernoff's inequality, with a probability of less than 10^-9 each to be
//! missed by a correct network.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labgob;
use raftlab::labrpc::{ClientEnd, Network, Server, Service, Step};
use raftlab::labsync::{Instant, Mutex, thread};
use raftlab::runner::LabTest;

use super::junk::{END, Lab, SERVER, handler2, make_end};
use super::kit::{begin, check_between, end, exact_if_simulated, join, start, until};

pub const TESTS: &[LabTest] = lab_tests![
    test_unreliable_drops,
    test_unreliable_delays,
    test_long_reordering,
    test_unreachable,
    test_unreachable_with_long_delays,
];

/// One request in ten is dropped, and one reply in ten of those that remain.
pub fn test_unreliable_drops() {
    begin("Test: an unreliable network drops requests and replies");
    let (callers, rpcs) = (100, 30);
    let Lab { net, junk, end: client } = Lab::new();
    net.reliable(false);
    let replies: usize = join(start(callers, move |i| {
        (0..rpcs).filter(|j| handler2(&client, i * rpcs + j).is_some()).count()
    }))
    .iter()
    .sum();

    let sent = net.get_total_count();
    let arrived = net.get_count(SERVER);
    assert_eq!(sent, callers * rpcs);
    assert_eq!(junk.calls_of_handler2(), arrived, "a request was dispatched, but not handled");
    // 3000 requests: 300 are dropped, give or take 16; and 270 of 2700 replies.
    check_between("requests dropped", sent - arrived, 190, 425);
    check_between("replies dropped", arrived - replies, 165, 390);
    end();
}

/// When each request was sent and when its handler ran; requests are numbers from 0.
#[derive(Default)]
struct Log {
    sent: Mutex<Vec<(usize, Instant)>>,
    arrived: Mutex<Vec<(usize, Instant)>>,
}

impl Log {
    /// A network that fills the log, and an end on which "Log.Arrive" can be called.
    fn network(self: &Arc<Log>) -> (Network, ClientEnd) {
        let net = Network::new();
        let log = self.clone();
        let arrive = move |i: usize| log.arrived.lock().push((i, Instant::now()));
        let mut server = Server::new();
        server.add_service(Service::new("Log").method("Arrive", arrive));
        net.add_server(SERVER, server);
        let log = self.clone();
        net.observe(move |event| {
            let Step::Sent { args } = event.step else { return };
            let i = labgob::from_bytes(args).expect("the arguments are a number");
            log.sent.lock().push((i, Instant::now()));
        });
        let end = make_end(&net, END);
        (net, end)
    }

    /// From sending to handling, for all requests that arrived.
    fn delays(&self) -> Vec<Duration> {
        let mut sent = self.sent.lock().clone();
        sent.sort_unstable();
        let arrived = self.arrived.lock();
        arrived.iter().map(|&(i, at)| at - sent[i].1).collect()
    }
}

/// How many of `times` are shorter than so many milliseconds.
fn count_below(times: &[Duration], ms: u64) -> usize {
    times.iter().filter(|time| **time < Duration::from_millis(ms)).count()
}

/// Requests take 0 to 26 ms, all equally likely.
pub fn test_unreliable_delays() {
    begin("Test: an unreliable network delays requests by up to 26 ms");
    exact_if_simulated(|| {
        let (callers, rpcs) = (20, 30);
        let log = Arc::new(Log::default());
        let (net, client) = log.network();
        net.reliable(false);
        let mut late =
            join(start(callers, move |i| call_and_nap(&client, i * rpcs, rpcs))).concat();
        let delays = log.delays();
        let n = delays.len();
        check_between("requests that arrived", n, 450, 600);
        // 13 of the 27 delays are below 13 ms.
        let short = count_below(&delays, 13);
        assert!(short < n * 5 / 8, "{short} of {n} requests took less than 13 ms");

        // 21 of the 27 are below 21 ms. A request waits for two threads to wake up, the caller's
        // and the handler's: nine in ten naps were that late, or less.
        late.sort_unstable();
        let slack = 2 * late[late.len() * 9 / 10].as_millis() as u64;
        let (short, long) = (13 + slack, 29 + slack);
        let (in_short, in_long) = (count_below(&delays, short), count_below(&delays, long));
        if in_short > n / 4 && in_long > n * 3 / 4 {
            return Ok(());
        }
        Err(format!("of {n} requests {in_short} took less than {short} ms, {in_long} {long} ms"))
    });
    end();
}

/// Makes calls, with short naps between them; how much longer than asked for each nap was.
fn call_and_nap(client: &ClientEnd, first: usize, count: usize) -> Vec<Duration> {
    const NAP: Duration = Duration::from_millis(10);
    let nap = |i| {
        let _: Option<()> = client.call("Log.Arrive", &i);
        let start = Instant::now();
        thread::sleep(NAP);
        start.elapsed() - NAP
    };
    (first..first + count).map(nap).collect()
}

/// Two replies in three are held back by 200 ms and up to 2000 more, short ones likelier.
pub fn test_long_reordering() {
    begin("Test: long reordering holds back two replies in three");
    exact_if_simulated(|| {
        let count = 600;
        let log = Arc::new(Log::default());
        let (net, client) = log.network();
        net.long_reordering(true);
        let mut back = join(start(count, move |i| {
            let reply: Option<()> = client.call("Log.Arrive", &i);
            assert_eq!(reply, Some(()), "a reply that is held back is not lost");
            (i, Instant::now())
        }));
        assert_eq!(net.get_count(SERVER), count);
        let mut arrived = log.arrived.lock().clone();
        arrived.sort_unstable();
        back.sort_unstable();
        let held: Vec<_> =
            back.iter().zip(&arrived).map(|(back, there)| back.1 - there.1).collect();

        // 200 are not held back, give or take 12.
        let not_held = count_below(&held, 200);
        assert!(not_held < 280, "{not_held} of {count} replies took less than 200 ms");
        // Of the other 400, 61 take 1200 ms or more.
        let long = count - count_below(&held, 1200);
        assert!(long > 15, "only {long} of {count} replies took more than 1200 ms");
        let (soon, at_most) = (count_below(&held, 100), count_below(&held, 2300));
        if soon > 125 && not_held - soon < 6 && at_most == count && long < 130 {
            return Ok(());
        }
        Err(format!(
            "of {count} replies {soon} took less than 100 ms, {not_held} less than 200 ms, \
             {long} at least 1200 ms, {} at least 2300 ms",
            count - at_most
        ))
    });
    end();
}

/// The three ways of not being reachable: disabled, not connected, no server.
fn unreachable_ends(net: &Network) -> [ClientEnd; 3] {
    let disabled = make_end(net, "disabled");
    net.enable("disabled", false);
    let nowhere = net.make_end("connected to nothing");
    net.enable(nowhere.name(), true);
    let no_server = net.make_end("connected to a server that is not there");
    net.connect(no_server.name(), "server100");
    net.enable(no_server.name(), true);
    [disabled, nowhere, no_server]
}

/// Makes `count` calls, on each of the ends in turn; how long each took to be lost.
fn start_lost_calls(ends: [ClientEnd; 3], count: usize) -> Vec<thread::JoinHandle<Duration>> {
    start(count, move |i| {
        let start = Instant::now();
        assert_eq!(handler2(&ends[i % 3], i), None, "{} got through", ends[i % 3].name());
        start.elapsed()
    })
}

/// 'Lost' is heard after 0 to 99 ms.
pub fn test_unreachable() {
    begin("Test: calls to where nobody can be reached are lost within 100 ms");
    exact_if_simulated(|| {
        let count = 90;
        let Lab { net, junk, .. } = Lab::new();
        let times = join(start_lost_calls(unreachable_ends(&net), count));
        assert_eq!(junk.calls_of_handler2(), 0);
        // 45 are below 50 ms, give or take 5.
        let short = count_below(&times, 50);
        assert!(short < 75, "{short} of {count} calls were lost in less than 50 ms");
        // 50 ms are for the threads to wake up. Of longer delays, one in 90 would show.
        if count_below(&times, 150) == count && short > 15 {
            return Ok(());
        }
        Err(format!(
            "{short} of {count} calls took less than 50 ms, the longest {:?}",
            times.iter().max()
        ))
    });
    end();
}

/// The same after 0 to 6999 ms: looked at for the first second.
pub fn test_unreachable_with_long_delays() {
    begin("Test: with long delays, such calls are lost within 7 s");
    exact_if_simulated(|| {
        let count = 300;
        let Lab { net, junk, .. } = Lab::new();
        net.long_delays(true);
        let calls = start_lost_calls(unreachable_ends(&net), count);
        until("all calls are under way", || net.get_total_count() == count);
        thread::sleep(Duration::from_millis(1000));
        net.cleanup();
        let times = join(calls);
        assert_eq!(junk.calls_of_handler2(), 0);
        // One in 70 takes at most 100 ms, so 4 of them ...
        let short = count_below(&times, 101);
        assert!(short < 30, "{short} of {count} calls were lost within 100 ms");
        // ... and one in 7 at most a second, so 43.
        let within = count_below(&times, 1000);
        assert!(within < 90, "{within} of {count} calls were lost within a second");
        if within > 12 {
            return Ok(());
        }
        Err(format!("only {within} of {count} calls were lost within a second, {short} in 100 ms"))
    });
    end();
}
