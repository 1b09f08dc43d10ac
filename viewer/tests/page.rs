//! `viewer view`: the page, in a real browser. One browser for all, since starting one takes long.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the viewer and a browser are run as a user runs them"
)]

#[path = "browser/chromium.rs"]
mod chromium;
mod kit;

use std::fs;
use std::path::{Path, PathBuf};

use chromium::Browser;
use kit::{Script, append, double_vote, viewer};
use serde_json::json;

/// Writes the page of a trace.
fn page(trace: &Path, options: &[&str]) -> PathBuf {
    let file = trace.to_str().expect("the path is text");
    let output = viewer(&[&["view", file], options].concat());
    assert!(output.status.success(), "{output:?}");
    let page = trace.with_extension("html");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, format!("open this page in a browser: {}\n", page.display()));
    page
}

#[test]
fn the_page_is_one_file_that_needs_no_network() {
    let mut script = Script::new(1);
    script.event(
        "raft-0 any",
        r#""event":"log","level":"info","text":"</script><!-- <script>alert(1)</script> & \u2028""#,
    );
    script.pass();
    let text = fs::read_to_string(page(&script.write("one-file.trace"), &[])).expect("it is there");
    for outside in ["http://", "https://", "src=", "<link", "@import", "url(", "{{"] {
        assert!(!text.contains(outside), "the page has '{outside}'");
    }
    // What a log line says ends no script.
    assert_eq!(text.matches("</script>").count(), 2);
    assert!(!text.contains("<!-- "), "a log line has opened a comment");
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(program) = chromium::find() else {
        eprintln!("SKIPPED: the page was tried in no browser: {}", chromium::HINT);
        return;
    };
    let mut browser = Browser::start(&program);
    shows_the_verdict(&mut browser);
    steps_and_jumps(&mut browser);
    follows_links(&mut browser);
    filters(&mut browser);
    dims_all_but_causes(&mut browser);
    shows_the_state(&mut browser);
    selects_by_mouse(&mut browser);
    compares_two_runs(&mut browser);
    is_readable_by_a_screen_reader(&mut browser);
    takes_odd_runs(&mut browser);
    browser.assert_content();
}

/// The selected event's words.
const NOW: &str = "document.querySelector('.now').textContent";
const SELECTED: &str = "raftViewer.views[0].selected";

fn now(browser: &mut Browser) -> String {
    browser.value(NOW).as_str().unwrap_or_default().to_string()
}

fn shows_the_verdict(browser: &mut Browser) {
    browser.open(&page(&double_vote().write("page.trace"), &[]), "");
    let broke = browser.value("document.querySelector('.broke').textContent");
    assert!(broke.as_str().is_some_and(|text| text.starts_with("Election Safety")), "{broke}");
    assert!(now(browser).ends_with("vote 2→1 IN ONE TERM"), "{}", now(browser));
    // Something is drawn: a picture of one colour would say nothing.
    browser.until("raftViewer.views[0].timeline.frames > 0");
    let colours = "new Set(new Uint32Array(raftViewer.views[0].timeline.base.getContext('2d')\
                   .getImageData(0, 0, 800, 150).data.buffer)).size";
    let colours = browser.value(colours).as_u64().unwrap_or_default();
    assert!(colours > 20, "the picture has {colours} colours");
}

