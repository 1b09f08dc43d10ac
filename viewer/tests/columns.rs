//! `viewer log`: what stands in the columns, what is folded, what is chosen, and what fits.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the viewer is run as a user runs it"
)]

mod kit;

use kit::{Script, append, double_vote, handler, log, refused, saved, viewer};
use textwrap::core::display_width;

/// The only line with these words.
fn line<'a>(shown: &'a str, words: &str) -> &'a str {
    let mut lines = shown.lines().filter(|line| line.contains(words));
    let line = lines.next().unwrap_or_else(|| panic!("no line says '{words}':\n{shown}"));
    assert!(lines.next().is_none(), "several lines say '{words}':\n{shown}");
    line
}

fn cells(line: &str) -> Vec<&str> {
    line.split('│').map(str::trim).collect()
}

#[test]
fn each_server_has_a_column_and_idle_ones_keep_their_state() {
    let path = double_vote().write("idle.trace");
    let shown = log(&path, &["--all"]);
    let head = line(&shown, "(blamed)");
    assert_eq!(cells(head)[1..], ["server 0", "server 1", "server 2 (blamed)"]);
    let vote = line(&shown, "←1 RequestVote t2 last 0@0");
    assert_eq!(cells(vote)[1..3], ["L t1 cut v0", "C t2 v1"]);
}

#[test]
fn what_the_test_does_goes_across() {
    let shown = log(&double_vote().write("bands.trace"), &["--all"]);
    assert!(line(&shown, "CUTS OFF server 0").contains("── CUTS OFF server 0 ──"), "{shown}");
    line(&shown, "starts server 0, 1, 2, connects server 0, 1, 2");
}

#[test]
fn a_message_and_what_its_handler_does_are_a_row() {
    let shown = log(&double_vote().write("joined.trace"), &["--all", "--width", "200"]);
    let vote = line(&shown, "←1 RequestVote t2");
    assert!(vote.ends_with("←1 RequestVote t2 last 0@0: saves, vote 2→1 IN ONE TERM"), "{vote}");
}

