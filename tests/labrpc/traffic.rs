//! What the network counts, what an observer sees, what a message is, and who may answer it.

use std::sync::Arc;

use raftlab::lab_tests;
use raftlab::labgob;
use raftlab::labrpc::{Network, Server, Service, Step};
use raftlab::labsync::{Mutex, thread};
use raftlab::runner::LabTest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::junk::{END, Junk, Lab, SERVER, handler2, handler3, make_end};
use super::kit::{Gate, begin, end, join, start};

pub const TESTS: &[LabTest] = lab_tests![
    test_counts_of_lost_calls,
    test_counts_of_lost_replies,
    test_observer_sees_each_step,
    test_values_are_copied,
    test_scripted_peers,
    test_servers_with_several_services,
    test_connections_can_be_changed,
];

fn size_of_args(args: i64) -> u64 {
    labgob::to_bytes(&args).len() as u64
}

fn size_of_reply(reply: &str) -> u64 {
    labgob::to_bytes(reply).len() as u64
}

pub fn test_counts_of_lost_calls() {
    begin("Test: calls to nobody are counted as sent, not as dispatched");
    let lab = Lab::new();
    lab.net.enable(END, false);
    let client = lab.end.clone();
    assert_eq!(join(start(20, move |_| handler2(&client, 9))), vec![None; 20]);
    assert_eq!(lab.net.get_total_count(), 20);
    assert_eq!(lab.net.get_count(SERVER), 0);
    assert_eq!(lab.net.get_total_bytes(), 20 * size_of_args(9));

    lab.net.enable(END, true);
    let reply = handler2(&lab.end, 9).expect("the end is enabled");
    assert_eq!(lab.net.get_total_count(), 21);
    assert_eq!(lab.net.get_count(SERVER), 1);
    assert_eq!(lab.net.get_total_bytes(), 21 * size_of_args(9) + size_of_reply(&reply));
    end();
}

pub fn test_counts_of_lost_replies() {
    begin("Test: bytes of replies count if they are delivered");
    let Lab { net, junk, end: client } = Lab::new();
    let (stuck, cut_off) = (client.clone(), make_end(&net, "end2-99"));
    let call = thread::spawn("caller", move || handler3(&stuck, 5));
    let lost_call = thread::spawn("caller cut off", move || handler3(&cut_off, 6));
    junk.gate.wait_for_arrivals(2);
    net.enable("end2-99", false);
    assert_eq!(lost_call.join(), None);
    assert_eq!(net.get_count(SERVER), 2, "requests dispatched, the handlers are still running");
    let args = size_of_args(5) + size_of_args(6);
    assert_eq!(net.get_total_bytes(), args, "no reply has been delivered");

    junk.gate.open();
    assert_eq!(call.join(), Some(-5));
    assert_eq!(net.get_total_bytes(), args + size_of_args(-5), "one reply has been delivered");

    // and on an unreliable network, where each call may have lost either half?
    net.reliable(false);
    let before = net.get_total_bytes();
    let replies = join(start(200, move |_| handler2(&client, 9)));
    let delivered: u64 = replies.iter().flatten().map(|reply| size_of_reply(reply)).sum();
    assert_eq!(net.get_total_bytes() - before, 200 * size_of_args(9) + delivered);
    assert_eq!(net.get_total_count(), 202);
    assert_eq!(net.get_count(SERVER), 2 + junk.calls_of_handler2());
    end();
}

/// What an observer saw: the thread it was in, the end, what happened.
type Seen = (String, String, String);

pub fn test_observer_sees_each_step() {
    begin("Test: the observer sees each step of each call, in the thread that takes it");
    let Lab { net, junk, end: client } = Lab::new();
    let seen = Arc::new(Mutex::new(Vec::<Seen>::new()));
    let (notes, at_server) = (seen.clone(), junk.clone());
    net.observe(move |event| {
        let handled = at_server.calls_of_handler2();
        let number = |bytes| labgob::from_bytes::<i64>(bytes).expect("all arguments are i64");
        let text = |bytes| labgob::from_bytes::<String>(bytes).expect("all replies are texts");
        let what = match event.step {
            Step::Sent { args } => format!("{} sent {}", event.method, number(args)),
            Step::Delivered { server, args } => format!("at {server}: {}", number(args)),
            Step::Answered { server, reply } => format!("{server} answers {}", text(reply)),
            Step::Received { reply } => format!("received {}", text(reply)),
            Step::Lost { why } => format!("lost: {why:?}"),
        };
        let before = matches!(event.step, Step::Sent { .. } | Step::Delivered { .. });
        assert!(!before || handled == 0, "the handler was first: {what}");
        notes.lock().push((thread::current_name(), event.end.to_string(), what));
    });
    let nowhere = net.make_end("connected to nothing");
    let lost = thread::spawn("lost caller", move || handler2(&nowhere, 3)).join();
    assert_eq!(lost, None);
    let replies = join(start(1, move |_| handler2(&client, 4)));
    assert_eq!(replies, [Some("handler2-4".to_string())]);

    let entry = |thread: &str, end: &str, what: &str| {
        (thread.to_string(), end.to_string(), what.to_string())
    };
    let handler = format!("JunkServer.Handler2 at {SERVER}");
    let expected = [
        entry("lost caller", "connected to nothing", "JunkServer.Handler2 sent 3"),
        entry("lost caller", "connected to nothing", "lost: Unreachable"),
        entry("caller 0", END, "JunkServer.Handler2 sent 4"),
        entry("caller 0", END, &format!("at {SERVER}: 4")),
        entry(&handler, END, &format!("{SERVER} answers handler2-4")),
        entry("caller 0", END, "received handler2-4"),
    ];
    assert_eq!(*seen.lock(), expected);
    end();
}

