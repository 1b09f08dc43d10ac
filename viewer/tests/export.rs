//! `viewer log --format`: what is written is read here by the rules of the formats. ShiViz: its page
//! on input. Perfetto: the Trace Event Format, and what its importer asks of slices and flows.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the viewer is run as a user runs it"
)]

mod kit;

use std::collections::BTreeMap;

use kit::{Script, append, double_vote, log, refused, write};
use serde_json::Value;

/// A run with all that can happen to a message, and to a server.
fn eventful() -> Script {
    let mut script = double_vote();
    let text = script.text();
    let mut lines: Vec<String> = text.lines().map(ToString::to_string).collect();
    lines.pop(); // the verdict
    script = Script::from_lines(lines);
    let method = "AppendEntries";
    let first = script.send(0, 1, method, &append(0, 1, 0, "[]", 0));
    let second = script.send(0, 1, method, &append(0, 1, 0, "[]", 0));
    script.wait_ms(1);
    script.deliver(second, 0, 1, method);
    script.deliver(first, 0, 1, method);
    script.event(
        "raft-1 x",
        r#""event":"log","level":"info","text":"} {\"server0\":9}\nat \u2028 x""#,
    );
    script.answer(first, 0, 1, method, "null");
    script.test(r#""event":"crash","server":2"#);
    script.test(r#""event":"start","server":2,"starts":2"#);
    script.answer(second, 0, 1, method, "null");
    script.receive(second, 0, 1, method);
    script.lose(first, 0, 1, method, "reply dropped");
    script.send(1, 0, "Gossip", "null"); // under way when the run ends
    script.fail("test_by_hand_2a", "expected one leader, got none");
    script
}

type Clock = BTreeMap<String, u64>;

/// A line of ShiViz's log.
struct Line {
    host: String,
    clock: Clock,
    event: String,
}

/// Reads by the expression in the first line, which is known to be this one.
fn read_shiviz(text: &str) -> Vec<Line> {
    let mut lines = text.lines();
    let parser = r"(?<host>\S+) (?<clock>\{[^}]*\}) (?<time>\S+) (?<event>.*)";
    assert_eq!(lines.next(), Some(parser));
    assert_eq!(lines.next(), Some(""), "the second line would separate runs");
    let read = |line: &str| {
        let (host, rest) = line.split_once(" {").expect("a clock follows the host");
        let (clock, rest) = rest.split_once("} ").expect("the clock ends");
        let clock = serde_json::from_str(&format!("{{{clock}}}")).expect("the clock is JSON");
        let (_, event) = rest.split_once(' ').expect("the time stands before the event");
        assert!(!host.contains(char::is_whitespace), "{line}");
        Line { host: host.to_string(), clock, event: event.to_string() }
    };
    lines.map(read).collect()
}

/// Each host's own clock begins with 1 and grows by one; nothing is known of what has not happened.
fn assert_clocks(lines: &[Line]) {
    let mut counts: Clock = BTreeMap::new();
    for Line { host, clock, event } in lines {
        let count = counts.entry(host.clone()).or_default();
        *count += 1;
        assert_eq!(clock.get(host), Some(&*count), "{host}: {event}");
        for (other, seen) in clock {
            let happened = counts.get(other).copied().unwrap_or_default();
            assert!(*seen > 0 && *seen <= happened, "{host} knows {other}:{seen}: {event}");
        }
    }
}

/// Whether all that `before` knows is known to `after`, and more.
fn dominates(after: &Clock, before: &Clock) -> bool {
    after != before && before.iter().all(|(host, count)| after.get(host) >= Some(count))
}

#[test]
fn shiviz_gets_clocks_that_follow_the_messages() {
    for script in [double_vote(), eventful()] {
        let lines = read_shiviz(&log(&script.write("shiviz.trace"), &["--format", "shiviz"]));
        assert_eq!(lines.len(), script.count());
        assert_clocks(&lines);
        let events: Vec<Value> = script
            .text()
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str(line).expect("it is JSON"))
            .collect();
        let mut carried = 0;
        for (at, event) in events.iter().enumerate() {
            let sender = match event["event"].as_str() {
                Some("delivered") => "sent",
                Some("received") => "answered",
                _ => continue,
            };
            let sent = events[..at]
                .iter()
                .position(|other| other["event"] == sender && other["call"] == event["call"])
                .expect("what arrives was sent");
            assert!(dominates(&lines[at].clock, &lines[sent].clock), "{}", lines[at].event);
            carried += 1;
        }
        assert!(carried > 80, "only {carried} messages");
    }
}

#[test]
fn shiviz_sees_what_the_test_does_to_a_server_and_no_more() {
    let lines = read_shiviz(&log(&double_vote().write("shiviz-2.trace"), &["--format", "shiviz"]));
    let find = |host: &str, words: &str| {
        let found = lines.iter().find(|line| line.host == host && line.event.contains(words));
        &found.unwrap_or_else(|| panic!("{host}: {words}")).clock
    };
    let cut = find("test", "CUTS OFF server 0");
    let campaign = find("server2", "term 2, votes for itself");
    assert!(!dominates(campaign, cut), "server 2 cannot know that server 0 is cut off");
    assert!(dominates(campaign, find("test", "starts server 2")));
    // The verdict comes from the server that is blamed.
    assert!(dominates(find("test", "FAILED"), find("server2", "IN ONE TERM")));
}

#[test]
fn what_is_chosen_still_carries_what_is_not() {
    let trace = double_vote().write("shiviz-3.trace");
    let lines = read_shiviz(&log(&trace, &["--format", "shiviz", "--topic", "test,vote"]));
    assert_clocks(&lines);
    assert!(lines.iter().all(|line| !line.event.contains("heartbeat")));
    let second = lines.iter().find(|line| line.event.contains("IN ONE TERM")).expect("it is there");
    assert!(second.clock.contains_key("server0"), "{:?}", second.clock);
}

/// A slice: from, to, and its name.
type Slice = (f64, f64, String);

struct Events {
    all: Vec<Value>,
    slices: BTreeMap<u64, Vec<Slice>>,
}

fn read_perfetto(text: &str) -> Events {
    let whole: Value = serde_json::from_str(text).expect("it is JSON");
    let all = whole["traceEvents"].as_array().expect("a list").clone();
    let mut slices: BTreeMap<u64, Vec<Slice>> = BTreeMap::new();
    for event in of(&all, "X") {
        let (from, dur) = (number(event, "ts"), number(event, "dur"));
        assert!(dur >= 0.0, "{event}");
        slices.entry(tid(event)).or_default().push((from, from + dur, text_of(event, "name")));
    }
    Events { all, slices }
}

fn of<'a>(all: &'a [Value], ph: &'a str) -> impl Iterator<Item = &'a Value> {
    all.iter().filter(move |event| event["ph"] == ph)
}

fn number(event: &Value, field: &str) -> f64 {
    event[field].as_f64().unwrap_or_else(|| panic!("no {field}: {event}"))
}

fn text_of(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_else(|| panic!("no {field}: {event}")).to_string()
}

fn tid(event: &Value) -> u64 {
    event["tid"].as_u64().unwrap_or_else(|| panic!("no tid: {event}"))
}

impl Events {
    /// The slice around an event on its track.
    fn around(&self, event: &Value) -> &Slice {
        let at = number(event, "ts");
        let slices = self.slices.get(&tid(event)).expect("the track has slices");
        slices
            .iter()
            .find(|(from, to, _)| (*from..*to).contains(&at))
            .unwrap_or_else(|| panic!("no slice around {event}"))
    }
}

#[test]
fn perfetto_gets_named_tracks_and_slices_that_do_not_overlap() {
    let read = read_perfetto(&log(&eventful().write("perfetto.trace"), &["--format", "perfetto"]));
    let known = ["M", "X", "s", "f", "i"];
    let named = |what: &str, field: &str| -> Vec<u64> {
        let names = of(&read.all, "M").filter(|event| event["name"] == what);
        names
            .filter(|event| event["args"]["name"].is_string())
            .map(|e| number(e, field) as u64)
            .collect()
    };
    let (processes, threads) = (named("process_name", "pid"), named("thread_name", "tid"));
    assert_eq!(processes.len(), 4, "the test, and three servers");
    for event in &read.all {
        assert!(known.iter().any(|ph| event["ph"] == *ph), "{event}");
        assert!(processes.contains(&event["pid"].as_u64().expect("a number")), "{event}");
        assert!(threads.contains(&tid(event)), "{event}");
        assert_ne!(event["pid"], 0, "0 is the idle process");
    }
    for slices in read.slices.values() {
        let mut slices = slices.clone();
        slices.sort_by(|a, b| a.0.total_cmp(&b.0));
        for pair in slices.windows(2) {
            assert!(pair[0].1 <= pair[1].0 + 1e-6, "{pair:?} overlap");
        }
    }
    let roles: Vec<String> = of(&read.all, "X").map(|event| text_of(event, "name")).collect();
    for role in ["leader t1", "leader t1, cut off", "candidate t2", "follower t1", "down"] {
        assert!(roles.iter().any(|name| name == role), "{role}: {roles:?}");
    }
}

#[test]
fn perfetto_gets_an_arrow_for_each_message_that_arrives() {
    let script = eventful();
    let read = read_perfetto(&log(&script.write("perfetto-2.trace"), &["--format", "perfetto"]));
    let ends: BTreeMap<u64, &Value> =
        of(&read.all, "f").map(|event| (event["id"].as_u64().expect("a number"), event)).collect();
    let mut arrows = 0;
    for begin in of(&read.all, "s") {
        let end = ends[&begin["id"].as_u64().expect("a number")];
        assert_eq!((&begin["name"], &begin["cat"]), (&end["name"], &end["cat"]));
        assert!(number(begin, "ts") <= number(end, "ts"), "{begin} {end}");
        assert_eq!(end["bp"], "e", "it would go to the next slice, not to this one");
        let (from, to) = (&read.around(begin).2, &read.around(end).2);
        assert!(from.starts_with('→') != to.starts_with('→'), "{from} {to}");
        arrows += 1;
    }
    assert_eq!(arrows, ends.len());
    let text = script.text();
    let arrived = ["delivered", "received"];
    let expected: usize =
        arrived.iter().map(|kind| text.matches(&format!(r#""event":"{kind}""#)).count()).sum();
    assert_eq!(arrows, expected);
}

#[test]
fn perfetto_gets_crashes_and_the_verdict_as_instants() {
    let trace = eventful().write("perfetto-3.trace");
    let read = read_perfetto(&log(&trace, &["--format", "perfetto"]));
    let scope = |words: &str| {
        let found = of(&read.all, "i").find(|event| text_of(event, "name").contains(words));
        text_of(found.unwrap_or_else(|| panic!("no {words}")), "s")
    };
    assert_eq!(scope("CRASHES server 2"), "p");
    assert_eq!(scope("FAILED"), "g");
    assert_eq!(scope("IN ONE TERM"), "t");
    // Microseconds: the first campaign is after 300 ms and some events.
    let first = of(&read.all, "X").find(|event| event["name"] == "candidate t1").expect("there");
    assert!((300_000.0..300_100.0).contains(&number(first, "ts")), "{first}");
}

#[test]
fn other_formats_are_refused_in_a_line() {
    let trace = double_vote().write("format.trace");
    let said = refused(&trace, &["--format", "svg"], 2);
    assert_eq!(said, "there is no format 'svg': columns, perfetto, shiviz\n");
    let said = refused(&trace, &["--format", "shiviz", "--around", "9"], 2);
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn runs_without_events_are_written_as_well() {
    let text = double_vote().text();
    let header = write("export-header.trace", text.lines().next().expect("there").as_bytes());
    assert!(read_shiviz(&log(&header, &["--format", "shiviz"])).is_empty());
    let read = read_perfetto(&log(&header, &["--format", "perfetto"]));
    assert!(of(&read.all, "M").count() > 0);
}
