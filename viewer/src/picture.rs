//! The end of a failed run as a picture for a page: one SVG file, the same for the same trace, in
//! the reader's colours. What is in it: the events that could have influenced the verdict, without
//! heartbeats, the last ones, a step each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::log::seconds;
use crate::story::{Arrow, Status, Told, Tone, Topic, Verdict, World, past_of, tell};
use crate::trace::{Event, Role, ServerId, Trace};

const STEP: usize = 34;
const LANE: usize = 58;
const LABELS: usize = 90;
const LETTERS: usize = 104;
const STYLE: &str = "\
  .page{fill:#fff}.text{fill:#1b1b1f;font:12px ui-sans-serif,system-ui,sans-serif}
  .small{font-size:11px}.faint{fill:#6b6b76}.title{font-weight:600}.bad{fill:#c4001d;font-weight:600}
  .end{text-anchor:end}
  .lane{stroke:#d9d9e0}.leader{stroke:#1b1b1f}.candidate{stroke:#1b1b1f;stroke-dasharray:3 3}
  .cut{stroke:#c4001d;stroke-dasharray:6 4}.ask{stroke:#9a6700}.reply{stroke:#9a6700;stroke-dasharray:4 3}
  .lost{stroke:#c4001d}.dot{fill:#9a6700}.ring{fill:none;stroke:#c4001d;stroke-width:2.5}
  @media (prefers-color-scheme:dark){
  .page{fill:#0d1117}.text{fill:#ececf1}.faint{fill:#9a9aa6}.bad{fill:#ff6b7a}.lane{stroke:#3a3a44}
  .leader,.candidate{stroke:#ececf1}.cut,.lost,.ring{stroke:#ff6b7a}.ask,.reply{stroke:#e3b341}
  .dot{fill:#e3b341}}
";

/// The picture, with so many events at most.
///
/// # Errors
/// If the run has not failed: there is no end to explain.
pub fn picture(trace: &Trace, most: usize) -> Result<String, String> {
    let verdict =
        Verdict::of(trace).ok_or("the run has not failed, so there is nothing to explain")?;
    let last = trace.records.len() - 1;
    let past = past_of(trace, last);
    let mut told: Vec<Told> = tell(trace);
    told.retain(|told| {
        let matters = |topic| matches!(topic, Topic::Vote | Topic::Append | Topic::Commit);
        past[told.event] && told.server.is_some() && told.parts.iter().any(|p| matters(p.topic))
    });
    let told = told.split_off(told.len().saturating_sub(most.max(1)));
    let shown: BTreeSet<ServerId> = told.iter().filter_map(|told| told.server).collect();
    let servers = shown.into_iter().collect();
    let drawing = Drawing { trace, told, servers, blamed: verdict.guilty, svg: String::new() };
    Ok(drawing.draw(&verdict))
}

struct Drawing<'a> {
    trace: &'a Trace,
    told: Vec<Told>,
    servers: Vec<ServerId>,
    blamed: Option<ServerId>,
    svg: String,
}

impl Drawing<'_> {
    fn draw(mut self, verdict: &Verdict) -> String {
        let lines = broken(&verdict.sentence);
        let top = 34 + 16 * lines.len();
        let (width, height) = (self.width(), top + LANE * self.servers.len() + 34);
        let title = self.trace.header.title();
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{}</title>",
            escaped(&title),
        ));
        self.put(format_args!("<desc id=\"desc\">{}\n", escaped(&verdict.sentence)));
        for at in 0..self.told.len() {
            let told = &self.told[at];
            let (at, server) = (seconds(told.at), told.server.unwrap_or_default());
            let line = escaped(&format!("{at} s, server {server}: {}", told.words()));
            self.put(format_args!("{line}"));
        }
        let terms = self.terms();
        self.put(format_args!("</desc>\n<style>\n{STYLE}{terms}</style>"));
        self.put(format_args!(
            "<rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>"
        ));
        self.text("title", 12, 22, &format!("{title}, the end"));
        for (number, line) in lines.iter().enumerate() {
            self.text("bad", 12, 40 + 16 * number, line);
        }
        for lane in 0..self.servers.len() {
            self.lane(lane, top);
        }
        self.arrows(top);
        self.marks(top);
        let from = self.told.first().map_or(0, |told| told.at);
        let to = self.told.last().map_or(0, |told| told.at);
        let axis = format!(
            "from {} s to {} s, a step an event; high: leader, dashed: candidate, low: follower; \
             ring: what no right Raft does",
            seconds(from),
            seconds(to),
        );
        self.text("small faint", 12, height - 12, &axis);
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn put(&mut self, text: std::fmt::Arguments) {
        let _ = writeln!(self.svg, "{text}"); // writing to a String cannot fail
    }

    fn text(&mut self, class: &str, x: usize, y: usize, words: &str) {
        let words = escaped(words);
        self.put(format_args!("<text class=\"text {class}\" x=\"{x}\" y=\"{y}\">{words}</text>"));
    }

    fn width(&self) -> usize {
        (LABELS + STEP * self.told.len() + 20).max(800)
    }

    fn x(&self, position: usize) -> usize {
        LABELS + STEP * position + STEP / 2
    }

    fn y(&self, server: ServerId, top: usize) -> Option<usize> {
        let lane = self.servers.iter().position(|&other| other == server)?;
        Some(top + LANE * lane + LANE / 2 + 6)
    }

    /// A colour for each term; those of neighbours differ most.
    fn terms(&self) -> String {
        let statuses = self.told.iter().flat_map(|told| told.servers.iter());
        let terms: BTreeSet<u64> = statuses.map(|status| status.term).collect();
        let hue = |term: u64| (term * 138 + 200) % 360;
        let light = terms.iter().map(|&t| format!(".t{t}{{fill:hsl({} 60% 84%)}}", hue(t)));
        let dark = terms.iter().map(|&t| format!(".t{t}{{fill:hsl({} 60% 30%)}}", hue(t)));
        format!(
            "{}\n@media (prefers-color-scheme:dark){{{}}}\n",
            light.collect::<String>(),
            dark.collect::<String>()
        )
    }

    /// The server's roles and terms.
    fn lane(&mut self, lane: usize, top: usize) {
        let server = self.servers[lane];
        let y = self.y(server, top).unwrap_or_default();
        let end = LABELS + STEP * self.told.len() + 8;
        let blamed = self.blamed == Some(server);
        let name = if blamed { format!("server {server} !") } else { format!("server {server}") };
        self.text(if blamed { "bad" } else { "" }, 12, y + 4, &name);
        self.put(format_args!("<path class=\"lane\" d=\"M12 {0}H{end}\"/>", y + LANE / 2 - 1));
        let mut begin = (LABELS, self.before(server));
        for position in 0..self.told.len() {
            let status = self.told[position].servers[server];
            if seen(&status) != seen(&begin.1) {
                let x = self.x(position);
                self.stretch(begin, x, y);
                begin = (x, status);
            }
        }
        self.stretch(begin, end, y);
    }

    /// What the server is before the first event that is shown.
    fn before(&self, server: ServerId) -> Status {
        let mut world = World::new(self.trace.servers);
        let first = self.told.first().map_or(0, |told| told.event);
        for record in &self.trace.records[..first] {
            world.apply(&record.event);
        }
        world.servers[server].status()
    }

    fn stretch(&mut self, (x, status): (usize, Status), end: usize, y: usize) {
        let (half, class) = match status.role {
            _ if !status.up => (1, ""),
            Role::Leader => (13, "leader"),
            Role::Candidate => (9, "candidate"),
            Role::Follower => (5, ""),
        };
        let (term, width, top, high) = (status.term, end - x, y - half, half * 2);
        self.put(format_args!(
            "<rect class=\"t{term} {class}\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{high}\"/>"
        ));
        if status.up && !status.connected {
            self.put(format_args!("<path class=\"cut\" d=\"M{x} {0}H{end}\"/>", y - 16));
        }
        let vote = status.vote.map_or("no vote".to_string(), |vote| format!("vote {vote}"));
        let words = match status.up {
            true => format!("t{term} {vote}"),
            false => "down".to_string(),
        };
        if width > words.len() * 6 {
            self.text("small", x + 3, y - 18, &words);
        }
    }

    /// Messages whose both ends are shown; lost ones end in a cross.
    fn arrows(&mut self, top: usize) {
        let mut ends: BTreeMap<(u64, bool), (usize, ServerId)> = BTreeMap::new();
        for position in 0..self.told.len() {
            let event = &self.trace.records[self.told[position].event].event;
            let (Some(call), x) = (event.call(), self.x(position)) else { continue };
            match event {
                Event::Sent { .. } => {
                    ends.insert((call.call, false), (x, call.from));
                }
                Event::Answered { .. } => {
                    ends.insert((call.call, true), (x, call.to));
                }
                Event::Delivered(_) | Event::Received(_) => {
                    let back = matches!(event, Event::Received(_));
                    let to = if back { call.from } else { call.to };
                    if let Some(&(from_x, from)) = ends.get(&(call.call, back)) {
                        self.arrow((from_x, from), (x, to), back, top);
                    }
                }
                _ => (),
            }
        }
    }

    fn arrow(&mut self, from: (usize, ServerId), to: (usize, ServerId), back: bool, top: usize) {
        let (Some(y), Some(tip)) = (self.y(from.1, top), self.y(to.1, top)) else { return };
        let class = if back { "reply" } else { "ask" };
        let (x, end) = (from.0, to.0);
        let side = if tip > y { -1 } else { 1_i64 };
        let (a, b) = (tip as i64 + side * 5, tip as i64 + side * 12);
        self.put(format_args!(
            "<path class=\"{class}\" fill=\"none\" d=\"M{x} {y}L{end} {a}M{0} {b}L{end} {a}L{1} {b}\"/>",
            end - 5,
            end + 2,
        ));
    }

    /// The events; the words of those that no right Raft does, and of votes.
    fn marks(&mut self, top: usize) {
        for position in 0..self.told.len() {
            let told = &self.told[position];
            let Some(server) = told.server else { continue };
            let (x, wrong) = (self.x(position), told.parts.iter().any(|p| p.tone == Tone::Wrong));
            let lost = told.parts.iter().any(|part| matches!(part.peers, Some((Arrow::Lost, _))));
            let words = told.words();
            let Some(y) = self.y(server, top) else { continue };
            let hover = escaped(&format!("{} s: {words}", seconds(told.at)));
            if lost {
                let (left, up) = (x - 4, y - 4);
                self.put(format_args!("<path class=\"lost\" d=\"M{left} {up}l8 8m0 -8l-8 8\"/>"));
            } else {
                self.put(format_args!(
                    "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"4\"><title>{hover}</title></circle>"
                ));
            }
            if wrong {
                self.put(format_args!("<circle class=\"ring\" cx=\"{x}\" cy=\"{y}\" r=\"10\"/>"));
                // It ends there, since what went wrong is at the end of the run.
                self.text("bad end", x + 10, y + 26, &words);
            }
        }
    }
}

/// What of a status is drawn.
fn seen(status: &Status) -> (bool, bool, Role, u64, Option<ServerId>) {
    (status.up, status.connected, status.role, status.term, status.vote)
}

/// Lines of a sentence.
fn broken(sentence: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in sentence.split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() && line.chars().count() + word.chars().count() >= LETTERS {
            lines.push(word.to_string());
        } else {
            let space = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{space}{word}"); // writing to a String cannot fail
        }
    }
    lines
}

fn escaped(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
