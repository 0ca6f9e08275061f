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

/// Patterns of the table that are larger than this crate's bounds allow.
const TOO_LARGE: [&str; 0] = [];

#[test]
fn every_pattern_means_what_it_means_in_go() {
    let table = match std::env::var("GO_TABLE") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => include_str!("go_table.txt").to_owned(),
    };
    let mut lines = table.lines();
    let subjects: Vec<String> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let mut wrong = Vec::new();
    let (mut patterns, mut refused, mut too_large) = (0, 0, Vec::new());
    for line in lines {
        let (pattern, go) = line.split_once('\t').unwrap();
        let pattern: String = serde_json::from_str(pattern).unwrap();
        let ours = answer(&pattern, &subjects);
        if ours == "error: expression too large" {
            too_large.push(pattern);
        } else if ours != go {
            wrong.push(format!("{pattern:?}: Go {go:?}, here {ours:?}"));
        }
        patterns += 1;
        refused += usize::from(go.starts_with("error"));
    }
    println!("{patterns} patterns; Go refuses {refused}, and these are too large here: {too_large:?}");
    assert!(wrong.is_empty(), "{} of {patterns} differ:\n{}", wrong.len(), wrong[..wrong.len().min(50)].join("\n"));
    assert_eq!(too_large, TOO_LARGE, "what Go takes and this crate refuses");
    assert!(patterns > 3000 && (500..patterns - 500).contains(&refused), "{patterns} patterns, {refused} refused");
}