/// Else a race could not be seen: the second handler acts between two steps of the first.
#[test]
fn a_handler_that_was_interrupted_has_two_rows() {
    let mut script = Script::new(3);
    let first = script.send(0, 2, "RequestVote", &kit::request_vote(0, 1));
    let second = script.send(1, 2, "RequestVote", &kit::request_vote(1, 1));
    script.deliver(first, 0, 2, "RequestVote");
    script.deliver(second, 1, 2, "AppendEntries");
    script.state(&handler("RequestVote", 2), 2, r#""vote":0"#);
    script.pass();
    let shown = log(&script.write("interrupted.trace"), &["--all", "--width", "200"]);
    assert!(!line(&shown, "←0 RequestVote t1").contains("votes 0"), "{shown}");
    line(&shown, "←0 RequestVote (on): votes 0");
}

#[test]
fn at_each_new_term_the_vote_is_said() {
    let mut script = Script::new(3);
    for (state, words) in [
        (r#""term":1"#, "term 1, no vote"),
        (r#""vote":1"#, "votes 1"),
        (r#""term":2"#, "term 2, vote 1 KEPT"),
        (r#""term":3,"vote":null"#, "term 3, vote 1 cleared"),
        (r#""term":4,"vote":2,"role":"candidate""#, "term 4, votes for itself, candidate"),
        (r#""term":5"#, "term 5, votes for itself again"),
        (r#""term":6,"vote":0,"role":"follower""#, "term 6, votes 0 (was 2), follower"),
        (r#""vote":null"#, "vote 0 cleared IN ONE TERM"),
    ] {
        script.wait_ms(10);
        script.state("raft-2 any", 2, state);
        script.wait_ms(10);
        let mut so_far = Script::new(0);
        std::mem::swap(&mut so_far, &mut script);
        so_far.wait_ms(1);
        let shown = log(&so_far.write("terms.trace"), &["--all", "--width", "150"]);
        assert!(shown.lines().any(|line| line.ends_with(words)), "{words}:\n{shown}");
        script = so_far;
    }
}

/// A candidate may be asked for its vote by the one whom it had voted for.
#[test]
fn a_vote_for_the_same_server_again_is_not_a_kept_one() {
    let mut script = Script::new(3);
    script.vote(0, 1, 1, r#""term":1,"vote":0"#, true);
    script.vote(0, 1, 2, r#""term":2"#, true);
    script.vote(2, 1, 3, r#""term":3"#, false);
    script.pass();
    let shown = log(&script.write("again.trace"), &["--all", "--width", "200"]);
    line(&shown, "term 2, votes 0 again");
    line(&shown, "term 3, vote 0 KEPT");
}

#[test]
fn what_a_server_reads_from_its_disk_is_no_election() {
    let mut script = Script::new(3);
    script.test(r#""event":"crash","server":1"#);
    script.wait_ms(10);
    script.test(r#""event":"start","server":1,"starts":2"#);
    script.state(
        "test_by_hand_2a",
        1,
        r#""term":4,"vote":0,"appended":[{"index":1,"term":4,"command":"x"}]"#,
    );
    script.pass();
    let shown = log(&script.write("disk.trace"), &["--all", "--width", "200"]);
    line(&shown, "reads term 4, vote 0, log 1@4 x");
    assert!(!shown.contains("KEPT") && !shown.contains("votes"), "{shown}");
}

#[test]
fn heartbeats_that_change_nothing_are_folded_and_others_are_not() {
    let mut script = Script::new(3);
    for _ in 0..30 {
        script.wait_ms(100);
        script.heartbeat(0, 1, 1);
        script.heartbeat(0, 2, 1);
    }
    let call = script.send(0, 1, "AppendEntries", &append(0, 1, 0, "[]", 5));
    script.deliver(call, 0, 1, "AppendEntries");
    script.state(&handler("AppendEntries", 1), 1, r#""commit":5"#);
    script.pass();
    let path = script.write("heartbeats.trace");
    let shown = log(&path, &["--all"]);
    let folded = line(&shown, "×61");
    assert_eq!(
        cells(folded)[1..],
        ["→1,2 heartbeat ×61, ok ×60", "←0 heartbeat ×30", "←0 heartbeat ×30"]
    );
    line(&shown, "commit 5");
    let unfolded = log(&path, &["--unfolded", "--width", "150"]);
    assert_eq!(unfolded.matches("←0 heartbeat").count(), 61, "{unfolded}");
}

#[test]
fn lost_calls_and_repeats_are_counted() {
    let mut script = Script::new(3);
    for _ in 0..12 {
        script.wait_ms(100);
        let entries = r#"[{"index":1,"term":1,"command":"x"}]"#;
        let call = script.send(0, 1, "AppendEntries", &append(0, 1, 0, entries, 0));
        script.wait_ms(50);
        script.lose(call, 0, 1, "AppendEntries", "unreachable");
    }
    script.pass();
    let shown = log(&script.write("repeats.trace"), &["--all", "--width", "200"]);
    line(&shown, "→1 Append t1 prev 0@1 [1@1 x] c0");
    line(&shown, "✗1 Append lost: unreachable");
    line(&shown, "these 2 rows ×12, the last at 1.8000");
}

#[test]
fn what_goes_on_in_one_go_is_summed_up() {
    let mut script = Script::new(1);
    for index in 1..=9 {
        let rest = format!(r#""event":"applied","server":0,"index":{index},"command":"c""#);
        script.event("service-0", &rest);
    }
    script.wait_ms(10);
    for _ in 0..3 {
        script.event("raft-0 any", &saved(0));
    }
    script.wait_ms(10);
    for index in [10, 12] {
        let rest = format!(r#""event":"applied","server":0,"index":{index},"command":"c""#);
        script.event("service-0", &rest);
    }
    script.pass();
    let shown = log(&script.write("summed.trace"), &["--all"]);
    line(&shown, "service gets 1..9");
    line(&shown, "saves ×3");
    line(&shown, "service gets 10 c, service gets 12 c");
}

#[test]
fn log_lines_of_the_code_stand_in_their_column() {
    let mut script = Script::new(3);
    script.event("raft-1 ticker", r#""event":"log","level":"info","text":"I \u001b[31mam one""#);
    script.event("elsewhere", r#""event":"log","level":"warn","text":"no server's""#);
    script.wait_ms(10);
    script.pass();
    let shown = log(&script.write("lines.trace"), &["--all"]);
    let own = line(&shown, "am one");
    assert_eq!(cells(own)[2], "\"I  [31mam one\"", "control characters must not reach a terminal");
    line(&shown, "── ! \"no server's\" ──");
}

#[test]
fn the_default_screen_of_a_failure_has_the_verdict_and_its_cause() {
    let path = double_vote().write("screen.trace");
    for width in ["80", "100", "140"] {
        let shown = log(&path, &["--width", width]);
        assert!(shown.lines().count() < 24, "{width}:\n{shown}");
        assert!(shown.lines().nth(1).is_some_and(|l| l.starts_with("Election Safety")), "{shown}");
        // The vote for itself, the request, and the vote for the other one.
        for words in ["itself", "RequestVote t2", "2→1"] {
            assert!(shown.contains(words), "{width}, '{words}':\n{shown}");
        }
        assert!(shown.contains("⋮"), "what is left out must be said:\n{shown}");
        assert!(shown.contains("ARGS=--all"), "{shown}");
    }
}

#[test]
fn the_default_screen_has_the_server_where_it_showed_if_another_is_named_first() {
    let mut script = Script::new(3);
    let entries = r#"[{"index":1,"term":2,"command":"x"}]"#;
    let call = script.send(0, 1, "AppendEntries", &append(0, 2, 0, entries, 0));
    script.deliver(call, 0, 1, "AppendEntries");
    let handler = handler("AppendEntries", 1);
    script.state(&handler, 1, r#""appended":[{"index":1,"term":2,"command":"x"}]"#);
    for _ in 0..30 {
        script.wait_ms(10);
        let call = script.send(2, 0, "Other", "null");
        script.deliver(call, 2, 0, "Other");
    }
    script.fail(&handler, "Log Matching is broken: server 0 has 1@1, server 1 has 1@2");
    let shown = log(&script.write("elsewhere.trace"), &["--width", "100"]);
    assert!(shown.contains("server 0 (blamed)"), "{shown}");
    assert!(shown.contains("log +1@2 x"), "server 1 stores it:\n{shown}");
    assert!(shown.lines().count() < 24, "{shown}");
}

#[test]
fn every_line_fits() {
    for width in [60, 80, 100] {
        let option = width.to_string();
        let shown = log(&double_vote().write("width.trace"), &["--all", "--width", &option]);
        for line in shown.lines() {
            assert!(display_width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn colours_are_off_where_they_are_not_wanted() {
    let path = double_vote().write("colours.trace");
    let file = path.to_str().expect("the path is text");
    let plain = viewer(&["log", file]).stdout;
    assert!(!plain.contains(&0x1b), "a pipe is no terminal");
    let coloured = viewer(&["log", file, "--color", "always"]).stdout;
    assert!(coloured.contains(&0x1b));
    let never = viewer(&["log", file, "--color", "never"]).stdout;
    assert_eq!(plain, never);
}

#[test]
fn choosing_narrows_what_is_shown() {
    let path = double_vote().write("choosing.trace");
    let wide = |options: &[&str]| log(&path, &[options, &["--width", "200"]].concat());
    let of_one = wide(&["--server", "2"]);
    assert!(of_one.contains("2→1") && !of_one.contains("│ server 1"), "{of_one}");
    let votes = wide(&["--topic", "vote"]);
    assert!(votes.contains("2→1") && !votes.contains("saves"), "{votes}");
    assert!(!votes.contains("heartbeat"), "{votes}");
    let second = wide(&["--term", "2"]);
    assert!(second.contains("2→1") && !second.contains("LEADER"), "{second}");
    let first = wide(&["--term", "0-1"]);
    assert!(!first.contains("2→1") && first.contains("LEADER"), "{first}");
    let late = wide(&["--time", "2.5-"]);
    assert!(late.contains("2→1") && !late.contains("LEADER"), "{late}");
    let nothing = refused(&path, &["--topic", "snapshot"], 2);
    assert!(nothing.contains("none of the"), "{nothing}");
}

#[test]
fn an_index_is_followed_through_the_logs() {
    let mut script = Script::new(3);
    for index in 1..=9 {
        script.wait_ms(10);
        let entry = format!(r#"{{"index":{index},"term":1,"command":"c{index}"}}"#);
        script.state("raft-0 any", 0, &format!(r#""appended":[{entry}]"#));
        script.wait_ms(10);
        script.send(0, 1, "AppendEntries", &append(0, 1, index - 1, &format!("[{entry}]"), 0));
    }
    script.state("raft-0 any", 0, r#""commit":8"#);
    script.wait_ms(10);
    script.state("raft-1 any", 1, r#""commit":6"#);
    script.state("raft-1 any", 1, r#""truncated":3"#);
    script.pass();
    let path = script.write("index.trace");
    let shown = log(&path, &["--index", "7", "--width", "200"]);
    for words in ["log +7@1 c7", "[7@1 c7]", "commit 8"] {
        line(&shown, words);
    }
    for words in ["c6", "c8", "commit 6", "CUT"] {
        assert!(!shown.contains(words), "'{words}' does not touch entry 7:\n{shown}");
    }
}

#[test]
fn a_call_is_followed_from_its_sending_to_its_reply() {
    let mut script = Script::new(3);
    script.vote(0, 1, 1, r#""term":1,"vote":0"#, true);
    let call = script.vote(0, 2, 1, r#""term":1,"vote":0"#, true);
    script.pass();
    let path = script.write("call.trace");
    let shown = log(&path, &["--call", &call.to_string(), "--width", "240"]);
    line(&shown, "→2 RequestVote");
    line(&shown, "←0 RequestVote t1 last 0@0: term 1, votes 0, →0 vote granted t1");
    line(&shown, "←2 vote granted");
    assert!(!shown.contains("→1") && !shown.contains("←1"), "{shown}");
    let said = refused(&path, &["--call", "99"], 2);
    assert_eq!(said, "there is no call 99 in this run: the last is 2\n");
}

/// Server 0 hears of nobody, and nobody of it: it could not have influenced the others.
#[test]
fn causes_are_what_a_message_has_carried() {
    let mut script = Script::new(4);
    script.campaign(0, 7);
    let lost = script.send(0, 1, "RequestVote", &kit::request_vote(0, 7));
    script.lose(lost, 0, 1, "RequestVote", "unreachable");
    script.campaign(2, 3);
    script.vote(2, 1, 3, r#""term":3,"vote":2"#, true);
    script.campaign(3, 5);
    let event = script.event(&handler("RequestVote", 1), &saved(1));
    script.vote(3, 1, 5, r#""term":5"#, false);
    script.fail(&handler("RequestVote", 1), "a rule is broken: server 1 kept its vote");
    let path = script.write("causes.trace");
    let all = log(&path, &["--causes", "--width", "200"]);
    assert!(all.contains("term 3, votes for itself") && all.contains("term 5, votes for itself"));
    assert!(!all.contains("term 7"), "{all}");
    let before = log(&path, &["--causes", &event.to_string(), "--width", "200"]);
    assert!(before.contains("term 3, votes for itself"), "{before}");
    assert!(!before.contains("term 5"), "{before}");
    assert!(refused(&path, &["--causes", "999"], 2).contains("there is no event 999"));
    let mut passed = Script::new(1);
    passed.pass();
    let said = refused(&passed.write("passed.trace"), &["--causes"], 2);
    assert!(said.contains("the run has not failed"), "{said}");
}

#[test]
fn around_shows_what_is_beside_an_event() {
    let mut script = Script::new(1);
    let mut numbers = Vec::new();
    for term in 1..=100 {
        script.wait_ms(10);
        numbers.push(script.state("raft-0 any", 0, &format!(r#""term":{term}"#)));
    }
    script.pass();
    let path = script.write("around.trace");
    let shown = log(&path, &["--around", &numbers[49].to_string(), "--numbers"]);
    for term in [45, 50, 55] {
        line(&shown, &format!("term {term},"));
    }
    assert!(shown.contains(&format!("{} ", numbers[49])), "{shown}");
    assert!(!shown.contains("term 20,") && !shown.contains("term 80,"), "{shown}");
    assert!(shown.lines().count() < 24, "{shown}");
    line(&log(&path, &["--around", "0.5s"]), "term 50,");
}

#[test]
fn bad_options_are_told_what_would_be_right() {
    let path = double_vote().write("options.trace");
    for (options, words) in [
        (&["--server", "3"][..], "there is no server 3: this run has 0 to 2"),
        (&["--term", "9-7"], "two, the smaller first"),
        (&["--time", "x"], "two moments in seconds"),
        (&["--around", "soon"], "an event's number, as 123, or a moment"),
        (&["--topic", "votes"], "possible values: test, vote,"),
        (&["--colour"], "unexpected argument '--colour'"),
        (&["--width", "3"], "3 is not in 20.."),
    ] {
        let said = refused(&path, options, 2);
        assert!(said.contains(words), "{options:?}: {said}");
    }
    let help = String::from_utf8(viewer(&["log", "--help"]).stdout).expect("it prints UTF-8");
    for option in ["--server", "--topic", "--term", "--index", "--call", "--time", "--around"] {
        assert!(help.contains(option), "{option}: {help}");
    }
}
