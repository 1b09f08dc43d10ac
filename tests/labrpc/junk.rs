//! The lab's JunkServer, and a network with one of it.

use std::sync::Arc;

use raftlab::labrpc::{ClientEnd, Network, Server, Service};
use raftlab::labsync::Mutex;
use serde::{Deserialize, Serialize};

use super::kit::Gate;

/// Where the server of a [`Lab`] is.
pub const SERVER: &str = "server99";
/// The name of the end of a [`Lab`].
pub const END: &str = "end1-99";

#[derive(Default, Serialize, Deserialize)]
pub struct JunkArgs {
    pub x: i64,
}

#[derive(Serialize, Deserialize)]
pub struct JunkReply {
    pub x: String,
}

/// Handlers that do nothing useful.
#[derive(Default)]
pub struct Junk {
    log1: Mutex<Vec<String>>,
    log2: Mutex<Vec<i64>>,
    /// Where Handler3 waits. (In Go it sleeps for 20 s, with its lock held, and the test leaves
    /// it behind; here a test must end all threads and no thread may wait with a lock.)
    pub gate: Gate,
}

impl Junk {
    /// How many calls Handler2 has had.
    pub fn calls_of_handler2(&self) -> usize {
        self.log2.lock().len()
    }

    /// A server with this as its only service.
    pub fn server(self: &Arc<Junk>) -> Server {
        let mut server = Server::new();
        server.add_service(self.service());
        server
    }

    /// "JunkServer", with Handler1 to Handler7.
    pub fn service(self: &Arc<Junk>) -> Service {
        let (junk1, junk2, junk3) = (self.clone(), self.clone(), self.clone());
        Service::new("JunkServer")
            .method("Handler1", move |args| junk1.handler1(args))
            .method("Handler2", move |args| junk2.handler2(args))
            .method("Handler3", move |args| junk3.handler3(args))
            .method("Handler4", |_: JunkArgs| JunkReply { x: "pointer".to_string() })
            .method("Handler5", |_: JunkArgs| JunkReply { x: "no pointer".to_string() })
            .method("Handler6", |args: String| args.len() as i64)
            .method("Handler7", |args: i64| "y".repeat(args as usize))
    }

    fn handler1(&self, args: String) -> i64 {
        let reply = args.parse().unwrap_or(0);
        self.log1.lock().push(args);
        reply
    }

    fn handler2(&self, args: i64) -> String {
        self.log2.lock().push(args);
        format!("handler2-{args}")
    }

    fn handler3(&self, args: i64) -> i64 {
        self.gate.pass();
        -args
    }
}

/// Handler1: a number as text to the number.
pub fn handler1(end: &ClientEnd, args: &str) -> Option<i64> {
    end.call("JunkServer.Handler1", &args)
}

/// Handler2: 5 to "handler2-5". Any other reply is a failure.
pub fn handler2(end: &ClientEnd, args: usize) -> Option<String> {
    let reply: Option<String> = end.call("JunkServer.Handler2", &(args as i64));
    if let Some(reply) = &reply {
        assert_eq!(*reply, format!("handler2-{args}"), "wrong reply from Handler2");
    }
    reply
}

/// Handler3: waits at the server's gate, then negates.
pub fn handler3(end: &ClientEnd, args: usize) -> Option<i64> {
    end.call("JunkServer.Handler3", &(args as i64))
}

/// A network, reliable at first, with a JunkServer and an end that is connected to it and enabled.
pub struct Lab {
    pub net: Network,
    pub junk: Arc<Junk>,
    pub end: ClientEnd,
}

impl Lab {
    pub fn new() -> Lab {
        let net = Network::new();
        let junk = Arc::new(Junk::default());
        net.add_server(SERVER, junk.server());
        let end = make_end(&net, END);
        Lab { net, junk, end }
    }

    /// Takes the server away and puts a new one in its place; the new one.
    pub fn replace_server(&self) -> Arc<Junk> {
        self.net.delete_server(SERVER);
        let new = Arc::new(Junk::default());
        self.net.add_server(SERVER, new.server());
        new
    }
}

/// A new end, connected to [`SERVER`] and enabled.
pub fn make_end(net: &Network, name: &str) -> ClientEnd {
    let end = net.make_end(name);
    net.connect(name, SERVER);
    net.enable(name, true);
    end
}
