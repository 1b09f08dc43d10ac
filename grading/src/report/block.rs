//! A failure as the lab shows it: what BROKE, WHY, where it was NOTICED, and what to type NEXT.

use super::tame;

/// The columns that a label takes.
const LABEL: usize = 9;

/// The block of a failure. What led there is indented in its message, or says so; where it was
/// noticed stands at the end.
pub fn of(message: &str, next: &str) -> String {
    let message = tame(message);
    let mut lines: Vec<&str> = message.lines().collect();
    let is_place = |line: &&&str| {
        line.starts_with("in thread '") || line.starts_with("in the critical section that")
    };
    let places = lines.iter().rev().take_while(is_place).count();
    let noticed = lines.split_off(lines.len() - places);
    let is_why = |line: &&str| line.starts_with(' ') || line.starts_with("what led there");
    let first = lines.iter().position(is_why).filter(|&first| first > 0);
    let why = lines.split_off(first.unwrap_or(lines.len()));
    let parts = [("BROKE", lines), ("WHY", why), ("NOTICED", noticed), ("NEXT", vec![next])];
    parts.iter().map(|(label, lines)| labelled(label, lines)).collect()
}

fn labelled(label: &str, lines: &[&str]) -> String {
    let label = |place| if place == 0 { label } else { "" };
    let line = |(place, line): (usize, &&str)| format!("{:LABEL$}{line}\n", label(place));
    lines.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_where_and_what_next() {
        let message = "Election Safety is broken: one\n  server 3: term 8\n\
                       in the critical section that began at a.rs:1\nin thread 'x' at b.rs:2:3";
        assert_eq!(
            of(message, "make replay T=x SEED=1"),
            "BROKE    Election Safety is broken: one\nWHY        server 3: term 8\n\
             NOTICED  in the critical section that began at a.rs:1\n         \
             in thread 'x' at b.rs:2:3\nNEXT     make replay T=x SEED=1\n"
        );
        assert_eq!(of("one line", "make x"), "BROKE    one line\nNEXT     make x\n");
        // A message of a student's own may begin as it likes.
        assert_eq!(of("  indented", "make x"), "BROKE      indented\nNEXT     make x\n");
    }
}
