//! What a test prints: shown or kept, but never without end. And what the runner prints itself.

use std::collections::VecDeque;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::suite::FAILED;

/// How much of the beginning is kept, and how much of the end.
const HEAD: usize = 1 << 20;
const TAIL: usize = 1 << 20;
/// How much of the beginning is shown of a test that prints as it goes, or is compared.
const LONG_HEAD: usize = 64 << 20;

/// Prints for the user. If nobody reads any more, the runner ends, without a word; the processes
/// that it has started end with it.
pub(super) fn print(text: impl AsRef<[u8]>) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        if error.kind() != ErrorKind::BrokenPipe {
            let _ = writeln!(std::io::stderr(), "cannot write to standard output: {error}");
        }
        std::process::exit(i32::from(FAILED));
    }
}

/// How many lines of progress stand on the terminal above the line of the cursor.
static LINES_ABOVE: AtomicUsize = AtomicUsize::new(0);

/// Shows how far the runner is: a table and a line on a terminal, which the next ones replace;
/// elsewhere the line.
pub(super) fn show_progress((table, mut line): (String, String)) {
    let mut err = std::io::stderr().lock();
    // Progress that nobody can see is no reason to fail.
    let _ = if err.is_terminal() {
        line.truncate(79); // names are ASCII; a longer line would wrap and not be replaced
        let above = LINES_ABOVE.swap(table.lines().count(), Ordering::Relaxed);
        write!(err, "{}{table}{line}\r", back_over(above))
    } else {
        writeln!(err, "{line}")
    };
}

/// Makes room for lines that stay, where progress is shown.
pub(super) fn clear_progress() {
    if std::io::stderr().is_terminal() {
        let above = LINES_ABOVE.swap(0, Ordering::Relaxed);
        let _ = write!(std::io::stderr(), "{}", back_over(above));
    }
}

/// What takes the cursor to the first line of progress, and clears all from there on.
fn back_over(lines_above: usize) -> String {
    let up = if lines_above > 0 { format!("\x1b[{lines_above}A") } else { String::new() };
    format!("\r{up}\x1b[J")
}

/// What to do with what a test prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sink {
    /// Keep it until the run is over.
    Keep,
    /// The same, for somebody who wants more of it.
    KeepMuch,
    /// Show it as it comes.
    Show,
}

/// What one run has printed.
pub(super) struct Output {
    sink: Sink,
    head: Vec<u8>,
    /// How much of the head there was, shown or kept.
    in_head: usize,
    tail: VecDeque<u8>,
    cut: u64,
    hash: u64,
}

impl Output {
    pub fn new(sink: Sink) -> Output {
        // FNV-1a, 64 bits.
        let hash = 0xcbf2_9ce4_8422_2325;
        Output { sink, head: Vec::new(), in_head: 0, tail: VecDeque::new(), cut: 0, hash }
    }

    /// Takes what has come.
    pub fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let head = if self.sink == Sink::Keep { HEAD } else { LONG_HEAD };
        let (first, rest) = bytes.split_at(bytes.len().min(head - self.in_head));
        self.in_head += first.len();
        match self.sink {
            Sink::Show => print(first),
            Sink::Keep | Sink::KeepMuch => self.head.extend_from_slice(first),
        }
        self.tail.extend(rest);
        let too_much = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..too_much);
        self.cut += too_much as u64;
    }

    /// A hash of all that has come.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// What has not been shown yet.
    pub fn finish(mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.head);
        if self.cut > 0 {
            let note = format!("\n[... {} bytes of the test's output are cut ...]\n", self.cut);
            all.extend_from_slice(note.as_bytes());
        }
        all.extend(self.tail);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_endless_output_head_and_tail_are_kept() {
        let mut output = Output::new(Sink::Keep);
        output.take(b"first");
        for _ in 0..100 {
            output.take(&vec![b'x'; 100_000]);
            assert!(output.head.len() + output.tail.len() <= HEAD + TAIL);
        }
        output.take(b"last");
        let cut = 100 * 100_000 + 9 - HEAD - TAIL;
        let text = String::from_utf8(output.finish()).unwrap();
        assert!(text.starts_with("firstx") && text.ends_with("xlast"));
        assert!(text.contains(&format!("[... {cut} bytes of the test's output are cut ...]")));
    }

    #[test]
    fn what_fits_stays_as_it_was() {
        let mut output = Output::new(Sink::Keep);
        output.take(b"a\xff");
        output.take(&vec![b'x'; HEAD + 10]);
        let mut whole = b"a\xff".to_vec();
        whole.extend(vec![b'x'; HEAD + 10]);
        assert_eq!(output.finish(), whole);
    }
}
