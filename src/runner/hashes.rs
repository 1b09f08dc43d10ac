//! Same seed, same run, on every machine: a file has, for some seeds of each suite, the hashes of
//! what was decided and of what was printed. `make check-hashes` compares; `RENEW=1` writes them
//! anew, when a change of the harness or of the code under test has changed the runs.

use std::collections::BTreeMap;
use std::fs;

use super::board::Booked;
use super::output::print;

/// What the file begins with.
const HEAD: &str = "\
# Same seed, same run: suite, test, seed, the hash of all that was decided, the hash of what was
# printed. Compared by 'make check-hashes'; renewed by 'make check-hashes RENEW=1', knowingly: when
# the harness or the code under test has changed what happens in a run.
";

/// "suite test seed", and the two hashes.
type Lines = BTreeMap<String, String>;

/// Compares what has been run with the file, or renews the suite's part of it; true if all is well.
pub(super) fn check(file: &str, suite: &str, runs: &[Booked], renew: bool) -> bool {
    let found: Lines = runs.iter().map(|run| line(suite, run)).collect();
    let known = match fs::read_to_string(file) {
        Ok(text) => parse(&text),
        Err(_) if renew => Lines::new(),
        Err(error) => {
            print(format!("cannot read the hashes {file}: {error}\n"));
            return false;
        }
    };
    let (text, well) =
        if renew { renew_file(file, suite, known, found) } else { compare(&known, &found) };
    print(format!("{text}\n"));
    well
}

fn line(suite: &str, run: &Booked) -> (String, String) {
    let key = format!("{suite} {} {}", run.test, run.record.seed);
    (key, format!("{:016x} {:016x}", run.record.trace_hash, run.printed_hash))
}

fn parse(text: &str) -> Lines {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let words = lines.filter_map(|line| {
        let (rest, printed) = line.rsplit_once(' ')?;
        let (key, decided) = rest.rsplit_once(' ')?;
        Some((key.to_string(), format!("{decided} {printed}")))
    });
    words.collect()
}

fn renew_file(file: &str, suite: &str, known: Lines, found: Lines) -> (String, bool) {
    let others = known.into_iter().filter(|(key, _)| key.split(' ').next() != Some(suite));
    let count = found.len();
    let all: Lines = others.chain(found).collect();
    let mut text = HEAD.to_string();
    all.iter().for_each(|(key, hashes)| text.push_str(&format!("{key} {hashes}\n")));
    match fs::write(file, text) {
        Ok(()) => (format!("{count} hashes of suite {suite} are renewed in {file}"), true),
        Err(error) => (format!("cannot write the hashes {file}: {error}"), false),
    }
}

fn compare(known: &Lines, found: &Lines) -> (String, bool) {
    let mut differing = Vec::new();
    for (key, hashes) in found {
        let what = match known.get(key) {
            None => "is not in the file",
            Some(known) if known == hashes => continue,
            Some(known) if known[..16] == hashes[..16] => "printed something else",
            Some(_) => "went another way",
        };
        differing.push(format!("  {key}: {what}\n"));
    }
    if differing.is_empty() {
        return (format!("{} runs were as the file of hashes says", found.len()), true);
    }
    const MOST: usize = 10;
    let mut text = format!("{} of {} runs differ from before:\n", differing.len(), found.len());
    differing.iter().take(MOST).for_each(|line| text.push_str(line));
    if differing.len() > MOST {
        text.push_str("  ...\n");
    }
    text.push_str(
        "If the harness or the code under test was changed so that runs go another way, renew \
         the\nfile: make check-hashes RENEW=1. If not, a run depends on this machine: see make \
         check-determinism.",
    );
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_named_by_its_kind() {
        let known = parse(
            "# a remark\nraft test_a 1 00000000000000aa 00000000000000bb\n\
             raft test_a 2 00000000000000cc 00000000000000dd\n",
        );
        assert_eq!(known.len(), 2);
        assert!(compare(&known, &known).1);
        let with = |seed: &str, hashes: &str| {
            Lines::from([(format!("raft test_a {seed}"), hashes.to_string())])
        };
        for (found, words) in [
            (with("1", "00000000000000ab 00000000000000bb"), "raft test_a 1: went another way"),
            (with("2", "00000000000000cc 00000000000000de"), "test_a 2: printed something else"),
            (with("3", "00000000000000cc 00000000000000dd"), "test_a 3: is not in the file"),
        ] {
            let (text, well) = compare(&known, &found);
            assert!(!well && text.contains(words), "{text}");
            assert!(text.contains("make check-hashes RENEW=1"), "{text}");
        }
    }
}
