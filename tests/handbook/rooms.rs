//! The rooms of the house: the table in `src/lib.rs` says what each module may use. Every path in
//! the code is held against it, and the table against itself: a module uses only what stands
//! above it, so no two need each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::{files, read};

/// The modules, from the ground up, each with those that it may use.
type Table = Vec<(String, BTreeSet<String>)>;

/// The table at the top of a file like `src/lib.rs`.
fn table_in(text: &str) -> Table {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let name = row.split('`').next().expect("a split has a first piece").to_string();
        let uses = cells.get(2).copied().unwrap_or_default();
        (
            name,
            uses.split(',').map(|used| used.trim().to_string()).filter(|u| !u.is_empty()).collect(),
        )
    })
    .collect()
}

/// What a module uses that stands below it, or that is none.
fn upward(table: &Table) -> Vec<String> {
    let mut above = BTreeSet::new();
    let mut found = Vec::new();
    for (name, uses) in table {
        found.extend(uses.difference(&above).map(|used| format!("{name} uses {used}")));
        above.insert(name.clone());
    }
    found
}

/// The modules of the crate that a file's text names: `crate::module`, and, in a module that is a
/// crate of its own, `module::`. Comments may name what they like.
fn used_in(text: &str, modules: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
        for (at, _) in line.match_indices("::") {
            let before = &line[..at];
            let start =
                before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |i| i + 1);
            let (root, rest) = (&before[start..], &line[at + 2..]);
            if root == "crate" {
                let end =
                    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                found.insert(rest[..end].to_string());
            } else if !before[..start].ends_with("::") {
                found.insert(root.to_string());
            }
        }
    }
    found.retain(|name| modules.contains(name.as_str()));
    found
}

/// `file: uses module`, for each module that a file of `src/` uses, and may not.
fn forbidden_uses(table: &Table) -> Vec<String> {
    let allowed: BTreeMap<&str, &BTreeSet<String>> =
        table.iter().map(|(name, uses)| (name.as_str(), uses)).collect();
    let modules: BTreeSet<&str> = allowed.keys().copied().collect();
    let mut found = Vec::new();
    for file in files(Path::new("src"), "rs") {
        let room = file.split('/').nth(1).expect("below src").trim_end_matches(".rs");
        let Some(may_use) = allowed.get(room) else { continue };
        let used = used_in(&read(&file), &modules);
        let wrong = used.iter().filter(|used| *used != room && !may_use.contains(*used));
        found.extend(wrong.map(|used| format!("{file}: uses {used}")));
    }
    found
}

#[test]
fn each_module_uses_what_the_table_allows() {
    let table = table_in(&read("src/lib.rs"));
    let rooms: BTreeSet<&str> = table.iter().map(|(name, _)| name.as_str()).collect();
    let there = files(Path::new("src"), "rs");
    let there: BTreeSet<&str> = there
        .iter()
        .map(|file| file.split('/').nth(1).expect("below src").trim_end_matches(".rs"))
        .collect();
    assert_eq!(
        rooms,
        &there - &BTreeSet::from(["lib"]),
        "the table in src/lib.rs and the folders of src"
    );
    super::check("the table in src/lib.rs points up", &upward(&table));
    super::check("src/lib.rs does not allow it", &forbidden_uses(&table));
}

#[test]
fn a_wrong_use_is_found() {
    let text = "//! | [`low`] | the ground | | x |\n//! | [`high`] | on it | low | |\n";
    let table = table_in(text);
    assert_eq!(table[1], ("high".to_string(), BTreeSet::from(["low".to_string()])));
    assert!(upward(&table).is_empty());
    let circle =
        table_in("//! | [`low`] | the ground | high | |\n//! | [`high`] | on it | low | |\n");
    assert_eq!(upward(&circle), ["low uses high"]);

    let modules = BTreeSet::from(["low", "high"]);
    let used = |text| used_in(text, &modules).into_iter().collect::<Vec<_>>();
    assert_eq!(used("use crate::high::{Roof};"), ["high"]);
    assert_eq!(used("    let x = low::stone();"), ["low"]);
    assert_eq!(
        used("/// As in [`crate::high`], or high::up.\nuse super::high::Roof;"),
        [] as [&str; 0]
    );
    assert_eq!(
        used("use std::low::X; other::crate_high(); use crate::other::low;"),
        [] as [&str; 0]
    );
}
