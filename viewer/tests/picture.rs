//! `viewer picture`: the end of a failed run as a drawing.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the viewer is run as a user runs it"
)]

mod kit;

use std::process::Output;

use kit::{Script, double_vote, viewer};

fn picture(script: &Script, name: &str) -> Output {
    let trace = script.write(name);
    viewer(&["picture", trace.to_str().expect("the path is text")])
}

#[test]
fn the_picture_shows_the_second_vote_and_who_asked_for_it() {
    let output = picture(&double_vote(), "picture.trace");
    assert!(output.status.success(), "{output:?}");
    let svg = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(svg.matches("class=\"ring\"").count(), 1, "one event is wrong:\n{svg}");
    assert!(svg.contains(">vote 2→1 IN ONE TERM</text>"), "{svg}");
    assert!(svg.contains("server 2 !") && svg.contains("prefers-color-scheme:dark"), "{svg}");
    assert!(svg.contains("class=\"ask\""), "the request is an arrow:\n{svg}");
    // It holds its text for those who cannot see it, and nothing from elsewhere.
    assert!(svg.contains("<desc id=\"desc\">Election Safety"), "{svg}");
    assert!(!svg.contains("href") && !svg.contains("<script"), "{svg}");
    assert!(!svg.contains("heartbeat"), "{svg}");
    assert_eq!(svg, String::from_utf8_lossy(&picture(&double_vote(), "again.trace").stdout));
}

#[test]
fn what_a_message_says_is_no_markup() {
    let mut script = Script::new(3);
    script.campaign(2, 1);
    script.fail("x", "<script>alert(1)</script> & server 2");
    let svg = String::from_utf8(picture(&script, "markup.trace").stdout).expect("it is text");
    assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script>"), "{svg}");
}

#[test]
fn a_run_that_passed_has_no_such_picture() {
    let mut script = Script::new(3);
    script.pass();
    let output = picture(&script, "passed.trace");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("has not failed") && said.lines().count() == 1, "{said}");
    let mut script = Script::new(2);
    script.fail("x", "nothing happened");
    assert!(picture(&script, "empty.trace").status.success(), "a run in which nobody did a thing");
}
