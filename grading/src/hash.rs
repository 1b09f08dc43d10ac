//! Hashes: of what is graded, by what, and of answers that must not be read.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Of these texts, in hexadecimal; each counts with its length, so that no two lists are one.
pub fn of<T: AsRef<[u8]> + ?Sized>(texts: &[&T]) -> String {
    let mut text = String::new();
    digest(texts).iter().for_each(|byte| write!(text, "{byte:02x}").expect("memory takes it"));
    text
}

/// The same as a number.
pub fn number(texts: &[&str]) -> u64 {
    let digest = digest(texts);
    let bytes = digest.first_chunk().expect("a digest has 32 bytes");
    u64::from_le_bytes(*bytes)
}

fn digest<T: AsRef<[u8]> + ?Sized>(texts: &[&T]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for text in texts {
        let bytes = text.as_ref();
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize().to_vec()
}