fn steps_and_jumps(browser: &mut Browser) {
    let last = browser.value(SELECTED);
    browser.press("ArrowLeft");
    assert!(now(browser).ends_with("saves"), "{}", now(browser));
    browser.press("ArrowLeft");
    assert!(now(browser).ends_with("←1 RequestVote t2 last 0@0"), "{}", now(browser));
    browser.press("m");
    assert!(now(browser).ends_with("→2 RequestVote t2 last 0@0"), "{}", now(browser));
    browser.press("m");
    assert!(now(browser).ends_with("←1 RequestVote t2 last 0@0"), "{}", now(browser));
    browser.press("shift ArrowLeft");
    assert!(now(browser).contains("✗0 RequestVote lost"), "{}", now(browser));
    browser.press("Home");
    assert!(now(browser).contains("3 servers on a reliable network"), "{}", now(browser));
    browser.press("ArrowLeft"); // there is nothing before the first
    assert!(now(browser).contains("3 servers on a reliable network"), "{}", now(browser));
    browser.press("End");
    assert!(now(browser).ends_with("FAILED"), "{}", now(browser));
    browser.press("v");
    assert_eq!(browser.value(SELECTED), last);
    browser.value("document.querySelector('[data-action=back]').click()");
    assert!(now(browser).ends_with("saves"), "{}", now(browser));
    for key in ["t", "+", "-", "0", "t", "PageUp", "PageDown", "?", "?"] {
        browser.press(key);
    }
    assert_eq!(browser.value("document.getElementById('help').open"), json!(false));
}

fn follows_links(browser: &mut Browser) {
    browser.press("v");
    let link = browser.value("location.hash");
    let link = link.as_str().expect("a link is a text").to_string();
    assert!(link.contains("event="), "{link}");
    browser.press("Home");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.html");
    browser.open(&file, &link);
    assert!(now(browser).ends_with("vote 2→1 IN ONE TERM"), "{}", now(browser));
    browser.open(&file, "#event=20&axis=time&causes=1");
    assert!(now(browser).starts_with("event 20 "), "{}", now(browser));
    assert_eq!(browser.value("raftViewer.views[0].timeline.order"), json!(false));
    assert_eq!(browser.value("raftViewer.views[0].showCauses"), json!(true));
    // An event that is not there is none: the page opens as ever.
    for link in ["#event=99999", "#event=-1", "#event=x", "#run=7&event=3"] {
        browser.open(&file, link);
        assert!(now(browser).starts_with("event "), "{link}: {}", now(browser));
    }
}

fn filters(browser: &mut Browser) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.html");
    browser.open(&file, "");
    let rows = "raftViewer.views[0].shown.length";
    let count = |browser: &mut Browser| browser.value(rows).as_u64().expect("it is a number");
    let without = count(browser);
    let toggle = |name: &str| format!("document.querySelector('label.{name} input').click()");
    browser.value(&toggle("heartbeat"));
    assert_eq!(count(browser), without + 40 * 4, "40 heartbeats have four steps each");
    browser.value(&toggle("heartbeat"));
    browser.value(&toggle("vote"));
    assert!(count(browser) < without);
    browser.value(&toggle("vote"));
    assert_eq!(count(browser), without);
    browser.value("document.querySelectorAll('#servers input')[2].click()");
    let of_two =
        "[...raftViewer.views[0].shown].some((e) => raftViewer.views[0].run.server[e] === 2)";
    // The verdict stays, whatever is chosen.
    assert_eq!(browser.value(of_two), json!(false));
    browser.value("document.querySelectorAll('#servers input')[2].click()");
    browser.press("/");
    for letter in "one term".chars() {
        browser.press(&letter.to_string());
    }
    assert_eq!(count(browser), 2, "the second vote, and the verdict");
    browser.press("Escape");
    browser.value(
        "(() => { const w = document.getElementById('words'); w.value = ''; \
                   w.dispatchEvent(new Event('input')); })()",
    );
    assert_eq!(count(browser), without);
}

fn dims_all_but_causes(browser: &mut Browser) {
    browser.press("v");
    browser.press("c");
    let words = "(on) => [...raftViewer.views[0].past.keys()].filter((e) => \
                 raftViewer.views[0].past[e] === on).map((e) => raftViewer.views[0].run.text(e))";
    let of = |browser: &mut Browser, on: u8| {
        browser.value(&format!("JSON.stringify(({words})({on}))")).to_string()
    };
    let causes = of(browser, 1);
    assert!(causes.contains("term 1, votes for itself, candidate"), "{causes}");
    assert!(causes.contains("CUTS OFF") || of(browser, 0).contains("CUTS OFF server 0"));
    // Nobody has heard that this call was lost but its own server, which is the blamed one.
    let none = of(browser, 0);
    assert!(none.contains("FAILED"), "what comes later is no cause: {none}");
    assert!(browser.value("document.querySelectorAll('.row.dimmed').length > 0") == json!(true));
    browser.press("c");
    assert_eq!(browser.value("document.querySelectorAll('.row.dimmed').length"), json!(0));
}

