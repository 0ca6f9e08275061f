//! What is to be done, for each reason: as the documentation says it, which a test in core keeps complete.

use k8s_replicator_core::reason::Reason;

const REASONS: &str = include_str!("../../../docs/reasons.md");

/// What is to be done; `None`: nothing. Code stands between backticks.
pub(crate) fn todo(reason: Reason) -> Option<&'static str> {
    let begin = format!("| `{reason}` | ");
    let row = REASONS.lines().find_map(|line| line.strip_prefix(&*begin))?;
    let todo = row.trim_end_matches([' ', '|']).rsplit_once(" | ")?.1;
    // Links lead to other pages of the documentation.
    let end = [" ([", " ["].iter().filter_map(|begin| todo.find(begin)).min();
    let todo = end.and_then(|end| todo.get(..end)).unwrap_or(todo);
    (todo != "Nothing.").then_some(todo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_is_said_without_links() {
        assert_eq!(todo(Reason::NewTarget), None);
        assert!(todo(Reason::NamespaceMissing).unwrap().starts_with("Create the namespace"));
        for reason in Reason::ALL {
            let todo = todo(*reason).unwrap_or_default();
            assert!(!todo.contains("](") && !todo.contains('|'), "{reason}: {todo}");
        }
    }
}
