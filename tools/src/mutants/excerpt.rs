//! The block below a failed run, as a page shows it: without what a reader of the page does not
//! need.

/// The columns of a page, and those before the text of a block's line.
const WIDTH: usize = 98;
const LABEL: usize = 11;

/// The longest story that a page shows whole, and what it shows of a longer one.
const MOST_LINES: usize = 12;
const FIRST_LINES: usize = 5;
const LAST_LINES: usize = 5;

/// The block of the first failed run in what was printed; with what to type next, if the page is
/// about that. `None` if nothing has failed.
pub fn failure_in(printed: &str, with_next: bool) -> Option<Vec<String>> {
    let is_failure = |line: &&str| line.trim_start().starts_with("... FAILED --");
    let mut lines = printed.lines().skip_while(|line| !is_failure(line));
    let mut excerpt = vec![lines.next()?.to_string()];
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in lines.take_while(|line| line.starts_with("  ") && !is_failure(line)) {
        match sections.last_mut() {
            Some(last) if !begins_section(line) => last.push(line),
            _ => sections.push(vec![line]),
        }
    }
    for section in sections {
        let first = section[0].trim_start();
        let is = |label| first.starts_with(label);
        if !with_next && ["TRACE", "NEXT", "NOTE"].into_iter().any(is) {
            continue;
        }
        let section: Vec<String> = section.iter().flat_map(|line| wrapped(line)).collect();
        if is("WHY") && section.len() > MOST_LINES {
            let left_out = section.len() - FIRST_LINES - LAST_LINES;
            excerpt.extend_from_slice(&section[..FIRST_LINES]);
            excerpt.push(format!("{:13}... {left_out} lines", ""));
            excerpt.extend_from_slice(&section[section.len() - LAST_LINES..]);
        } else {
            excerpt.extend(section);
        }
    }
    Some(excerpt)
}

/// A line, broken between words where it is too long for a page; what follows is indented a little
/// more than its text.
fn wrapped(line: &str) -> Vec<String> {
    let text = line.get(LABEL..).unwrap_or_default();
    let indent = line.len().min(LABEL) + (text.len() - text.trim_start().len());
    let mut lines = vec![line[..indent].to_string()];
    for word in line[indent..].split(' ') {
        let last = lines.last_mut().expect("there is one from the beginning");
        let begun = last.len() > indent;
        if begun && last.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(" ".repeat(indent + 2) + word);
        } else {
            last.push_str(if begun { " " } else { "" });
            last.push_str(word);
        }
    }
    lines
}

/// Whether the line has a label in front.
fn begins_section(line: &str) -> bool {
    line.strip_prefix("  ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_shown_without_what_the_page_does_not_need() {
        let story: String = (0..20).map(|n| format!("             line {n}\n")).collect();
        let printed = format!(
            "Test ...\n  ... FAILED --  test_x at 1 s\n  BROKE    a rule\n           is broken\n  \
             WHY      it\n{story}  NEXT     make replay\n           page\n\nsummary\n"
        );
        let shown = failure_in(&printed, false).unwrap();
        assert_eq!(
            shown[..4],
            [
                "  ... FAILED --  test_x at 1 s",
                "  BROKE    a rule",
                "           is broken",
                "  WHY      it"
            ]
        );
        assert_eq!((shown[8].as_str(), shown.len()), ("             ... 11 lines", 14));
        assert!(!shown.iter().any(|line| line.contains("NEXT")));
        let whole = failure_in(&printed, true).unwrap();
        assert_eq!(whole.last().unwrap(), "           page");
        assert_eq!(failure_in("Test ...\n  ... Passed\n", true), None);
    }
}
