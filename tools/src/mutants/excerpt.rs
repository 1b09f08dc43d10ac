//! The block below a failed run, as a page shows it: without what a reader of the page does not
//! need.

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
        let is = |label| section[0].trim_start().starts_with(label);
        if !with_next && ["TRACE", "NEXT", "NOTE"].into_iter().any(is) {
            continue;
        }
        if is("WHY") && section.len() > MOST_LINES {
            let left_out = section.len() - FIRST_LINES - LAST_LINES;
            excerpt.extend(section[..FIRST_LINES].iter().map(ToString::to_string));
            excerpt.push(format!("{:13}... {left_out} lines", ""));
            excerpt.extend(section[section.len() - LAST_LINES..].iter().map(ToString::to_string));
        } else {
            excerpt.extend(section.iter().map(ToString::to_string));
        }
    }
    Some(excerpt)
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
