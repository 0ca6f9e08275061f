//! Go's own answers, from `tools/go-patterns`, against this crate's.

use super::NamespacePattern;

/// What Go, or this crate, says of a pattern: which ASCII characters and which subjects are matched, or why it is refused.
fn answer(pattern: &str, subjects: &[String]) -> String {
    let pattern = match NamespacePattern::parse(pattern) {
        Ok(pattern) => pattern,
        Err(error) => return format!("error: {}", error.reason),
    };
    let bits = |matched: &mut dyn Iterator<Item = bool>| {
        matched.enumerate().filter(|(_, matched)| *matched).fold(0_u128, |bits, (n, _)| bits | 1 << n)
    };
    let characters = bits(&mut (0..128_u8).map(|byte| pattern.matches(&char::from(byte).to_string())));
    let several = bits(&mut subjects.iter().map(|subject| pattern.matches(subject)));
    format!("{characters:x} {several:x}")
}

#[test]
fn every_pattern_means_what_it_means_in_go() {
    let table = match std::env::var("GO_TABLE") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => include_str!("go_table.txt").to_owned(),
    };
    let mut lines = table.lines();
    let subjects: Vec<String> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let mut wrong = Vec::new();
    let (mut patterns, mut refused, mut too_large) = (0, 0, 0);
    for line in lines {
        let (pattern, go) = line.split_once('\t').unwrap();
        let pattern: String = serde_json::from_str(pattern).unwrap();
        let ours = answer(&pattern, &subjects);
        if ours == "error: expression too large" {
            too_large += 1;
        } else if ours != go {
            wrong.push(format!("{pattern:?}: Go {go:?}, here {ours:?}"));
        }
        patterns += 1;
        refused += usize::from(go.starts_with("error"));
    }
    println!("{patterns} patterns; Go refuses {refused}, and {too_large} are too large here");
    assert!(wrong.is_empty(), "{} of {patterns} differ:\n{}", wrong.len(), wrong[..wrong.len().min(50)].join("\n"));
    // The one limit of this crate's own that is met by chance, in long lists of random patterns: 256 KiB.
    assert!(too_large <= patterns / 10_000, "{too_large} too large");
    assert!(patterns > 3000 && (500..patterns - 500).contains(&refused), "{patterns} patterns, {refused} refused");
}
