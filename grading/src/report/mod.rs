//! What comes out: a table, JSON, JUnit, and for each submission a page and a file for Gradescope.

mod block;
mod gradescope;
mod junit;
mod page;
mod table;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Guard, write};
use crate::scheme::Scheme;
use crate::score::{Score, shown};

/// Writes all of it below `out`, and prints the table.
pub fn write_all(
    out: &Path,
    scheme: &Scheme,
    guard: Guard,
    scores: &[Score],
) -> Result<(), String> {
    for folder in ["pages", "gradescope"].map(|name| out.join(name)) {
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {folder:?}: {error}"))?;
    }
    for score in scores {
        let name = &score.graded.name;
        let page = page::of(scheme, score, page::Reader::Student);
        write(&out.join(format!("pages/{name}.md")), page.as_bytes())?;
        let page = page::of(scheme, score, page::Reader::Teacher);
        write(&out.join(format!("pages/{name}.teacher.md")), page.as_bytes())?;
        write_gradescope(&out.join(format!("gradescope/{name}.json")), scheme, score)?;
    }
    let table = table::of(scheme, scores);
    write(&out.join("table.txt"), format!("{table}\n").as_bytes())?;
    let all = serde_json::to_string_pretty(&all(scheme, guard, scores)).expect("it is a value");
    write(&out.join("results.json"), all.as_bytes())?;
    write(&out.join("junit.xml"), junit::of(scheme, scores)?.as_bytes())?;
    println!("{table}");
    let count = scores.len();
    println!(
        "{count} graded; {}: table.txt, results.json, junit.xml, pages/, gradescope/",
        out.display()
    );
    Ok(())
}

/// Writes Gradescope's results.json for one submission.
pub fn write_gradescope(file: &Path, scheme: &Scheme, score: &Score) -> Result<(), String> {
    let text = serde_json::to_string_pretty(&gradescope::of(scheme, score)).expect("it is a value");
    write(file, text.as_bytes())
}

fn all(scheme: &Scheme, guard: Guard, scores: &[Score]) -> Value {
    let rounded = |points: f64| (points * 100.0).round() / 100.0;
    let submissions = scores.iter().map(|score| {
        let groups = scheme.groups.iter().zip(&score.groups).map(|(group, scored)| {
            let tests = scored.tests.iter().map(|test| {
                let mut value =
                    serde_json::to_value(&test.outcome).expect("it has names and numbers");
                value["points"] = json!(rounded(test.points));
                value["most"] = json!(rounded(test.most));
                value
            });
            json!({
                "name": group.name,
                "visibility": group.visibility,
                "points": rounded(scored.points),
                "most": group.points,
                "tests": tests.collect::<Vec<_>>(),
            })
        });
        json!({
            "name": score.graded.name,
            "verdict": score.graded.verdict,
            "notes": score.graded.notes,
            "points": rounded(score.points),
            "flaky": score.flaky(),
            "groups": groups.collect::<Vec<_>>(),
        })
    });
    json!({
        "title": scheme.title,
        "guard": format!("{guard:?}"),
        "most": scheme.points(),
        "submissions": submissions.collect::<Vec<_>>(),
    })
}

/// "1 test", "2 tests".
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// "7.5 of 10".
fn of_most(points: f64, most: f64) -> String {
    format!("{} of {}", shown(points), shown(most))
}

/// What a submission has said, without what a terminal or XML would take for an order, and
/// without its end if it is very long.
fn tame(text: &str) -> String {
    const MOST_LINES: usize = 60;
    const MOST_IN_LINE: usize = 500;
    const NO_XML: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    let plain = |line: &str| {
        let plain = line.chars().filter(|&c| c == '\t' || !c.is_control() && !NO_XML.contains(&c));
        plain.take(MOST_IN_LINE).collect::<String>()
    };
    let mut lines: Vec<String> = text.lines().take(MOST_LINES).map(plain).collect();
    let more = text.lines().skip(MOST_LINES).count();
    if more > 0 {
        lines.push(format!("[{more} lines more]"));
    }
    lines.join("\n")
}

#[cfg(test)]
#[path = "../report_tests.rs"]
mod tests;
