//! A trace as text, for people: a line an event, its moment in front and its thread behind.

use std::error::Error;
use std::io::{BufRead, Write};

use serde::Deserialize;

use super::event::{START, VERSION};

/// What each trace begins with, in any version.
#[derive(Deserialize)]
struct Start {
    trace: u32,
}

/// What each line says.
#[derive(Deserialize)]
struct Happened {
    at: u64,
    thread: String,
    event: String,
}

/// Shows what a trace says, up to its end or to what is wrong with it.
///
/// # Errors
/// If it is no trace, or damaged, the message says where, and what to do; or that of reading or
/// writing, an [`io::Error`](std::io::Error).
pub fn show(mut trace: impl BufRead, mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let (mut number, mut complete) = (0, false);
    loop {
        let mut bytes = Vec::new();
        trace.read_until(b'\n', &mut bytes)?;
        if !bytes.ends_with(b"\n") && (number > 0 || bytes.starts_with(START)) {
            break match (complete, bytes.is_empty()) {
                (false, _) => writeln!(out, "cut off after line {number}")?,
                (true, true) => (),
                (true, false) => Err(damaged(number + 1, "nothing follows the verdict"))?,
            };
        }
        number += 1;
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches('\n');
        if number == 1 {
            check(line)?;
            writeln!(out, "{}", plain(line))?;
        } else if complete {
            Err(damaged(number, "nothing follows the verdict"))?;
        } else {
            let Happened { at, thread, event } =
                serde_json::from_str(line).map_err(|error| damaged(number, &error.to_string()))?;
            complete = event == "verdict";
            let rest = line.split_once(&format!("\"{event}\"")).map_or(line, |(_, rest)| rest);
            let seconds = at as f64 / 1e9;
            writeln!(out, "{seconds:11.6}  {event:<9} {}  ({thread})", plain(rest))?;
        }
    }
    Ok(out.flush()?)
}

/// Whether a first line is that of a trace that can be read here.
fn check(line: &str) -> Result<(), String> {
    let start = serde_json::from_str(line).map_err(|_| {
        "it is not a trace (a trace is what a run with TRACE=FILE writes: \
         make replay T=figure_8_2c SEED=3 TRACE=FILE)"
    })?;
    match start {
        Start { trace: VERSION } => Ok(()),
        Start { trace } if trace > VERSION => Err(format!(
            "it was written by a newer version of the lab (format {trace}; this one reads \
             {VERSION}): update the lab, or record it again with this one"
        )),
        Start { trace } => Err(format!("it is of the old format {trace}: record it again")),
    }
}

fn damaged(line: u64, what: &str) -> String {
    format!("line {line} is damaged: {what}; what is shown before is good. Record it again")
}

/// Objects of JSON in fewer signs: `term=3 args={index=1 command=x}`.
fn plain(json: &str) -> String {
    let mut text = String::new();
    let mut rest = json.strip_suffix('}').unwrap_or(json).trim_start_matches(['{', ',']);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            ',' => text.push(' '),
            ':' => text.push('='),
            '"' => {
                let (string, behind) = rest.split_at(end_of_string(rest));
                let quote = if string.contains([' ', '\\']) { "\"" } else { "" };
                text.extend([quote, string, quote]);
                rest = behind.strip_prefix('"').unwrap_or(behind);
            }
            c => text.push(c),
        }
    }
    text
}

/// Where the closing quote of a string is.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}
