use super::*;

const TEXT: &str = "title = 't'\nphrase = 'p'\n[[group]]\nname = 'g'\nsuite = 'raft'\n\
    tests = ['_2A']\npoints = 10\nseeds = '3-5'\n";

fn parse(text: &str) -> Result<Scheme, String> {
    let scheme: Scheme = toml::from_str(text).map_err(|error| error.to_string())?;
    scheme.check().map(|()| scheme)
}

#[test]
fn seeds_are_known_or_drawn_and_the_same_each_time() {
    let scheme = parse(TEXT).unwrap();
    assert_eq!(scheme.seeds_of(&scheme.groups[0]), Ok(Some((3, 5))));
    let hidden = |phrase: &str| {
        let text = TEXT.replace("'3-5'", "{ hidden = 20 }").replace("'p'", phrase);
        let scheme = parse(&text).unwrap();
        scheme.seeds_of(&scheme.groups[0]).unwrap().unwrap()
    };
    let (first, last) = hidden("'p'");
    assert_eq!(last - first, 19);
    assert_eq!(hidden("'p'"), (first, last));
    assert_ne!(hidden("'another'"), (first, last));
    let real = parse(&TEXT.replace("seeds = '3-5'\n", "")).unwrap();
    assert_eq!(real.seeds_of(&real.groups[0]), Ok(None));
}

#[test]
fn points_are_shared_by_weight() {
    let text = format!("{TEXT}[group.weights]\nb_2a = 3\n");
    let group = parse(&text).unwrap().groups[0].clone();
    let tests = ["test_a_2a", "test_b_2a"].map(str::to_string);
    assert_eq!(group.points_of(&tests), [2.5, 7.5]);
    assert!(group.selects("test_a_2a") && !group.selects("test_a_2b"));
}

#[test]
fn names_are_those_of_tests() {
    let tests = |test: &str| BTreeMap::from([(Suite::Raft, vec![test.to_string()])]);
    assert_eq!(parse(TEXT).unwrap().check_names(&tests("test_a_2a")), Ok(()));
    let problem = parse(TEXT).unwrap().check_names(&tests("test_a_2b")).unwrap_err();
    assert!(problem.contains("_2A"), "{problem}");
    let weights = format!("{TEXT}[group.weights]\nb_2a = 3\n");
    assert!(parse(&weights).unwrap().check_names(&tests("test_a_2a")).is_err());
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |from: &str, to: &str| parse(&TEXT.replace(from, to)).unwrap_err();
    assert!(wrong("'3-5'", "'5-3'").contains("{ hidden = 20 }, not \"5-3\""));
    assert!(wrong("'3-5'", "{ hidden = 0 }").contains("seeds are"));
    assert!(wrong("points = 10", "points = -1").contains("0 or more"));
    assert!(wrong("tests = ['_2A']", "tests = []").contains("has no tests"));
    assert!(wrong("points = 10", "points = 0").contains("no group has points"));
    let none = wrong("[[group]]", "[limits]\nbuild_s = 0\n[[group]]");
    assert!(none.contains("build_s = 0"), "{none}");
    assert!(parse(&TEXT.replace("[[group]]", "[limits]\nretries = 0\n[[group]]")).is_ok());
    let group = &TEXT[TEXT.find("[[group]]").unwrap()..];
    let two = parse(&format!("{TEXT}{group}")).unwrap_err();
    assert!(two.contains("two groups are called \"g\""), "{two}");
    let others = format!("{TEXT}{}", group.replace("'g'", "'h'").replace("= 10", "= 0"));
    assert!(parse(&others).is_ok());
    assert!(wrong("points", "pints").contains("pints"));
    assert!(wrong("suite = 'raft'", "suite = 'labrpc'").contains("labrpc"));
    let real = TEXT.replace("seeds = '3-5'\n", "").replace("'raft'", "'figure2'");
    assert!(parse(&real).unwrap_err().contains("real time"));
}

#[test]
fn the_scheme_that_comes_along_is_right() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("grading.toml");
    let scheme = Scheme::read(&file).unwrap();
    assert_eq!(scheme.points(), 100.0);
}
