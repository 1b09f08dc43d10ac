//! Mistakes in the use of the network: each is a panic in the thread that makes it, which says
//! what is wrong, at the line of the caller. Here they are made in runs of their own.

use std::any::type_name;
use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labrpc::{ClientEnd, Network, Server, Service};
use raftlab::labsync::{self, Failure, Mutex, RunOptions, rng, thread};
use raftlab::runner::LabTest;

use super::junk::{END, Lab, SERVER, handler2, make_end};
use super::kit::{Gate, begin, end, until};

pub const TESTS: &[LabTest] = lab_tests![
    test_names_must_be_new,
    test_names_must_be_known,
    test_methods_must_be_known,
    test_types_must_match,
    test_no_call_while_holding_a_lock,
    test_handler_panics,
];

/// The thread that makes the mistakes.
const MISUSER: &str = "misuser";

/// Runs a body that must fail.
fn failure_of(body: impl FnOnce() + Send + 'static) -> Failure {
    let limit = Duration::from_secs(10);
    let options = RunOptions { name: MISUSER.to_string(), seed: rng::random(), limit };
    labsync::run(options, body).expect_err("the mistake went unnoticed")
}

/// `body` panics with this message, in its own thread and at a line of this file.
fn check_panic(message: &str, body: impl FnOnce() + Send + 'static) {
    let failure = failure_of(body);
    assert_eq!(failure.message, message);
    assert_eq!(failure.thread, MISUSER, "the thread of: {message}");
    let at = failure.at.expect("a panic has a place");
    assert!(at.starts_with(file!()), "the place of '{message}' is {at}, expected {}", file!());
}

/// A network that a body may misuse, and that must work as before afterwards.
fn shared_lab() -> (Arc<Network>, ClientEnd) {
    let Lab { net, end, .. } = Lab::new();
    (Arc::new(net), end)
}

fn echo() -> Service {
    Service::new("Echo").method("Say", |text: String| text)
}

pub fn test_names_must_be_new() {
    begin("Test: names that are taken");
    let (net, client) = shared_lab();
    let shared = net.clone();
    check_panic("make_end: there is an end end1-99 already", move || {
        shared.make_end(END);
    });
    let shared = net.clone();
    check_panic(
        "add_server: there is a server server99 already; delete_server it first",
        move || shared.add_server(SERVER, Server::new()),
    );
    check_panic("the server has a service Echo already", || {
        let mut server = Server::new();
        server.add_service(echo());
        server.add_service(echo());
    });
    check_panic("service Echo has a method Say already", || {
        let _ = echo().method("Say", |number: i64| number);
    });
    assert!(handler2(&client, 1).is_some(), "the network is disturbed");
    assert_eq!(net.get_count(SERVER), 1);
    end();
}

pub fn test_names_must_be_known() {
    begin("Test: names that nobody has");
    let (net, client) = shared_lab();
    net.add_server("server98", Server::new());
    let shared = net.clone();
    check_panic("there is no end end2; make_end it first", move || shared.connect("end2", SERVER));
    let shared = net.clone();
    check_panic("there is no end end2; make_end it first", move || shared.enable("end2", true));
    let shared = net.clone();
    check_panic("get_count: no server server9; there are: server98, server99", move || {
        let _ = shared.get_count("server9");
    });
    assert!(handler2(&client, 1).is_some(), "the network is disturbed");
    end();
}

pub fn test_methods_must_be_known() {
    begin("Test: calls of methods that there are not");
    let net = Arc::new(Network::new());
    let mut server = Server::new();
    server.add_service(echo().method("Shout", |text: String| text.to_uppercase()));
    server.add_service(Service::new("Other"));
    net.add_server(SERVER, server);
    let client = make_end(&net, END);
    let mistakes = [
        ("Ech.Say", "unknown service Ech in Ech.Say; expecting one of: Echo, Other"),
        ("Echo.Sey", "unknown method Echo.Sey; expecting one of: Echo.Say, Echo.Shout"),
        ("Echo.Say.It", "unknown method Echo.Say.It; expecting one of: Echo.Say, Echo.Shout"),
        ("Say", "bad method name \"Say\"; write it as \"Service.Method\""),
    ];
    for (method, problem) in mistakes {
        let caller = client.clone();
        check_panic(&format!("call of {method} on end {END}: {problem}"), move || {
            let _: Option<String> = caller.call(method, &"hello");
        });
    }
    assert_eq!(net.get_count(SERVER), 0, "such calls are not dispatched");

    // a call that does not reach the server cannot be found out
    net.enable(END, false);
    assert_eq!(client.call::<_, String>("Ech.Sey", &1), None);
    end();
}

