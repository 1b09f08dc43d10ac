use super::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn a_bug_without_a_test_or_a_rule_is_no_exercise() {
    let text = "x\n\nbug: a\n  b\nbreaks: c\nrule: one two\n\ndiff --git a/x b/x\n";
    let of = |text: &str| bug_of(PathBuf::from("m/a-x.patch"), text);
    let bug = of(text).unwrap();
    assert_eq!((bug.name.as_str(), bug.bug.as_str()), ("a-x", "a b"));
    assert_eq!(bug.rules, ["one", "two"]);
    assert!(of(&text.replace("rule: one two", "equivalent: no")).is_none());
    assert!(of(&text.replace("breaks: c", "breaks: c\nequivalent: no")).is_none());
    assert!(of(&text.replace("breaks: c", "breaks: c\nnot caught yet: x")).is_none());
}

/// An exercise as a teacher writes it: right and wrong answers are told apart by both who check,
/// and nothing in the project names the bug.
#[test]
fn an_answer_is_checked_and_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, solution) = (folder.path().join("ex"), folder.path().join("solution.txt"));
    let part = Some('A');
    let exercise = Exercise { number: 7, phrase: "p", part, dir: &dir, solution: &solution };
    exercise.write(root()).unwrap();
    let solution = fs::read_to_string(&solution).unwrap();
    let line = |key: &str| solution.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let right = line("rule: ").split(" or ").next().unwrap();
    let name = line("what the tests say: make mutant M=");
    let rules = read_rules(&root().join("mutants/rules.txt")).unwrap();
    assert!(rules.len() > 50);
    let answers: Vec<Answer> =
        rules.keys().map(|rule| check(root(), &dir, rule).unwrap()).collect();
    let count = |answer| answers.iter().filter(|one| **one == answer).count();
    assert_eq!(count(Answer::Right), line("rule: ").split(" or ").count());
    assert_eq!(check(root(), &dir, right), Ok(Answer::Right));
    assert_eq!(check(root(), &dir, "few-rpcs"), Ok(Answer::Wrong));
    assert!(check(root(), &dir, "nonsense").is_err());
    let script = |answer: &str| {
        let output = Command::new("sh").arg(dir.join("exercise.sh")).arg(answer).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(script(right).0, Some(0), "{}", script(right).1);
    assert_eq!(script("few-rpcs").0, Some(1));
    assert_eq!(script("nonsense").0, Some(2));
    assert!(script("").1.starts_with("which rule?") && script("").0 == Some(2));
    // Nothing names it: neither files nor their names.
    let found = Command::new("grep").args(["-rlF", "-e", name]).arg(&dir).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    assert!(!dir.join("src/raft/paper_tests").exists());
    // A student's work in it stays.
    fs::copy(dir.join("src/raft/mod.rs"), folder.path().join("mod.rs")).unwrap();
    fs::write(dir.join("src/raft/mod.rs"), "// mine\n").unwrap();
    let refusal = exercise.write(root()).unwrap_err();
    assert!(refusal.contains("ex is not empty: take a new folder"), "{refusal}");
    assert_eq!(fs::read_to_string(dir.join("src/raft/mod.rs")).unwrap(), "// mine\n");
    let reference = root().join("src/raft");
    fs::copy(folder.path().join("mod.rs"), dir.join("src/raft/mod.rs")).unwrap();
    let differs = |file: &str| {
        fs::read(reference.join(file)).unwrap()
            != fs::read(dir.join("src/raft").join(file)).unwrap()
    };
    let patch = fs::read_to_string(root().join(format!("mutants/{name}.patch"))).unwrap();
    let changed = patch.lines().filter_map(|line| line.strip_prefix("+++ b/src/raft/"));
    assert!(changed.clone().count() > 0 && changed.clone().all(differs));
}

#[test]
fn solutions_of_other_exercises_stay() {
    let named = |part, phrase| Exercise::usual_solution(3, part, phrase);
    assert_eq!(named(Some('b'), "p"), named(Some('B'), "p"));
    assert!(named(Some('B'), "p").starts_with("3-B-") && !named(None, "our term").contains("our"));
    let all = [named(None, "p"), named(None, "q"), named(Some('B'), "p"), named(Some('A'), "p")];
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
}

#[test]
fn equal_numbers_have_equal_bugs_and_others_mostly_others() {
    let bugs = read_bugs(&root().join("mutants")).unwrap();
    let drawn = |number: &str| hash::number(&["p", number]) % bugs.len() as u64;
    assert_eq!(drawn("7"), drawn("7"));
    let all: std::collections::BTreeSet<u64> = (0..20).map(|n| drawn(&n.to_string())).collect();
    assert!(all.len() > 12 && bugs.len() > 100);
}
