//! Counts the tests that ran, by the summaries of the test runs.

use std::fmt;

/// The sum over all runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Count {
    /// Adds what a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …` says, or (of Node) `# pass 3`; other lines say
    /// nothing.
    pub(super) fn add(&mut self, line: &str) {
        if let Some((word, number)) = line.trim_end().strip_prefix("# ").and_then(|line| line.split_once(' '))
            && let Ok(number) = number.parse::<u64>()
        {
            match word {
                "pass" => self.passed += number,
                "fail" => self.failed += number,
                "skipped" => self.skipped += number,
                _ => {}
            }
        }
        let Some(summary) = line.trim_start().strip_prefix("test result: ") else { return };
        let words: Vec<&str> = summary.split([' ', ';']).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// Whether any test ran.
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_added_and_all_else_is_not() {
        let mut count = Count::default();
        assert!(!count.any());
        for line in [
            "running 5 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s",
            "# Subtest: a test of Node's",
            "# tests 3",
            "# pass 2",
            "# fail 1",
            "# skipped 0",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            count.add(line);
        }
        assert!(count.any());
        assert_eq!(count.to_string(), "7 passed, 5 failed, 1 skipped");
    }
}