/// A value that others can change while it is sent.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u32>>>);

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.lock().clone().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::deserialize(deserializer)?;
        Ok(Shared(Arc::new(Mutex::new(values))))
    }
}

impl Shared {
    fn values(&self) -> Vec<u32> {
        self.0.lock().clone()
    }
}

/// Arguments are what they were when the call was made, and replies when the handler returned,
/// whatever is done to them later on either side.
pub fn test_values_are_copied() {
    begin("Test: values are copied, not shared");
    let net = Network::new();
    let kept = Shared::default();
    let servers = kept.clone();
    let mut server = Server::new();
    server.add_service(Service::new("Store").method("Put", move |args: Shared| {
        args.0.lock().push(3);
        *servers.0.lock() = args.values();
        servers.clone()
    }));
    net.add_server(SERVER, server);
    let client = make_end(&net, END);
    let args = Shared::default();
    *args.0.lock() = vec![1, 2];
    // The observer runs when the request is on its way, so that this change comes too late.
    let too_late = args.clone();
    net.observe(move |event| {
        if let Step::Sent { .. } = event.step {
            too_late.0.lock().push(666);
        }
    });
    let reply: Shared = client.call("Store.Put", &args).expect("the network is reliable");

    assert_eq!(args.values(), [1, 2, 666], "the server changed the client's value");
    assert_eq!(kept.values(), [1, 2, 3], "the client changed the server's value");
    assert_eq!(reply.values(), [1, 2, 3]);
    reply.0.lock().clear();
    assert_eq!(kept.values(), [1, 2, 3], "the client changed the server's value");
    kept.0.lock().push(4);
    assert_eq!(reply.values(), [0; 0], "the server changed the client's value");
    end();
}

/// A test can play a peer: any closure is a method, with a state of its own; it may wait, be
/// called while it does, and call other servers.
pub fn test_scripted_peers() {
    begin("Test: closures as servers");
    let Lab { net, junk, end: client } = Lab::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let gate = Arc::new(Gate::default());
    let (notes, wait_here) = (asked.clone(), gate.clone());
    let peer = Service::new("Raft")
        .method("RequestVote", move |(term, candidate): (u64, usize)| {
            let mut asked = notes.lock();
            asked.push((term, candidate));
            (term, asked.len() == 1)
        })
        .method("AppendEntries", move |(): ()| wait_here.pass())
        .method("Forward", move |i: usize| handler2(&client, i));
    let mut server = Server::new();
    server.add_service(peer);
    net.add_server("peer", server);
    let end_to_peer = net.make_end("end to peer");
    net.connect("end to peer", "peer");
    net.enable("end to peer", true);

    let waiting = end_to_peer.clone();
    let waiting = thread::spawn("caller", move || waiting.call::<_, ()>("Raft.AppendEntries", &()));
    gate.wait_for_arrivals(1);
    let votes: Vec<Option<(u64, bool)>> =
        (0..2_usize).map(|i| end_to_peer.call("Raft.RequestVote", &(7_u64, i))).collect();
    assert_eq!(votes, [Some((7, true)), Some((7, false))]);
    assert_eq!(*asked.lock(), [(7, 0), (7, 1)]);
    let forwarded: Option<Option<String>> = end_to_peer.call("Raft.Forward", &5_usize);
    assert_eq!(forwarded, Some(Some("handler2-5".to_string())));
    assert_eq!(junk.calls_of_handler2(), 1);

    gate.open();
    assert_eq!(waiting.join(), Some(()));
    assert_eq!((net.get_count("peer"), net.get_count(SERVER)), (4, 1));
    end();
}

pub fn test_servers_with_several_services() {
    begin("Test: several services in a server, one service in several servers");
    let Lab { net, junk, end: client } = Lab::new();
    let shared = Arc::new(Junk::default());
    let mut server = shared.server();
    let double = |text: String| text.repeat(2);
    server.add_service(Service::new("Twice").method("Handler2", double));
    net.add_server("two services", server);
    let both = net.make_end("end to both");
    net.connect("end to both", "two services");
    net.enable("end to both", true);
    assert!(handler2(&both, 1).is_some());
    let reply: Option<String> = both.call("Twice.Handler2", &"ab");
    assert_eq!(reply.as_deref(), Some("abab"));
    assert_eq!(net.get_count("two services"), 2, "requests to both services");

    assert!(handler2(&client, 1).is_some());
    assert_eq!((junk.calls_of_handler2(), shared.calls_of_handler2()), (1, 1));
    end();
}

pub fn test_connections_can_be_changed() {
    begin("Test: an end can be connected before its server comes, and to another one");
    let Lab { net, junk, end: client } = Lab::new();
    net.connect(END, "newcomer");
    assert_eq!(handler2(&client, 1), None, "there is no such server yet");
    let newcomer = Arc::new(Junk::default());
    net.add_server("newcomer", newcomer.server());
    assert!(handler2(&client, 2).is_some(), "no reply although the server has come");
    assert_eq!((junk.calls_of_handler2(), newcomer.calls_of_handler2()), (0, 1));

    net.connect(END, SERVER);
    assert!(handler2(&client, 3).is_some(), "no reply after the connection was changed");
    assert_eq!((junk.calls_of_handler2(), newcomer.calls_of_handler2()), (1, 1));

    // is to delete a server that is not there no more than that?
    net.delete_server("nobody");
    assert_eq!(client.clone().name(), END);
    end();
}
