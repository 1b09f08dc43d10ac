use super::*;
use crate::grade::{Graded, Verdict};
use crate::run::{Failure, Outcome};
use crate::scheme::Visibility;

const SCHEME: &str = "title = 'Lab'\nphrase = 'p'\n\
    [[group]]\nname = 'Seen'\nsuite = 'raft'\ntests = ['_2a']\npoints = 10\nseeds = '1-2'\n\
    [[group]]\nname = 'Unseen'\nsuite = 'figure2'\ntests = ['_2a']\npoints = 30\n\
    seeds = { hidden = 2 }\nvisibility = 'after_published'\n\
    [[group]]\nname = 'Real'\nsuite = 'raft'\ntests = ['_2a']\npoints = 1\n";

fn failed(test: &str, seed: u64, message: &str) -> Outcome {
    let failure = Some(Failure { seed, message: message.to_string(), follows: None });
    Outcome { test: test.to_string(), runs: 2, failure, ..Outcome::default() }
}

fn passed(test: &str) -> Outcome {
    Outcome { test: test.to_string(), runs: 2, passed: 2, ..Outcome::default() }
}

fn scheme() -> Scheme {
    toml::from_str(SCHEME).unwrap()
}

fn score(verdict: Verdict) -> Score {
    let flaky = Outcome { flaky: 1, ..failed("test_a_2a", 9, "too late") };
    let groups = vec![
        Some(vec![passed("test_a_2a"), failed("test_b_2a", 2, "two leaders ```\u{1b}[31m")]),
        Some(vec![passed("test_a_2a"), failed("test_c_2a", 77_777, "one vote a term")]),
        Some(vec![Outcome { runs: 1, passed: 1, ..flaky }]),
    ];
    let name = "ann".to_string();
    let graded = Graded { name, key: String::new(), verdict, notes: vec!["n".to_string()], groups };
    let tests = [&["test_a_2a", "test_b_2a"][..], &["test_a_2a", "test_c_2a"], &["test_a_2a"]];
    let tests: Vec<Vec<String>> =
        tests.iter().map(|all| all.iter().map(ToString::to_string).collect()).collect();
    Score::of(&scheme(), &tests, graded)
}

#[test]
fn points_are_for_what_has_passed_and_nothing_else() {
    let ran = score(Verdict::Ran);
    assert_eq!((ran.points, ran.flaky()), (21.0, 1));
    for verdict in [
        Verdict::Refused(vec!["x".to_string()]),
        Verdict::DoesNotBuild("x".to_string()),
        Verdict::BuildWasStopped("x".to_string()),
        Verdict::Unreadable("x".to_string()),
        Verdict::NotGraded("x".to_string()),
    ] {
        assert_eq!(score(verdict).points, 0.0);
    }
}

