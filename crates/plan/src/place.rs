//! Where something stands in a file, and the few lines of it that are shown.

use std::sync::Arc;

/// So many lines of a place are shown, and so many bytes of each.
const MOST_LINES: usize = 3;
const MOST_BYTES: usize = 400;

/// Where something stands. It holds what is shown, and nothing else of the file: a manifest's data is never among it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named; `-` is standard input.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What stands there: an annotation with its value, or the object's name. `None`: it may not be shown.
    pub excerpt: Option<Arc<Excerpt>>,
}

/// Some lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excerpt {
    /// The first of them, from 1.
    pub line: usize,
    /// The lines.
    pub lines: Vec<String>,
    /// What is meant, in bytes of the first line.
    pub mark: (usize, usize),
    /// Whether there are more lines.
    pub is_cut: bool,
}

impl Place {
    /// The same of which the annotation's key is meant, and not its value.
    #[must_use]
    pub fn of_key(&self, key: &str) -> Self {
        let mut place = self.clone();
        if let Some(excerpt) = &mut place.excerpt
            && let Some(line) = excerpt.lines.first()
            && let Some(at) = line.find(key)
        {
            let before = line.get(..excerpt.mark.0).map_or(0, |text| text.chars().count());
            let to_key = line.get(..at).map_or(0, |text| text.chars().count());
            place.column = place.column.saturating_sub(before.saturating_sub(to_key));
            let mark = (at, at + key.len());
            Arc::make_mut(excerpt).mark = mark;
        }
        place
    }
}

impl Excerpt {
    /// The part of a text from `from` to `to`, in bytes, of which `mark` is meant. What stands in its first line before it is
    /// replaced by spaces: in a flow or in JSON it may be anything.
    pub(crate) fn of(text: &str, line: usize, (from, to): (usize, usize), mark: (usize, usize)) -> Option<Self> {
        let begin = text.get(..from)?.rfind('\n').map_or(0, |at| at + 1);
        let indent: String = text.get(begin..from)?.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        // A value on a line of a thousand columns is shown without them.
        let indent = if indent.len() > 60 { "    ".to_owned() } else { indent };
        let shown = text.get(from..to)?.trim_end();
        let mut lines: Vec<String> = Vec::new();
        let mut is_cut = false;
        for (number, line) in shown.lines().enumerate() {
            if number == MOST_LINES {
                is_cut = true;
                break;
            }
            let cut = line.char_indices().map(|(at, _)| at).find(|at| *at >= MOST_BYTES);
            let line = cut.map_or_else(|| line.to_owned(), |at| format!("{}…", line.get(..at).unwrap_or_default()));
            lines.push(if number == 0 { format!("{indent}{line}") } else { line });
        }
        let first = lines.first().map_or(0, String::len);
        let end_of_line = text.get(from..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| from + at);
        let within = |at: usize| (at.saturating_sub(from) + indent.len()).min(first);
        // A value that begins in a later line is meant by its annotation's name.
        let mark = if mark.0 >= end_of_line { (from, end_of_line) } else { mark };
        let (start, end) = (within(mark.0), within(mark.1.min(end_of_line)));
        let end =
            lines.first().map_or(end, |first| first.get(start..end).map_or(end, |part| start + part.trim_end().len()));
        Some(Self { line, lines, mark: (start, end.max(start)), is_cut })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, from: &str, to: &str, mark: &str) -> Excerpt {
        let start = text.find(from).unwrap();
        let end = text.find(to).unwrap() + to.len();
        let at = text.find(mark).unwrap();
        Excerpt::of(text, 1, (start, end), (at, at + mark.len())).unwrap()
    }

    #[test]
    fn an_annotation_and_nothing_beside_it() {
        let text = "data: {password: hunter2}\n    key: value   \nmore: x\n";
        let it = excerpt(text, "key", "value", "value");
        assert_eq!((it.lines, it.mark), (vec!["    key: value".to_owned()], (9, 14)));
        let json = r#"{"data":{"p":"hunter2"},"metadata":{"annotations":{"k":"v"}},"z":"hunter3"}"#;
        let it = excerpt(json, r#""k""#, r#""v""#, r#""v""#);
        assert_eq!(it.lines.len(), 1);
        assert!(it.lines[0].trim_start() == r#""k":"v""# && !it.lines[0].contains("hunter"), "{it:?}");
        assert_eq!(&it.lines[0][it.mark.0..it.mark.1], r#""v""#);
    }

    #[test]
    fn a_key_can_be_meant() {
        let it = excerpt("    key: value\n", "key", "value", "value");
        let place = Place { file: "f".into(), line: 1, column: 10, excerpt: Some(Arc::new(it)) };
        let of_key = place.of_key("key");
        assert_eq!((of_key.column, of_key.excerpt.unwrap().mark), (5, (4, 7)));
    }

    #[test]
    fn long_values_are_cut() {
        let text = format!("  key: |\n{}", "    item,\n".repeat(9));
        let it = Excerpt::of(&text, 1, (2, text.len()), (7, text.len())).unwrap();
        assert_eq!((it.lines.len(), it.is_cut, it.mark), (3, true, (7, 8)));
        let long = format!("key: {}", "ä".repeat(9_000));
        let it = Excerpt::of(&long, 1, (0, long.len()), (5, long.len())).unwrap();
        assert!(it.lines[0].len() < 420 && it.lines[0].ends_with('…'));
        assert!(it.lines[0].get(it.mark.0..it.mark.1).is_some(), "marks are whole characters");
    }
}
