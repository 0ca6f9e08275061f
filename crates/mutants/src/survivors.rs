//! Mutants that nothing can tell from the original, each with the reason: `crates/mutants/survivors.txt`.
//!
//! A line that begins with `=` is a reason, the lines below it are the mutants that it is true of, by their names ([`crate::list`]).

/// The committed list.
const LIST: &str = include_str!("../survivors.txt");

/// A line of the list, with the reason above it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survivor {
    /// `*` stands for any text.
    pub(crate) pattern: &'static str,
    pub(crate) reason: &'static str,
}

impl Survivor {
    /// Whether this mutant is meant.
    pub(crate) fn is(self, name: &str) -> bool {
        let Some((begin, rest)) = self.pattern.split_once('*') else { return name == self.pattern };
        let Some(mut left) = name.strip_prefix(begin) else { return false };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            let Some(at) = left.find(part) else { return false };
            left = &left[at + part.len()..];
        }
        left.ends_with(end)
    }
}

/// All lines that name mutants.
pub(crate) fn survivors() -> Vec<Survivor> {
    let mut reason = "";
    let mut survivors = vec![];
    for line in LIST.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('=') {
            Some(text) => reason = text.trim(),
            None => survivors.push(Survivor { pattern: line, reason }),
        }
    }
    survivors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_reason_and_is_named_once() {
        let survivors = survivors();
        assert!(survivors.iter().all(|survivor| !survivor.reason.is_empty()));
        let mut patterns: Vec<&str> = survivors.iter().map(|survivor| survivor.pattern).collect();
        patterns.sort_unstable();
        assert!(patterns.windows(2).all(|pair| pair[0] != pair[1]), "{patterns:?}");
    }

    #[test]
    fn stars_stand_for_any_text() {
        let is = |pattern, name| Survivor { pattern, reason: "" }.is(name);
        for name in ["a.rs: x in y | z", "a.rs:  in  | "] {
            assert!(is("a.rs: * in * | *", name), "{name}");
        }
        assert!(is("*: x in y", "a.rs: x in y") && is("a.rs: *", "a.rs: x") && is("a.rs: x", "a.rs: x"));
        for (pattern, name) in [("a.rs: x", "a.rs: x #2"), ("b*", "a.rs: x"), ("*y", "a.rs: x"), ("a*y*x", "a.rs: x")] {
            assert!(!is(pattern, name), "{pattern} {name}");
        }
    }
}
