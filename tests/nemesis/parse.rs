//! Plans from text: what [`Plan`]'s `Display` writes, from the environment's `PLAN`. Lines end at
//! a newline or a semicolon. An error names the place.

use std::str::FromStr;

use raftlab::tester::LastReply;

use super::draw::{self, Part};
use super::plan::{Fault, Plan, Share, What, Who};

/// The plan in `PLAN`: its text, or the name of a file with it. `None` if it is not set.
pub fn given_plan() -> Result<Option<Plan>, String> {
    let Ok(given) = std::env::var("PLAN") else { return Ok(None) };
    if given.is_empty() {
        return Ok(None);
    }
    if given.contains("servers") {
        return parse(&given).map(Some);
    }
    match std::fs::read_to_string(&given) {
        Ok(text) => parse(&text).map(Some).map_err(|problem| format!("{given}: {problem}")),
        Err(error) => Err(format!("PLAN={given:?} is no plan, and no file with one: {error}")),
    }
}

/// Reads a plan.
pub fn parse(text: &str) -> Result<Plan, String> {
    let lines = text.split(['\n', ';']).enumerate();
    let mut lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let (number, head) = lines.next().ok_or_else(|| "PLAN is empty".to_string())?;
    let mut plan = parse_head(&mut Words::new(number, head))?;
    for (number, line) in lines {
        let mut words = Words::new(number, line);
        let fault = parse_fault(&mut words, plan.servers)?;
        words.end()?;
        plan.faults.push(fault);
    }
    plan.faults.sort_by_key(|fault| fault.from_ms);
    Ok(plan)
}

/// "5 servers, snapshots, 8 s, 3 clients, pause 40 ms"
fn parse_head(words: &mut Words<'_>) -> Result<Plan, String> {
    let servers = words.number("the number of servers")?;
    if !(1..=9).contains(&servers) {
        return Err(words.wrong("1 to 9 servers"));
    }
    words.literal("servers,")?;
    let snapshots = words.peek() == Some("snapshots,");
    if snapshots {
        words.next("snapshots,")?;
    }
    let ms = words.seconds()?;
    words.literal("s,")?;
    let clients = words.number("the number of clients")?;
    words.literal("clients,")?;
    words.literal("pause")?;
    let pause_ms = words.number("how long clients pause, in ms")?;
    words.literal("ms")?;
    words.end()?;
    Ok(Plan { servers, snapshots, ms, clients, pause_ms, faults: Vec::new() })
}

/// "1.2-3.75 cut 0>1"
fn parse_fault(words: &mut Words<'_>, servers: usize) -> Result<Fault, String> {
    let (from_ms, to_ms) = words.interval()?;
    let what = match words.next("a fault")? {
        "cut" => parse_cut(words, servers)?,
        "split" => {
            let group = words.next("servers, as in 0,leader")?;
            let who = |text| who(words, text, servers);
            What::Split(group.split(',').map(who).collect::<Result<_, _>>()?)
        }
        "crash" if words.peek() == Some("all") => {
            words.next("all")?;
            What::CrashAll
        }
        "crash" => parse_crash(words, servers)?,
        "late-requests" => What::LateRequests(parse_share(words, servers)?),
        "late-replies" => What::LateReplies(parse_share(words, servers)?),
        "repeats" => What::Repeats(parse_share(words, servers)?),
        "calm" => What::Calm,
        "unreliable" => What::Unreliable,
        "reordering" => What::Reordering,
        "dawdle" => {
            let who = words.who(servers)?;
            let ms = words.number("how long, in ms")?;
            words.literal("ms")?;
            What::Dawdle(who, ms)
        }
        "burst" => What::Burst(words.who(servers)?, words.number("the number of commands")?),
        _ => {
            return Err(words.wrong(
                "cut, split, crash, late-requests, late-replies, repeats, unreliable, \
                 reordering, dawdle, burst or calm",
            ));
        }
    };
    Ok(Fault { from_ms, to_ms, what })
}

/// "0>1" or "0-1"
fn parse_cut(words: &mut Words<'_>, servers: usize) -> Result<What, String> {
    let link = words.next("a link: 0>1, or 0-1 for both ways")?;
    let parts = link.split_once('>').or_else(|| link.split_once('-'));
    let (a, b) = parts.ok_or_else(|| words.wrong("a link: 0>1, or 0-1 for both ways"))?;
    let (a, b) = (who(words, a, servers)?, who(words, b, servers)?);
    Ok(if link.contains('>') { What::CutOneWay(a, b) } else { What::Cut(a, b) })
}

/// "2", or "2 after vote"
fn parse_crash(words: &mut Words<'_>, servers: usize) -> Result<What, String> {
    let who = words.who(servers)?;
    if words.peek() != Some("after") {
        return Ok(What::Crash(who));
    }
    words.next("after")?;
    let which = match words.next("reply, vote, append or install")? {
        "reply" => LastReply::Any,
        "vote" => LastReply::Vote,
        "append" => LastReply::Append,
        "install" => LastReply::Install,
        _ => return Err(words.wrong("reply, vote, append or install")),
    };
    Ok(What::CrashAfter(who, which))
}

/// "all 30% 2000 ms"
fn parse_share(words: &mut Words<'_>, servers: usize) -> Result<Share, String> {
    let of = if words.peek() == Some("all") {
        words.next("all")?;
        None
    } else {
        Some(words.who(servers)?)
    };
    let percent = words.next("a share, as in 30%")?;
    let percent = percent.strip_suffix('%').and_then(|number| number.parse().ok());
    let percent = percent.filter(|percent| *percent <= 100);
    let percent = percent.ok_or_else(|| words.wrong("a share, as in 30%"))?;
    let up_to_ms = words.number("how late at most, in ms")?;
    words.literal("ms")?;
    Ok(Share { of, percent, up_to_ms })
}

