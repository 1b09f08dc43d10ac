//! What the tests ask the servers to agree on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::labsync::rng;

/// A command of the tests' service: a number or a text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// A number.
    Int(u64),
    /// A text.
    Text(String),
}

impl Command {
    /// A command that no other is likely to equal.
    #[must_use]
    pub fn random() -> Command {
        Command::Int(rng::random())
    }
}

/// `length` random characters from a set of 64.
#[must_use]
pub fn random_string(length: usize) -> String {
    const CHARACTERS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..length).map(|_| char::from(CHARACTERS[rng::random_range(0..64)])).collect()
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        match self {
            Command::Int(number) => write!(f, "{number}"),
            Command::Text(text) if text.chars().count() <= SHOWN => write!(f, "{text:?}"),
            Command::Text(text) => {
                let start: String = text.chars().take(SHOWN).collect();
                write!(f, "{start:?}... ({} bytes)", text.len())
            }
        }
    }
}

impl From<u64> for Command {
    fn from(number: u64) -> Command {
        Command::Int(number)
    }
}

impl From<usize> for Command {
    fn from(number: usize) -> Command {
        Command::Int(number as u64)
    }
}

impl From<i32> for Command {
    /// # Panics
    /// If the number is negative.
    fn from(number: i32) -> Command {
        Command::Int(number.try_into().expect("commands of the tests are not negative"))
    }
}

impl From<&str> for Command {
    fn from(text: &str) -> Command {
        Command::Text(text.to_string())
    }
}

impl From<String> for Command {
    fn from(text: String) -> Command {
        Command::Text(text)
    }
}
