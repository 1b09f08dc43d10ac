//! [`Server`] and [`Service`]: what is called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::Answer;

/// Decodes the arguments, calls the method, encodes the reply.
pub(super) type Handler = Arc<dyn Fn(&[u8]) -> Answer + Send + Sync>;

/// A named set of methods, each taking one argument and returning one reply: "Raft" with
/// "RequestVote" and so on. Any closure can be a method, so that a test can play a server.
pub struct Service {
    name: String,
    methods: BTreeMap<String, Handler>,
}

impl Service {
    /// A service without methods.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Service {
        Service { name: name.into(), methods: BTreeMap::new() }
    }

    /// Adds a method. Calls may come from many threads at a time.
    ///
    /// # Panics
    /// If the service has a method of that name.
    #[must_use]
    #[track_caller]
    pub fn method<A, R>(
        mut self,
        name: impl Into<String>,
        body: impl Fn(A) -> R + Send + Sync + 'static,
    ) -> Service
    where
        A: DeserializeOwned,
        R: Serialize,
    {
        let name = name.into();
        let handler = move |args: &[u8]| match labgob::from_bytes::<A>(args) {
            Ok(args) => Ok(labgob::to_bytes(&body(args))),
            Err(error) => Err(error.to_string()),
        };
        assert!(
            !self.methods.contains_key(&name),
            "service {} has a method {name} already",
            self.name
        );
        self.methods.insert(name, Arc::new(handler));
        self
    }
}

/// What stands behind a name in the network: one or more services, and a count of requests.
#[derive(Default)]
pub struct Server {
    services: BTreeMap<String, Service>,
    count: AtomicUsize,
}

impl Server {
    /// A server without services.
    #[must_use]
    pub fn new() -> Server {
        Server::default()
    }

    /// Adds a service.
    ///
    /// # Panics
    /// If the server has a service of that name.
    #[track_caller]
    pub fn add_service(&mut self, service: Service) {
        assert!(
            !self.services.contains_key(&service.name),
            "the server has a service {} already",
            service.name
        );
        self.services.insert(service.name.clone(), service);
    }

    /// The number of requests dispatched to this server.
    #[must_use]
    pub fn get_count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn count_request(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The handler of "Service.Method", or what the server has instead.
    pub(super) fn handler(&self, full_name: &str) -> Result<Handler, String> {
        let Some((service_name, method_name)) = full_name.split_once('.') else {
            return Err(format!("bad method name {full_name:?}; write it as \"Service.Method\""));
        };
        let Some(service) = self.services.get(service_name) else {
            let names: Vec<_> = self.services.keys().map(String::as_str).collect();
            let known = names.join(", ");
            return Err(format!(
                "unknown service {service_name} in {full_name}; expecting one of: {known}"
            ));
        };
        service.methods.get(method_name).cloned().ok_or_else(|| {
            let names: Vec<_> =
                service.methods.keys().map(|name| format!("{service_name}.{name}")).collect();
            format!("unknown method {full_name}; expecting one of: {}", names.join(", "))
        })
    }
}
