//! What a page says: its names, commands and links.

/// A page's lines with their numbers, and whether they stand in a block of code.
pub fn lines_of(text: &str) -> impl Iterator<Item = (usize, &str, bool)> {
    let mut in_block = false;
    text.lines().enumerate().map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        (number + 1, line, in_block || fence)
    })
}

/// What stands between backticks, outside blocks of code.
pub fn names_in(text: &str) -> Vec<(usize, String)> {
    let prose = lines_of(text).filter(|&(_, _, in_block)| !in_block);
    prose
        .flat_map(|(number, line, _)| {
            line.split('`').skip(1).step_by(2).map(move |name| (number, name.to_string()))
        })
        .collect()
}

/// The `x` of each `make x`.
pub fn commands_in(text: &str) -> Vec<(usize, String)> {
    let mut calls = names_in(text);
    let blocks = lines_of(text).filter(|&(_, _, in_block)| in_block);
    calls.extend(
        blocks.map(|(number, line, _)| {
            (number, line.trim_start().trim_start_matches("$ ").to_string())
        }),
    );
    let command = |call: &str| {
        let word = call.strip_prefix("make ")?.split_whitespace().next()?;
        // Not `make T=...`, and not what stands for a name.
        (!word.contains('=') && !word.contains("...")).then(|| word.to_string())
    };
    calls.iter().filter_map(|(number, call)| Some((*number, command(call)?))).collect()
}

/// The links outside blocks of code: line, text, target.
pub fn links_in(text: &str) -> Vec<(usize, String, String)> {
    let mut links = Vec::new();
    for (number, line, _) in lines_of(text).filter(|&(_, _, in_block)| !in_block) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("](") {
            let Some((target, next)) = after.split_once(')') else { break };
            let text = before.rsplit_once('[').map_or(before, |(_, text)| text);
            links.push((number, text.to_string(), target.to_string()));
            rest = next;
        }
    }
    links
}

/// A heading as links name it.
pub fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|&c| c.is_alphanumeric() || c == ' ' || c == '-' || c == '_');
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

pub fn is_test_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() > 5 && name.starts_with("test_") && name.chars().all(plain)
}

pub fn is_bug_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let part = ["a-", "b-", "c-", "d-", "l-"].iter().find_map(|part| name.strip_prefix(part));
    part.is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
}

/// The names of the functions that a Rust file defines.
pub fn functions_in(file: &str) -> Vec<String> {
    let after_fn = file.lines().filter_map(|line| line.trim_start().split_once("fn "));
    let names = after_fn.filter_map(|(_, rest)| rest.split(['(', '<']).next());
    names.map(ToString::to_string).collect()
}