fn shows_the_state(browser: &mut Browser) {
    browser.press("v");
    let changed = "[...document.querySelectorAll('td.changed')].map((c) => c.textContent).join()";
    assert_eq!(browser.value(changed), json!("1 was 2"));
    let state = "JSON.stringify(raftViewer.views[0].run.worldAt(raftViewer.views[0].selected)\
                 .map((s) => [s.role, s.term, s.vote, s.connected]))";
    let expected = r#"[["leader",1,0,false],["candidate",2,1,true],["candidate",2,1,true]]"#;
    assert_eq!(browser.value(state), json!(expected));
    // With a log: what is committed, applied, new and deleted can be told apart.
    let mut script = Script::new(2);
    let entry = |index: u64, term: u64| {
        format!(r#"{{"index":{index},"term":{term},"command":"c{index}"}}"#)
    };
    let three: Vec<_> = (1..=3).map(|index| entry(index, 1)).collect();
    script.state("raft-0 a", 0, &format!(r#""appended":[{}]"#, three.join(",")));
    script.state("raft-0 a", 0, r#""commit":2,"applied":1"#);
    let cut =
        script.state("raft-0 a", 0, &format!(r#""truncated":2,"appended":[{}]"#, entry(3, 2)));
    script.pass();
    let link = format!("#event={cut}");
    browser.open(&page(&script.write("logs.trace"), &[]), &link);
    let classes = "[...document.querySelectorAll('.logs tr:nth-child(2) td')].map((c) => \
                   c.className + ' ' + c.textContent).join()";
    let expected = "entry committed applied 1,entry committed 1,entry new 2";
    assert_eq!(browser.value(classes), json!(expected));
}

fn selects_by_mouse(browser: &mut Browser) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.html");
    browser.open(&file, "");
    browser.press("Home");
    browser.press("0");
    browser.until("raftViewer.views[0].timeline.left === 0");
    let spot = "(() => { const t = raftViewer.views[0].timeline; \
                const r = t.over.getBoundingClientRect(); const e = raftViewer.views[0].shown[9]; \
                return [r.x + t.x(e), r.y + t.laneY(t.run.server[e]), e]; })()";
    let spot = browser.value(spot);
    let number = |at: usize| spot[at].as_f64().expect("it is a number");
    browser.click(number(0), number(1));
    assert_eq!(browser.value(SELECTED), spot[2]);
    let row = "(() => { const r = document.querySelectorAll('.row')[3].getBoundingClientRect(); \
               return [r.x + 20, r.y + 5]; })()";
    let row = browser.value(row);
    browser.click(row[0].as_f64().expect("a number"), row[1].as_f64().expect("a number"));
    let chosen = "document.querySelectorAll('.row')[3].getAttribute('aria-selected')";
    assert_eq!(browser.value(chosen), json!("true"));
}

fn compares_two_runs(browser: &mut Browser) {
    let bad = double_vote().write("bad.trace");
    let mut other = double_vote();
    let text = other.text();
    let at = text.lines().count() - 1; // the second vote
    let mut lines: Vec<String> = text.lines().map(ToString::to_string).collect();
    lines.truncate(at - 1);
    other.pass();
    let end = other.text().lines().last().expect("it has lines").to_string();
    lines.push(end);
    let good = kit::write("good.trace", (lines.join("\n") + "\n").as_bytes());
    let file = page(&bad, &["--with", good.to_str().expect("the path is text")]);
    browser.open(&file, "");
    assert_eq!(browser.value("raftViewer.views.length"), json!(2));
    assert_eq!(browser.value("raftViewer.difference"), json!(at - 2));
    let said = browser.value("document.getElementById('difference').textContent");
    let said = said.as_str().expect("a text");
    assert!(said.starts_with(&format!("First difference: event {at}. ")), "{said}");
    assert!(said.contains("vote 2→1 IN ONE TERM") && said.contains("PASSED"), "{said}");
    browser.press("d");
    assert_eq!(browser.value("raftViewer.views.map((v) => v.selected)"), json!([at - 2, at - 2]));
    assert_eq!(browser.value("document.querySelectorAll('.row.difference').length"), json!(2));
    browser.press("ArrowLeft");
    let together = "raftViewer.views[0].selected === raftViewer.views[1].selected";
    assert_eq!(browser.value(together), json!(true), "the runs go in step");
    // A run is no different from itself.
    browser.open(&page(&good, &["--with", good.to_str().expect("the path is text")]), "");
    assert_eq!(browser.value("raftViewer.difference"), json!(null));
    let said = browser.value("document.getElementById('difference').textContent");
    assert_eq!(said, json!("Both runs are the same, event by event."));
}

fn is_readable_by_a_screen_reader(browser: &mut Browser) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.html");
    browser.open(&file, "");
    browser.call("Accessibility.enable", json!({}));
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().expect("a list").clone();
    let of_role = |role: &str| -> Vec<String> {
        let with_role = nodes.iter().filter(|node| node["role"]["value"] == role);
        with_role.map(|node| node["name"]["value"].as_str().unwrap_or("").to_string()).collect()
    };
    let options = of_role("option");
    assert!(
        options.iter().any(|name| name.ends_with("server 2: vote 2→1 IN ONE TERM")),
        "{options:?}"
    );
    assert!(of_role("listbox")[0].starts_with("events of test_by_hand_2a"));
    assert!(of_role("button").iter().all(|name| !name.is_empty()), "a button has no name");
    let active = "document.getElementById(document.querySelector('.rows')\
                  .getAttribute('aria-activedescendant')).getAttribute('aria-label')";
    let active = browser.value(active);
    assert!(active.as_str().is_some_and(|name| name.ends_with("IN ONE TERM")), "{active}");
    let position = "document.querySelector('[aria-selected=true]').getAttribute('aria-posinset')";
    assert_ne!(browser.value(position), json!(null));
    for scheme in ["light", "dark"] {
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.call("Emulation.setEmulatedMedia", json!({ "features": feature }));
        let colours = "[getComputedStyle(document.body).color, \
                       getComputedStyle(document.body).backgroundColor].join()";
        let colours = browser.value(colours).to_string();
        let white_first = colours.contains("rgb(236, 236, 241),rgb(22");
        assert_eq!(white_first, scheme == "dark", "{scheme}: {colours}");
    }
}

/// Runs without servers, without events, cut off, and with messages of a student's own.
fn takes_odd_runs(browser: &mut Browser) {
    let whole = double_vote().text();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let header = kit::write("only-header.trace", lines[0].as_bytes());
    browser.open(&page(&header, &[]), "");
    for key in ["ArrowRight", "v", "m", "c", "t", "End", "d", "+"] {
        browser.press(key);
    }
    let cut = kit::write("cut.trace", lines[..30].concat().as_bytes());
    browser.open(&page(&cut, &[]), "");
    let note = browser.value("document.querySelector('.broke').textContent");
    assert!(note.as_str().is_some_and(|text| text.contains("cut off after line 30")), "{note}");
    let mut script = Script::new(2);
    script.send(0, 1, "Gossip", r#"{"what":[1,2]}"#);
    script.send(0, 1, "AppendEntries", "null");
    script.send(0, 1, "AppendEntries", &append(0, 1, 0, "[]", 0).replace("prev", "before"));
    script.pass();
    browser.open(&page(&script.write("odd.trace"), &[]), "");
    let texts = browser.value("JSON.stringify(raftViewer.views[0].run.data.texts)").to_string();
    assert!(texts.contains("Gossip") && texts.contains("(not decoded)"), "{texts}");
}
