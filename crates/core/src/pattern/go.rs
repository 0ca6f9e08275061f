//! Go's regular expressions (`regexp/syntax`, flags `Perl`), read as Go reads them.
//!
//! A parser of its own, not a rewriting of the text for a Rust parser: the two syntaxes differ in so many small ways (`\Q…\E`, a
//! literal `{`, `&&` and `[` in classes, `\<`, `(?x)`, `\d` over Unicode, `a**`) that only reading all of it shows where. It
//! follows Go's `parse.go` step by step, and gives the same reasons in the same words.
//!
//! What it makes matches texts of ASCII only, for the names of namespaces are that: a set of characters is its ASCII part
//! ([`set::AsciiSet`]), whatever the version of Unicode. And it is only asked whether it matches, so that groups do not
//! capture, and greedy or not makes no difference.

mod class;
mod escape;
mod names;
mod node;
mod set;

use regex_syntax::hir::{Hir, Look};
use thiserror::Error;

use super::compiled::MAX_PATTERN;
use node::Node;
use set::AsciiSet;

/// The largest count in a repetition, as in Go; nested ones multiply.
const MAX_REPEAT: u32 = 1000;

/// Why a text is not a pattern; most in Go's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// `[z-a]`, `[[:x:]]`, `\p{x}`.
    #[error("invalid character class range")]
    InvalidCharRange,
    /// `\q`, and `\C` (any byte).
    #[error("invalid escape sequence")]
    InvalidEscape,
    /// `(?P<>x)`.
    #[error("invalid named capture")]
    InvalidNamedCapture,
    /// `(?=x)`, `(?x)`.
    #[error("invalid or unsupported Perl syntax")]
    InvalidPerlOp,
    /// `a**`.
    #[error("invalid nested repetition operator")]
    InvalidRepeatOp,
    /// `a{1001}`, `a{2}{1}`.
    #[error("invalid repeat count")]
    InvalidRepeatSize,
    /// `[a`.
    #[error("missing closing ]")]
    MissingBracket,
    /// `(a`; also `\Qa` and a backslash at the end, which swallow the `)` that Go's `^(?:item)$` has after the item.
    #[error("missing closing )")]
    MissingParen,
    /// `*a`.
    #[error("missing argument to repetition operator")]
    MissingRepeatArgument,
    /// `a)`.
    #[error("unexpected )")]
    UnexpectedParen,
    /// More than 100 levels (Go: 1000).
    #[error("expression nests too deeply")]
    NestingDepth,
    /// Too long a text. (Go has no such limit.)
    #[error("longer than {MAX_PATTERN} bytes")]
    TooLong,
    /// Too much memory, or too much time to compile it (Go: 128 MiB).
    #[error("expression too large")]
    TooLarge,
}

/// What `^(?:item)$` matches.
///
/// # Errors
/// When `item` is not a pattern.
pub(super) fn parse(item: &str) -> Result<Hir, SyntaxError> {
    // The item is read with what stands behind it, as it may swallow that: `\Qa`, `a\`, `[a`.
    let rest = format!("{item})$");
    let whole = Parser { rest: &rest, flags: Flags::default(), groups: vec![Group::default()] }.parse()?;
    Ok(Hir::concat(vec![Hir::look(Look::Start), whole, Hir::look(Look::End)]))
}

/// What `(?ims)` switches on. (`U` makes no difference to whether a text is matched.)
#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_matches_newline: bool,
}

/// A group that is not closed yet.
#[derive(Default)]
struct Group {
    /// The flags outside.
    outer: Flags,
    /// The alternatives before the last `|`.
    alternatives: Vec<Node>,
    /// The parts after it.
    sequence: Vec<Node>,
}

struct Parser<'a> {
    rest: &'a str,
    flags: Flags,
    /// The open groups, from the outside in; the first is Go's `(?:` around the item.
    groups: Vec<Group>,
}