fn who(words: &Words<'_>, text: &str, servers: usize) -> Result<Who, String> {
    let who = match text.strip_prefix("leader") {
        Some("") => Some(Who::Leader(0)),
        Some(behind) => {
            behind.strip_prefix('+').and_then(|behind| behind.parse().ok()).map(Who::Leader)
        }
        None => text.parse().ok().map(Who::Server),
    };
    let exists = |who: &Who| match who {
        Who::Server(number) | Who::Leader(number) => *number < servers,
    };
    who.filter(exists)
        .ok_or_else(|| words.wrong(&format!("a server: 0 to {}, leader, or leader+1", servers - 1)))
}

/// The words of a line, and where they stand.
struct Words<'a> {
    line_number: usize,
    line: &'a str,
    /// Where the last word begins, and where the rest does.
    last: usize,
    at: usize,
}

impl<'a> Words<'a> {
    fn new(line_number: usize, line: &'a str) -> Words<'a> {
        Words { line_number, line: line.trim(), last: 0, at: 0 }
    }

    /// Where the next word begins and ends.
    fn bounds(&self) -> Option<(usize, usize)> {
        let rest = &self.line[self.at..];
        let start = self.at + rest.len() - rest.trim_start().len();
        let word = self.line[start..].split_whitespace().next()?;
        Some((start, start + word.len()))
    }

    fn peek(&self) -> Option<&'a str> {
        self.bounds().map(|(start, end)| &self.line[start..end])
    }

    fn next(&mut self, expected: &str) -> Result<&'a str, String> {
        let Some((start, end)) = self.bounds() else {
            self.last = self.line.trim_end().len();
            return Err(self.wrong(expected));
        };
        (self.last, self.at) = (start, end);
        Ok(&self.line[start..end])
    }

    fn literal(&mut self, expected: &str) -> Result<(), String> {
        let quoted = format!("{expected:?}");
        if self.next(&quoted)? == expected { Ok(()) } else { Err(self.wrong(&quoted)) }
    }

    fn number<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        self.next(what)?.parse().map_err(|_| self.wrong(what))
    }

    fn who(&mut self, servers: usize) -> Result<Who, String> {
        let text = self.next("a server")?;
        who(self, text, servers)
    }

    /// "1.25", in ms.
    fn seconds(&mut self) -> Result<u64, String> {
        const WHAT: &str = "seconds with at most three decimals";
        milliseconds(self.next(WHAT)?).ok_or_else(|| self.wrong(WHAT))
    }

    /// "1.25-2", in ms.
    fn interval(&mut self) -> Result<(u64, u64), String> {
        const WHAT: &str = "when a fault begins and ends in seconds, as in 1.25-2";
        let word = self.next(WHAT)?;
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        let (from, to) = (milliseconds(from), milliseconds(to));
        from.zip(to).filter(|(from, to)| from <= to).ok_or_else(|| self.wrong(WHAT))
    }

    fn end(&mut self) -> Result<(), String> {
        match self.next("") {
            Err(_) => Ok(()),
            Ok(_) => Err(self.wrong("the end of the line")),
        }
    }

    fn wrong(&self, expected: &str) -> String {
        let (line, column) = (self.line_number + 1, self.last + 1);
        let found = self.line[self.last..].split_whitespace().next();
        let found = found.map_or("nothing".to_string(), |word| format!("{word:?}"));
        format!(
            "PLAN, line {line} (of {:?}), column {column}: expected {expected}, found {found}",
            self.line
        )
    }
}

/// "1.25" seconds, in ms.
fn milliseconds(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || decimals.len() > 3 || !all_digits {
        return None;
    }
    format!("{whole}{decimals:0<3}").parse().ok()
}

/// Does a plan come back from its text, and does a wrong text say where it is wrong?
pub fn test_nemesis_plans() {
    for part in [Part::A, Part::B, Part::C, Part::D] {
        let plan = draw::plan(part);
        assert_eq!(parse(&plan.to_line()), Ok(plan.clone()), "on one line");
        assert_eq!(parse(&plan.to_string()), Ok(plan), "on several lines");
    }
    let head = "3 servers, 5 s, 1 clients, pause 10 ms";
    let wrong = [
        ("three servers", "line 1 (of \"three servers\"), column 1: expected the number of"),
        ("3 servers, 5 m", "column 14: expected \"s,\", found \"m\""),
        ("0 servers, 5 s", "expected 1 to 9 servers, found \"0\""),
        ("1.2 cut 0=1", "line 2 (of \"1.2 cut 0=1\"), column 9: expected a link"),
        (
            "1.2-3 cut 0>3",
            "column 11: expected a server: 0 to 2, leader, or leader+1, found \"0>3\"",
        ),
        ("3-2 calm", "column 1: expected when a fault begins and ends"),
        ("1 crash leader after lunch", "expected reply, vote, append or install, found \"lunch\""),
        ("1 repeats all 101% 5 ms", "expected a share, as in 30%, found \"101%\""),
        ("1 calm weather", "column 8: expected the end of the line, found \"weather\""),
        ("1 burst leader", "column 15: expected the number of commands, found nothing"),
        ("1 strike 2", "column 3: expected cut, split, crash,"),
    ];
    for (text, expected) in wrong {
        let text = if text.contains("servers") { text.into() } else { format!("{head}; {text}") };
        let problem = parse(&text).expect_err("it is wrong");
        assert!(problem.contains(expected), "{problem:?} does not say {expected:?}");
    }
}
