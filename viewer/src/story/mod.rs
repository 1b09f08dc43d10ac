//! What a trace tells: the state of each server at each event, the event in words, the verdict,
//! and what could have led to an event.

mod causes;
mod changes;
mod part;
mod teller;
mod verdict;
mod words;
mod world;

pub use causes::past_of;
pub use part::{Arrow, Part, Tone, Topic};
pub use teller::{Told, server_of_thread, tell, thread_of};
pub use verdict::Verdict;
pub use words::{entry_list, short};
pub use world::{Server, Status, World};