pub fn test_types_must_match() {
    begin("Test: arguments and replies of another type");
    let (net, client) = shared_lab();
    let string = type_name::<String>();
    let caller = client.clone();
    let wrong_args =
        format!("call of JunkServer.Handler2 on end {END}: expected i64, found {string} at byte 0");
    check_panic(&wrong_args, move || {
        let _: Option<String> = caller.call("JunkServer.Handler2", &"five".to_string());
    });
    let caller = client.clone();
    let wrong_reply = format!(
        "JunkServer.Handler2 does not reply with i64: expected i64, found {string} at byte 0"
    );
    check_panic(&wrong_reply, move || {
        let _: Option<i64> = caller.call("JunkServer.Handler2", &5_i64);
    });
    // not even a type that looks the same on the wire
    let caller = client.clone();
    let wrong_number =
        format!("call of JunkServer.Handler2 on end {END}: expected i64, found i32 at byte 0");
    check_panic(&wrong_number, move || {
        let _: Option<String> = caller.call("JunkServer.Handler2", &5_i32);
    });
    assert!(handler2(&client, 1).is_some(), "the network is disturbed");
    assert_eq!(net.get_count(SERVER), 4);
    end();
}

pub fn test_no_call_while_holding_a_lock() {
    begin("Test: a call while holding a lock");
    let (net, client) = shared_lab();
    let lock = Arc::new(Mutex::new(0));
    let (caller, locked) = (client.clone(), lock.clone());
    let failure = failure_of(move || {
        let mut number = locked.lock();
        let _: Option<String> = caller.call("JunkServer.Handler2", &5_i64);
        *number += 1;
    });
    let call_line = line!() - 3;
    let (call, lock_taken) = (place(call_line), place(call_line - 1));
    let expected = [
        format!("ClientEnd::call at {call}"),
        format!("waits while this thread holds the lock taken at {lock_taken}"),
    ];
    for part in &expected {
        assert!(failure.message.contains(part), "'{}' does not say '{part}'", failure.message);
    }
    assert_eq!(failure.thread, MISUSER);
    assert_eq!(net.get_total_count(), 0, "the call was made nevertheless");

    // is the call free to go when the lock is not held any more?
    *lock.lock() += 1;
    assert!(handler2(&client, 1).is_some());
    end();
}

/// A line of this file, as a message shows it; its column follows.
fn place(line: u32) -> String {
    format!("{}:{line}:", file!())
}

pub fn test_handler_panics() {
    begin("Test: a handler that panics fails the run and loses the call");
    let gate = Arc::new(Gate::default());
    let wait_here = gate.clone();
    let service = echo().method("Panic", move |text: String| -> String {
        wait_here.pass();
        panic!("no answer to {text}")
    });
    let mut server = Server::new();
    server.add_service(service);
    let net = Network::new();
    net.add_server(SERVER, server);
    let client = make_end(&net, END);

    // The handler goes on when the caller waits for it. That cannot be seen from outside, but
    // after a while it is surely so; if not, the caller is stopped like all threads of its run.
    let opener = thread::spawn("opener", move || {
        gate.wait_for_arrivals(1);
        thread::sleep(Duration::from_millis(100));
        gate.open();
    });
    let caller = client.clone();
    let reply = Arc::new(Mutex::new(None));
    let notes = reply.clone();
    let failure = failure_of(move || {
        let notes = notes; // dropped when the caller returns or is stopped
        let reply: Option<String> = caller.call("Echo.Panic", &"you");
        *notes.lock() = reply;
    });
    assert_eq!(failure.message, "no answer to you");
    assert_eq!(failure.thread, "Echo.Panic at server99", "the handler's thread");
    until("the caller is released", || Arc::strong_count(&reply) == 1);
    assert_eq!(*reply.lock(), None, "a reply of a handler that panicked");

    assert_eq!(client.call("Echo.Say", &"hello"), Some("hello".to_string()), "disturbed");
    opener.join();
    end();
}
