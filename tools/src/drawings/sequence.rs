//! A sequence: a lane for each thread, and time runs down.
//!
//! ```text
//! sequence: The life of a command
//! lane client: client
//! lane start: server 0
//! client: does something
//! client -> start: a message, over the network
//! client ..> start: a thread that is started, or a condvar that is notified
//! client -x start: a message that is lost
//! start [ what happens; in one critical section ]
//! ```

use crate::Drawing;
use crate::svg::{self, LETTER, LINE};

/// How wide a lane is, and how much of it a text may fill.
const LANE: usize = 210;
const LETTERS: usize = 27;
const TOP: usize = 58;
const GAP: usize = 12;

struct Lane<'a> {
    id: &'a str,
    name: &'a str,
}

pub fn draw(title: &str, text: &str) -> Result<Drawing, String> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut picture = Picture { body: String::new(), y: TOP };
    let mut words = String::new();
    for (number, line) in (1..).zip(text.lines()).skip(1).filter(|(_, line)| !line.is_empty()) {
        let wrong = || format!("line {number}: cannot read '{line}'");
        if let Some(lane) = line.strip_prefix("lane ") {
            let (id, name) = lane.split_once(": ").ok_or_else(wrong)?;
            lanes.push(Lane { id, name });
            continue;
        }
        let find = |id: &str| lanes.iter().position(|lane| lane.id == id).ok_or_else(wrong);
        let name = |lane: usize| lanes[lane].name;
        let said = match line.split_whitespace().nth(1) {
            Some("[") => {
                let (id, steps) = line.split_once(" [ ").ok_or_else(wrong)?;
                let steps = steps.strip_suffix(" ]").ok_or_else(wrong)?;
                let lane = find(id)?;
                picture.section(lane, steps);
                format!("**{}**, with the lock held: {steps}", name(lane))
            }
            Some(kind @ ("->" | "..>" | "-x")) => {
                let (ends, what) = line.split_once(": ").ok_or_else(wrong)?;
                let (from, to) = ends.split_once(&format!(" {kind} ")).ok_or_else(wrong)?;
                let (from, to) = (find(from)?, find(to)?);
                picture.arrow(from, to, kind, what);
                let lost = if kind == "-x" { " (lost)" } else { "" };
                format!("**{}** to **{}**: {what}{lost}", name(from), name(to))
            }
            _ => {
                let (id, what) = line.split_once(": ").ok_or_else(wrong)?;
                let lane = find(id)?;
                picture.note(lane, what);
                format!("**{}**: {what}", name(lane))
            }
        };
        words += &format!("1. {said}\n");
    }
    let size = (lanes.len() * LANE, picture.y + GAP);
    let mut body = String::new();
    for (lane, Lane { name, .. }) in lanes.iter().enumerate() {
        let (x, y) = (middle(lane), TOP - 12);
        body += &format!(
            "<line class=\"lane\" x1=\"{x}\" y1=\"{y}\" x2=\"{x}\" y2=\"{}\"/>\n",
            picture.y
        );
        body += &svg::rect("box", (x - LANE / 2 + 10, 12), (LANE - 20, 30));
        body += &svg::text("name", x, 32, name);
    }
    let svg = svg::document(title, &words, size, &(body + &picture.body));
    Ok(Drawing { title: title.to_string(), svg, words })
}

fn middle(lane: usize) -> usize {
    lane * LANE + LANE / 2
}

struct Picture {
    body: String,
    /// How far down it is drawn.
    y: usize,
}

impl Picture {
    fn section(&mut self, lane: usize, steps: &str) {
        let lines: Vec<String> =
            steps.split("; ").flat_map(|step| svg::wrap(step, LETTERS)).collect();
        let size = (LANE - 12, lines.len() * LINE + 8);
        self.body += &svg::rect("lock", (middle(lane) - size.0 / 2, self.y), size);
        self.lines(lane, &lines);
        self.y += 8 + GAP;
    }

    fn note(&mut self, lane: usize, what: &str) {
        let lines = svg::wrap(what, LETTERS);
        let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) * LETTER;
        let corner = (middle(lane) - widest / 2, self.y);
        self.body += &svg::rect("halo", corner, (widest, lines.len() * LINE + 6));
        self.lines(lane, &lines);
        self.y += GAP;
    }

    fn lines(&mut self, lane: usize, lines: &[String]) {
        for line in lines {
            self.y += LINE;
            self.body += &svg::text("", middle(lane), self.y, line);
        }
    }

    fn arrow(&mut self, from: usize, to: usize, kind: &str, what: &str) {
        let room = from.abs_diff(to).max(1) * LANE / LETTER - 4;
        let (a, b) = (middle(from), middle(to));
        let end = if kind == "-x" { (a + 3 * b) / 4 } else { b };
        let centre = (a + b) / 2;
        for line in svg::wrap(what, room) {
            self.y += LINE;
            self.body += &svg::label(centre, self.y, &line);
        }
        self.y += 9;
        let class = if kind == "..>" { "own" } else { "arrow" };
        self.body += &svg::arrow(class, &[(a, self.y), (end, self.y)]);
        if kind == "-x" {
            self.body += &svg::text("name", end, self.y + 4, "✕");
        }
        self.y += GAP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_drawn_and_told() {
        let text = "sequence: S\nlane a: one\nlane b: two\na [ x; y ]\na -> b: hello\nb -x a: bye";
        let Drawing { svg, words, .. } = draw("S", text).unwrap();
        assert_eq!(
            words,
            "1. **one**, with the lock held: x; y\n1. **one** to **two**: hello\n\
             1. **two** to **one**: bye (lost)\n"
        );
        assert!(svg.contains("class=\"lock\"") && svg.contains("✕"));
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        let problem = draw("S", "sequence: S\nlane a: one\nb: lives").err().unwrap();
        assert_eq!(problem, "line 3: cannot read 'b: lives'");
    }
}