/// The fields that Gradescope knows, their types, and which have to be there.
#[test]
fn gradescope_gets_what_it_documents() {
    let value = gradescope::of(&scheme(), &score(Verdict::Ran));
    let known = ["score", "output", "output_format", "visibility", "stdout_visibility", "tests"];
    let object = value.as_object().unwrap();
    assert!(object.keys().all(|key| known.contains(&key.as_str())), "{object:?}");
    assert_eq!(value["score"], 21.0);
    assert_eq!(value["stdout_visibility"], "hidden");
    let tests = value["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 5);
    let visibilities = ["hidden", "after_due_date", "after_published", "visible"];
    let sum: f64 = tests.iter().map(|test| test["score"].as_f64().unwrap()).sum();
    assert_eq!(sum, 21.0);
    for test in tests {
        let of_type = |key: &str, is: fn(&Value) -> bool| assert!(is(&test[key]), "{key}: {test}");
        of_type("score", Value::is_number);
        of_type("max_score", Value::is_number);
        ["name", "number", "output"].iter().for_each(|key| of_type(key, Value::is_string));
        assert!(["passed", "failed"].contains(&test["status"].as_str().unwrap()));
        assert_eq!(test["output_format"], "text");
        assert!(visibilities.contains(&test["visibility"].as_str().unwrap()));
        assert!(test["tags"].as_array().unwrap().iter().all(Value::is_string));
    }
    assert_eq!(tests[1]["number"], "1.2");
    assert_eq!(tests[1]["max_score"], 5.0);
    assert_eq!(tests[3]["visibility"], "after_published");
    assert!(tests[4]["output"].as_str().unwrap().starts_with("FLAKY: failed 1 time,"));
    // What everybody sees at once names no hidden seed.
    let mut open = scheme();
    open.groups[1].visibility = Visibility::Visible;
    let value = gradescope::of(&open, &score(Verdict::Ran));
    let output = value["tests"][3]["output"].as_str().unwrap();
    assert!(
        output.contains("Look for it: make test-figure2 T=c_2a") && !output.contains("77777"),
        "{output}"
    );
    let student = page::of(&open, &score(Verdict::Ran), page::Reader::Student);
    assert!(!student.contains("77777"), "{student}");
    // Why nothing was run is visible whatever the tests are.
    let value = gradescope::of(&scheme(), &score(Verdict::DoesNotBuild("E0425".to_string())));
    let first = &value["tests"][0];
    assert_eq!((&first["visibility"], &value["score"]), (&json!("visible"), &json!(0.0)));
    assert!(first["output"].as_str().unwrap().contains("E0425"));
}

#[test]
fn a_students_page_shows_failures_and_no_hidden_seed() {
    let of = |reader| page::of(&scheme(), &score(Verdict::Ran), reader);
    let (student, teacher) = (of(page::Reader::Student), of(page::Reader::Teacher));
    assert!(student.contains("**21 of 41 points**"), "{student}");
    assert!(student.contains("make replay T=b_2a SEED=2 ORACLE=blind"), "{student}");
    assert!(
        student.contains("make test T=a_2a SEED=9 ORACLE=blind") && student.contains("**Flaky**")
    );
    // What a submission has printed can neither end the block nor reach a terminal.
    assert!(
        student.contains("````text\nBROKE    two leaders ```[31m\nNEXT     make replay T=b_2a"),
        "{student}"
    );
    let told = "- `test_c_2a` failed with the first of 2 seeds, and was not run with others; \
                look for it: `make test-figure2 T=c_2a SEEDS=200`\n";
    assert!(student.contains(told), "{student}");
    assert!(!student.contains("77777") && !student.contains("one vote a term"));
    assert!(teacher.contains("SEED=77777") && teacher.contains("Notes for the teacher"));
    let refused = Verdict::Refused(vec!["src/raft/mod.rs:3 uses std::fs".to_string()]);
    let page = page::of(&scheme(), &score(refused), page::Reader::Student);
    assert!(page.contains("src/raft/mod.rs:3 uses std::fs") && !page.contains("two leaders"));
}

/// What was not run has not failed; what failed is counted as far as it was run.
#[test]
fn a_hidden_group_tells_what_was_not_run_from_what_failed() {
    let group = |count: &str| {
        let scheme = SCHEME.replace("'figure2'", &format!("'raft'\ncount = '{count}'"));
        toml::from_str::<Scheme>(&scheme).unwrap().groups[1].clone()
    };
    let told = |count, one: &Outcome| page::passed_of(&group(count), one);
    let none =
        Outcome { not_run: Some("its time was over".to_string()), ..failed("test_c_2a", 1, "") };
    let none = Outcome { failure: None, ..none };
    assert_eq!(told("all", &none), "was not run");
    let some = Outcome { passed: 1, ..none.clone() };
    assert_eq!(told("all", &some), "passed with 1 seed, and was not run with all 2");
    let half = Outcome { passed: 1, ..failed("test_c_2a", 1, "x") };
    assert_eq!(told("all", &half), "passed with 1 of 2 seeds");
    assert_eq!(told("share", &failed("test_c_2a", 1, "x")), "passed with 0 of 2 seeds");
    let again = page::search(&group("all"), &half);
    assert_eq!(again, "make sim T=c_2a SEEDS=200 ORACLE=blind");
    let mut score = score(Verdict::Ran);
    score.groups[1].tests[1].outcome = none;
    let page = page::of(&scheme(), &score, page::Reader::Student);
    assert!(page.contains("- `test_c_2a` was not run: its time was over\n"), "{page}");
    assert!(!page.contains("What failed"), "{page}");
}

#[test]
fn a_message_that_stands_above_is_found_by_test_and_group() {
    let mut score = score(Verdict::Ran);
    score.groups[2].tests[0].outcome = failed("test_b_2a", 3, "two leaders ```\u{1b}[31m");
    let page = page::of(&scheme(), &score, page::Reader::Student);
    assert!(page.contains("The same message as for `test_b_2a` in \"Seen\", above."), "{page}");
}

#[test]
fn junit_tells_failed_from_flaky() {
    let text = junit::of(&scheme(), &[score(Verdict::Ran)]).unwrap();
    assert!(text.contains("tests=\"5\"") && text.contains("failures=\"2\""), "{text}");
    assert!(text.contains("flakyFailure") && text.contains("Seen: test_b_2a"), "{text}");
    let rest = text.split_once("<flakyFailure").unwrap().1;
    assert!(rest.starts_with(" message=\"too late\" type=\"flaky\">"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

/// What a submission says is text, and its name as well; the counts are those of the cases.
#[test]
fn junit_is_xml_whatever_a_submission_says() {
    let mut hostile = score(Verdict::Ran);
    hostile.graded.name = "o'neill \"<&>\"".to_string();
    let failure = hostile.groups[0].tests[1].outcome.failure.as_mut().unwrap();
    failure.message = format!("\0]]>\u{7}\u{ffff}\"&<\r\n{}", "y".repeat(100_000));
    let refused = score(Verdict::Refused(vec!["x".to_string()]));
    let text = junit::of(&scheme(), &[hostile, refused]).unwrap();
    assert!(text.contains("<failure message=\"]]&gt;&quot;&amp;&lt;\">"), "{text}");
    assert!(text.contains("name=\"o&apos;neill &quot;&lt;&amp;&gt;&quot;\""), "{text}");
    assert!(text.len() < 10_000 && text.matches("skipped=\"0\"").count() == 2, "{text}");
    assert!(text.contains("tests=\"10\" failures=\"2\" errors=\"5\""), "{text}");
    let is_legal = |c: char| c == '\n' || c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(text.chars().all(is_legal), "{text:?}");
}

#[test]
fn the_table_has_a_line_for_each() {
    let stopped = Verdict::BuildWasStopped("the build did not end in 9 s".to_string());
    let scores = [score(Verdict::Ran), score(stopped)];
    let mut scheme = scheme();
    scheme.groups[0].name = "The oracle looks inside".to_string();
    let text = table::of(&scheme, &scores);
    assert!(text.contains("The oracle ") && text.contains("looks inside"), "{text}");
    assert!(text.lines().all(|line| line.trim_end() == line), "{text:?}");
    assert!(text.contains("21") && text.contains("1 flaky"), "{text}");
    assert!(text.contains("the build did not end in 9 s"), "{text}");
    assert_eq!(scheme.groups[1].visibility, Visibility::AfterPublished);
}

#[test]
fn long_texts_lose_their_end() {
    assert_eq!(tame("a\u{7}b\r\nc"), "ab\nc");
    let long: String = (0..100).map(|i| format!("{i}\n")).collect();
    assert!(tame(&long).ends_with("59\n[40 lines more]"));
}
