//! A file as documents. Each is read by itself, so that one that cannot be read leaves the others alone.

/// One document of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'t> {
    pub(crate) text: &'t str,
    /// The line of the file on which it begins, from 0.
    pub(crate) line: usize,
}

/// The documents of a file: YAML with `---` between them, or JSON values one after the other. Those that hold nothing but
/// comments are left out.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pieces = Vec::new();
    for piece in yaml(text) {
        if piece.text.trim_start().starts_with('{') {
            json(piece, &mut pieces);
        } else if !is_empty(piece.text) {
            pieces.push(piece);
        }
    }
    pieces
}

/// A line that begins with three dashes, or dots, ends a document wherever it stands, also within a text (YAML 1.2, 9.1.2).
fn yaml(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut begin, mut first, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let marker = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
        if marker.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) && number > 0 {
            pieces.push(Piece { text: text.get(begin..at).unwrap_or_default(), line: first });
            (begin, first) = (at, number);
        }
        at += line.len();
    }
    pieces.push(Piece { text: text.get(begin..).unwrap_or_default(), line: first });
    pieces
}

/// Whether there are only comments, directives and markers.
fn is_empty(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.strip_prefix("---").or_else(|| line.strip_prefix("...")).unwrap_or(line).trim();
        line.is_empty() || line.starts_with(['#', '%'])
    })
}

fn json<'t>(piece: Piece<'t>, pieces: &mut Vec<Piece<'t>>) {
    let mut values = serde_json::Deserializer::from_str(piece.text).into_iter::<serde::de::IgnoredAny>();
    let (mut begin, mut line) = (0, piece.line);
    let count = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
    while let Some(Ok(_)) = values.next() {
        let end = values.byte_offset();
        let text = piece.text.get(begin..end).unwrap_or_default();
        pieces.push(Piece { text, line });
        line += count(text);
        begin = end;
    }
    // Flow style YAML, or broken JSON: the reader says which.
    let rest = piece.text.get(begin..).unwrap_or_default();
    if !is_empty(rest) {
        pieces.push(Piece { text: rest, line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_begin_where_a_line_says_so() {
        let cases: &[(&str, &[(&str, usize)])] = &[
            ("", &[]),
            ("# only a comment\n---\n", &[]),
            ("a: 1\n", &[("a: 1\n", 0)]),
            ("---\na: 1\n---\nb: 2\n", &[("---\na: 1\n", 0), ("---\nb: 2\n", 2)]),
            ("\u{feff}a: 1\r\n---\r\nb: 2\r\n", &[("a: 1\r\n", 0), ("---\r\nb: 2\r\n", 1)]),
            ("a: |\n  ---\n  x\n--- # second\nb: 2\n...\n", &[("a: |\n  ---\n  x\n", 0), ("--- # second\nb: 2\n", 3)]),
            ("----\na: 1\n", &[("----\na: 1\n", 0)]),
            ("{\"a\":1}{\"b\":2}\n{\"c\":3}\n", &[("{\"a\":1}", 0), ("{\"b\":2}", 0), ("\n{\"c\":3}", 0)]),
            ("---\n{a: 1}\n", &[("---\n{a: 1}\n", 0)]),
            ("{a: 1}\n", &[("{a: 1}\n", 0)]),
        ];
        for (text, expected) in cases {
            let found: Vec<_> = pieces(text).iter().map(|piece| (piece.text, piece.line)).collect();
            assert_eq!(found, *expected, "{text:?}");
        }
    }
}
