//! A cluster that is seen from outside only, step by step.

use super::*;
use crate::raft::rpc::AppendEntriesArgs;

/// A cluster of servers that show nothing. Each is in its first instance, unless it was restarted.
pub(super) struct Net {
    pub book: Book,
    writes: Vec<u64>,
    instances: Vec<usize>,
    calls: Vec<(ServerId, ServerId, &'static str)>,
}

pub(super) const VOTE: &str = "Raft.RequestVote";
pub(super) const APPEND: &str = "Raft.AppendEntries";

impl Net {
    pub fn of(servers: usize) -> Net {
        let mut book = Book::new(servers);
        (0..servers).for_each(|server| book.started(server, 1));
        let (writes, instances) = (vec![0; servers], vec![1; servers]);
        Net { book, writes, instances, calls: Vec::new() }
    }

    pub fn step(&mut self, call: usize, step: Step<'_>) -> Check {
        let (from, to, method) = self.calls[call];
        self.book.step += 1;
        let event = CallEvent { call: call as u64, end: "", method, step };
        self.book.saw_call((from, self.instances[from]), to, &event, Message::sent(&event))
    }

    pub fn send(
        &mut self,
        from: ServerId,
        to: ServerId,
        method: &'static str,
        args: &[u8],
    ) -> Check {
        self.calls.push((from, to, method));
        self.step(self.calls.len() - 1, Step::Sent { args })
    }

    pub fn save(&mut self, server: ServerId) {
        self.writes[server] += 1;
        self.book.saved(server, self.instances[server], self.writes[server]);
    }

    /// A request that reaches its server, which saves and answers so; the reply arrives.
    pub fn ask(
        &mut self,
        from: ServerId,
        to: ServerId,
        method: &'static str,
        said: &Said,
    ) -> Check {
        self.ask_and(from, to, method, said, true)
    }

    pub fn ask_and(
        &mut self,
        from: ServerId,
        to: ServerId,
        method: &'static str,
        said: &Said,
        saves: bool,
    ) -> Check {
        self.send(from, to, method, &said.args)?;
        let call = self.calls.len() - 1;
        self.step(call, Step::Delivered { server: "", args: &said.args })?;
        if saves {
            self.save(to);
        }
        let reply = said.reply.as_deref().expect("an answer");
        self.step(call, Step::Answered { server: "", reply })?;
        self.step(call, Step::Received { reply })
    }

    /// Server 0 is elected by server 1.
    pub fn elect(&mut self, term: Term) {
        let won = self.ask(0, 1, VOTE, &vote(term, 0, Some((term, true))));
        assert!(won.is_ok(), "{won:?}");
    }

    pub fn restart(&mut self, server: ServerId) {
        self.book.crashed(server);
        self.instances[server] += 1;
        self.book.started(server, self.instances[server]);
    }
}

/// A vote is asked for by a server with such a log.
pub(super) fn vote_of(
    term: Term,
    from: ServerId,
    last: (Index, Term),
    reply: Option<(Term, bool)>,
) -> Said {
    let (last_log_index, last_log_term) = last;
    let args = RequestVoteArgs { term, candidate_id: from, last_log_index, last_log_term };
    Said { args: labgob::to_bytes(&args), ..vote(term, from, reply) }
}

pub(super) fn prev(index: Index, at: Term, said: &Said) -> Said {
    let args: AppendEntriesArgs = labgob::from_bytes(&said.args).expect("an AppendEntries");
    let args = AppendEntriesArgs { prev_log_index: index, prev_log_term: at, ..args };
    Said { args: labgob::to_bytes(&args), reply: said.reply.clone() }
}

pub(super) const YES: Option<(Term, bool)> = Some((1, true));
