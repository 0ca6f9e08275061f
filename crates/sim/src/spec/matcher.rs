//! Regular expressions, read naively: alternation, groups, classes, `.`, `*`, `+`, `?`, and `\` before a punctuation mark.
//!
//! The users of the simulation write nothing else. Slow where it may be: it only ever sees short names.

/// What a pattern is made of.
#[derive(Debug)]
enum Part {
    /// Any of these characters (or, negated, any other).
    Class(bool, Vec<(char, char)>),
    /// One of these.
    Either(Vec<Vec<Part>>),
    /// At least so many of it, and at most one or any number.
    Repeat(Box<Part>, usize, bool),
}

/// Whether the whole of `text` is of this form; `None`: it is no pattern.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> Option<bool> {
    let mut rest: &[char] = &pattern.chars().collect::<Vec<_>>();
    let read = either(&mut rest)?;
    let text: Vec<char> = text.chars().collect();
    rest.is_empty().then(|| ends(&read, &text, 0).contains(&text.len()))
}

fn either(rest: &mut &[char]) -> Option<Part> {
    let mut branches = vec![sequence(rest)?];
    while let ['|', after @ ..] = *rest {
        *rest = after;
        branches.push(sequence(rest)?);
    }
    Some(Part::Either(branches))
}

fn sequence(rest: &mut &[char]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let [first, after @ ..] = *rest {
        if matches!(first, '|' | ')') {
            break;
        }
        *rest = after;
        let part = match first {
            '(' => {
                let inner = either(rest)?;
                *rest = rest.strip_prefix(&[')'])?;
                inner
            }
            '[' => class(rest)?,
            '.' => Part::Class(true, Vec::new()),
            '*' | '+' | '?' | ']' | '{' => return None,
            '\\' => {
                let [escaped, after @ ..] = *rest else { return None };
                *rest = after;
                Part::Class(false, vec![(*escaped, *escaped)])
            }
            other => Part::Class(false, vec![(*other, *other)]),
        };
        let part = match *rest {
            ['*', after @ ..] => (Part::Repeat(Box::new(part), 0, true), after),
            ['+', after @ ..] => (Part::Repeat(Box::new(part), 1, true), after),
            ['?', after @ ..] => (Part::Repeat(Box::new(part), 0, false), after),
            other => (part, other),
        };
        *rest = part.1;
        parts.push(part.0);
    }
    Some(parts)
}

fn class(rest: &mut &[char]) -> Option<Part> {
    let end = rest.iter().position(|c| *c == ']').filter(|end| *end > 0)?;
    let (inner, after) = (&rest[..end], &rest[end + 1..]);
    *rest = after;
    let (negated, mut inner) = match inner {
        ['^', inner @ ..] => (true, inner),
        inner => (false, inner),
    };
    let mut ranges = Vec::new();
    while let [from, after @ ..] = inner {
        inner = match after {
            ['-', to, after @ ..] => {
                ranges.push((*from, *to));
                after
            }
            after => {
                ranges.push((*from, *from));
                after
            }
        };
    }
    Some(Part::Class(negated, ranges))
}

/// Every place where a match of this that begins at `at` can end.
fn ends(part: &Part, text: &[char], at: usize) -> Vec<usize> {
    match part {
        Part::Class(negated, ranges) => {
            let fits = |c: &char| ranges.iter().any(|(from, to)| from <= c && c <= to) != *negated;
            text.get(at).filter(|c| fits(c)).map(|_| at + 1).into_iter().collect()
        }
        Part::Either(branches) => distinct(branches.iter().flat_map(|sequence| {
            sequence.iter().fold(vec![at], |starts, part| distinct(starts.iter().flat_map(|at| ends(part, text, *at))))
        })),
        Part::Repeat(part, least, many) => {
            let mut found = if *least == 0 { vec![at] } else { Vec::new() };
            let mut fringe = vec![at];
            let mut round = 0;
            while !fringe.is_empty() && (*many || round == 0) {
                let next = fringe.iter().flat_map(|at| ends(part, text, *at)).filter(|end| !found.contains(end));
                fringe = distinct(next);
                found.extend(&fringe);
                round += 1;
            }
            found
        }
    }
}

/// Each place once: branches that are empty would give them again and again.
fn distinct(places: impl Iterator<Item = usize>) -> Vec<usize> {
    places.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_whole_text() {
        for (pattern, text, expected) in [
            (".*", "", Some(true)),
            ("a", "a", Some(true)),
            ("a", "ab", Some(false)),
            ("[ab]", "b", Some(true)),
            ("[^ab]", "b", Some(false)),
            ("[a-c]+", "abc", Some(true)),
            ("a|bc", "bc", Some(true)),
            ("(||a|(|b||)|||c||||||||||||||||||||||)+z", "abcabcabcabcabcabcabc", Some(false)),
            ("(a|b)c?", "bc", Some(true)),
            ("team-.*", "team-1", Some(true)),
            ("a\\.b", "axb", Some(false)),
            ("(", "(", None),
            ("*", "*", None),
            ("[", "[", None),
            (")", ")", None),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