impl Parser<'_> {
    fn parse(mut self) -> Result<Hir, SyntaxError> {
        // Whether what is behind us is a repetition, which cannot be repeated.
        let mut repeated = false;
        while let Some(next) = take(&mut self.rest) {
            let after_repetition = std::mem::take(&mut repeated);
            match next {
                '(' => self.open()?,
                '|' => self.group()?.next_alternative()?,
                ')' => {
                    if let Some(whole) = self.close()? {
                        return Ok(whole);
                    }
                }
                '*' | '+' | '?' | '{' => match self.count(next)? {
                    None => self.literal(next)?,
                    Some(_) if after_repetition => return Err(SyntaxError::InvalidRepeatOp),
                    Some((min, max)) => {
                        let sub = self.group()?.sequence.pop().ok_or(SyntaxError::MissingRepeatArgument)?;
                        self.push(sub.repeat(min, max)?)?;
                        repeated = true;
                    }
                },
                '^' => self.push(if self.flags.multi_line { Look::StartLF } else { Look::Start })?,
                '$' => self.push(if self.flags.multi_line { Look::EndLF } else { Look::End })?,
                '.' if self.flags.dot_matches_newline => self.push(AsciiSet::ALL)?,
                '.' => self.push(!AsciiSet::of("\n"))?,
                '[' => {
                    let set = class::parse(&mut self.rest, self.flags.ignore_case)?;
                    self.push(set)?;
                }
                '\\' => self.backslash()?,
                literal => self.literal(literal)?,
            }
        }
        Err(SyntaxError::MissingParen)
    }

    fn group(&mut self) -> Result<&mut Group, SyntaxError> {
        // There always is one: closing the first ends the parse.
        self.groups.last_mut().ok_or(SyntaxError::UnexpectedParen)
    }

    fn push(&mut self, node: impl Into<Node>) -> Result<(), SyntaxError> {
        self.group()?.sequence.push(node.into());
        Ok(())
    }

    fn literal(&mut self, literal: char) -> Result<(), SyntaxError> {
        let code = u32::from(literal);
        self.push(AsciiSet::range(code, code, self.flags.ignore_case))
    }

    /// What follows `(`: a group, or flags for the rest of this one.
    fn open(&mut self) -> Result<(), SyntaxError> {
        let mut flags = self.flags;
        if eat(&mut self.rest, "?P<") || eat(&mut self.rest, "?<") {
            let (name, rest) = self.rest.split_once('>').ok_or(SyntaxError::InvalidNamedCapture)?;
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return Err(SyntaxError::InvalidNamedCapture);
            }
            self.rest = rest;
        } else if eat(&mut self.rest, "?") {
            let (mut on, mut any) = (true, false);
            loop {
                match take(&mut self.rest) {
                    Some('i') => flags.ignore_case = on,
                    Some('m') => flags.multi_line = on,
                    Some('s') => flags.dot_matches_newline = on,
                    Some('U') => {}
                    Some('-') if on => {
                        (on, any) = (false, false);
                        continue;
                    }
                    Some(':') if on || any => break,
                    Some(')') if on || any => {
                        self.flags = flags;
                        return Ok(());
                    }
                    _ => return Err(SyntaxError::InvalidPerlOp),
                }
                any = true;
            }
        }
        self.groups.push(Group { outer: self.flags, ..Group::default() });
        self.flags = flags;
        Ok(())
    }

    /// After `)`: what the whole pattern matches, if this closes the group around it.
    fn close(&mut self) -> Result<Option<Hir>, SyntaxError> {
        let group = self.groups.pop().ok_or(SyntaxError::UnexpectedParen)?;
        self.flags = group.outer;
        let node = group.close()?;
        if !self.groups.is_empty() {
            self.push(node)?;
            return Ok(None);
        }
        // Go takes `a)|(b` for `^(?:a)|(b)$`, which is not about the whole namespace (SPEC 2).
        if self.rest == "$" { Ok(Some(node.hir)) } else { Err(SyntaxError::UnexpectedParen) }
    }

    /// What follows a repetition operator, and how often it repeats. `None`: the operator is a literal `{`.
    fn count(&mut self, operator: char) -> Result<Option<(u32, Option<u32>)>, SyntaxError> {
        let (min, max) = match operator {
            '*' => (0, None),
            '+' => (1, None),
            '?' => (0, Some(1)),
            _ => {
                let Some((min, max, rest)) = braces(self.rest) else { return Ok(None) };
                self.rest = rest;
                if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
                    return Err(SyntaxError::InvalidRepeatSize);
                }
                (min, max)
            }
        };
        // Prefer fewer: the same texts are matched.
        eat(&mut self.rest, "?");
        Ok(Some((min, max)))
    }

    /// What follows a backslash outside of a class.
    fn backslash(&mut self) -> Result<(), SyntaxError> {
        for (escape, look) in
            [("A", Look::Start), ("z", Look::End), ("b", Look::WordAscii), ("B", Look::WordAsciiNegate)]
        {
            if eat(&mut self.rest, escape) {
                return self.push(look);
            }
        }
        if eat(&mut self.rest, "Q") {
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            return quoted.chars().try_for_each(|literal| self.literal(literal));
        }
        let set = match escape::set(&mut self.rest, self.flags.ignore_case)? {
            Some(set) => set,
            None => {
                let code = escape::character(&mut self.rest)?;
                AsciiSet::range(code, code, self.flags.ignore_case)
            }
        };
        self.push(set)
    }
}

impl Group {
    fn next_alternative(&mut self) -> Result<(), SyntaxError> {
        let sequence = std::mem::take(&mut self.sequence);
        self.alternatives.push(Node::join(sequence, Hir::concat)?);
        Ok(())
    }

    fn close(mut self) -> Result<Node, SyntaxError> {
        self.next_alternative()?;
        Node::join(self.alternatives, Hir::alternation)
    }
}

/// Reads `min}`, `min,}` or `min,max}`, and returns what follows. `None`: it is none of them.
fn braces(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (min, rest) = integer(text)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = integer(rest)?;
            (Some(max), rest)
        }
    };
    Some((min, max, rest.strip_prefix('}')?))
}

/// Reads a decimal number without leading zeros; one that is too large for its type is too large in any case.
fn integer(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0');
    (!digits.is_empty() && !has_leading_zero).then(|| (digits.parse().unwrap_or(u32::MAX), rest))
}

/// Takes the next character.
fn take(rest: &mut &str) -> Option<char> {
    let mut chars = rest.chars();
    let next = chars.next();
    *rest = chars.as_str();
    next
}

/// Takes `text`, if it comes next.
fn eat(rest: &mut &str, text: &str) -> bool {
    rest.strip_prefix(text).map(|after| *rest = after).is_some()
}
