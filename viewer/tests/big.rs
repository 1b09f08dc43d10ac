//! The page of a run with 100 000 events. What it costs is printed and not judged, since that is the
//! machine's affair; that the document stays small, however long the run, is checked. To see the
//! numbers: cargo test -p raft-lab-viewer --test big -- --nocapture. BIG=x.trace measures another run.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the viewer and a browser are run as a user runs them"
)]

#[path = "browser/chromium.rs"]
mod chromium;
mod kit;

use std::path::{Path, PathBuf};
use std::time::Instant;

use chromium::Browser;
use kit::{Script, viewer};

/// What is in the document, but for the table of the logs, which depends on the logs alone.
const NODES: &str =
    "document.querySelectorAll('body *').length - document.querySelectorAll('.logs *').length";

/// Elections, heartbeats and losses, until there are so many events.
fn run_of(events: usize) -> Script {
    let mut script = Script::new(5);
    let mut term = 0;
    while script.count() < events {
        term += 1;
        let leader = term as usize % 5;
        let others = (0..5).filter(|&server| server != leader);
        script.wait_ms(150);
        script.campaign(leader, term);
        for voter in others.clone() {
            let change = format!(r#""term":{term},"vote":{leader},"role":"follower""#);
            script.vote(leader, voter, term, &change, true);
        }
        script.state(&format!("raft-{leader} any"), leader, r#""role":"leader""#);
        for beat in 0..40 {
            script.wait_ms(100);
            for other in others.clone() {
                if (beat + other) % 9 > 0 {
                    script.heartbeat(leader, other, term);
                    continue;
                }
                let args = kit::append(leader, term, 0, "[]", 0);
                let call = script.send(leader, other, "AppendEntries", &args);
                script.lose(call, leader, other, "AppendEntries", "request dropped");
            }
        }
    }
    script.pass();
    script
}

fn page(trace: &Path) -> PathBuf {
    let output = viewer(&["view", trace.to_str().expect("the path is text")]);
    assert!(output.status.success(), "{output:?}");
    trace.with_extension("html")
}

#[test]
fn the_document_stays_small_however_long_the_run() {
    let Some(program) = chromium::find() else {
        eprintln!("SKIPPED: the page was tried in no browser: {}", chromium::HINT);
        return;
    };
    let mut browser = Browser::start(&program);
    let short = nodes_of(&mut browser, &run_of(1_000).write("short.trace"));
    let long = match std::env::var("BIG") {
        Ok(trace) => PathBuf::from(trace),
        Err(_) => run_of(100_000).write("long.trace"),
    };
    let begin = Instant::now();
    let file = page(&long);
    println!("written in {} ms: {}", begin.elapsed().as_millis(), file.display());
    let most = nodes_of(&mut browser, &long);
    // The same rows fit the screen; a few more may be half in sight.
    assert!(most.abs_diff(short) <= 20, "{short} nodes for 1 000 events, {most} for 100 000");
    browser.assert_content();
}

/// The most nodes that the document has while one goes through it.
fn nodes_of(browser: &mut Browser, trace: &Path) -> u64 {
    let file = page(trace);
    let begin = Instant::now();
    browser.open(&file, "");
    let opened = begin.elapsed().as_millis();
    let events = browser.value("raftViewer.views[0].run.count");
    println!("{events} events: ready after {opened} ms");
    // Everything is chosen: the most there can be.
    browser.value("document.querySelector('label.heartbeat input').click()");
    // A failed or a long run opens at its end, where no more can be scrolled.
    browser.value("raftViewer.views[0].first()");
    let mut most = browser.value(NODES).as_u64().expect("it is a number");
    assert!(most < 1_000, "{most} nodes for {events} events, and a screen has room for 40 rows");
    for events in [300, 1_400, 1_600, 10_000, 100_000] {
        println!("  {events} events in sight: {}", browser.value(&drawing(events)));
    }
    for (name, step) in [
        ("zoom", "raftViewer.views[0].timeline.zoom(1.05)"),
        ("scroll the list", "document.querySelector('.rows').scrollTop += 700"),
        ("step", "raftViewer.views[0].step(1)"),
    ] {
        println!("  {name}: {}", browser.value(&frames(step)));
        most = most.max(browser.value(NODES).as_u64().expect("it is a number"));
    }
    most
}

/// How long the picture takes when it is scrolled, without waiting for the screen.
fn drawing(events: usize) -> String {
    format!(
        "(() => {{
          const t = raftViewer.views[0].timeline, took = [];
          t.scale = t.room() / {events};
          t.left = 0;
          for (let i = 0; i < 25; i++) {{
            const begin = performance.now();
            t.pan(40);
            t.drawBase();
            t.drawOver();
            t.base.getContext('2d').getImageData(0, 0, 1, 1); // until the last stroke is there
            took.push(performance.now() - begin);
          }}
          took.sort((a, b) => a - b);
          return `drawn in ${{took[12].toFixed(1)}} ms, at most ${{took[24].toFixed(1)}}`;
        }})()"
    )
}

/// Does something once a frame: how long it is from frame to frame.
fn frames(step: &str) -> String {
    format!(
        "new Promise((done) => {{
          const took = [];
          let last = performance.now();
          const next = (now) => {{
            took.push(now - last);
            last = now;
            {step};
            if (took.length < 60) return requestAnimationFrame(next);
            took.sort((a, b) => a - b);
            done(`a frame each ${{took[30].toFixed(1)}} ms, at most ${{took[59].toFixed(1)}}`);
          }};
          requestAnimationFrame(next);
        }})"
    )
}
