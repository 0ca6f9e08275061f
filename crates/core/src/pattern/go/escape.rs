//! What may follow a backslash, inside a class and outside.

use super::set::AsciiSet;
use super::{SyntaxError, eat, names, take};

/// Reads a set: `d D s S w W`, `pN`, `p{Name}`, `p{^Name}` and `P…` for the negation. `None`: what follows is none of them.
pub(super) fn set(rest: &mut &str, ignore_case: bool) -> Result<Option<AsciiSet>, SyntaxError> {
    let mut after = *rest;
    let Some(letter) = take(&mut after) else { return Ok(None) };
    let (set, negated) = match letter {
        'p' | 'P' => {
            let name = name(&mut after)?;
            let (name, inverted) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
            let set = names::unicode(name).ok_or(SyntaxError::InvalidCharRange)?;
            (set, inverted != (letter == 'P'))
        }
        _ => match names::perl(letter.to_ascii_lowercase()) {
            None => return Ok(None),
            Some(set) => (set, letter.is_ascii_uppercase()),
        },
    };
    *rest = after;
    Ok(Some(named(set, negated, ignore_case)))
}

/// A named set: first either case, then negated.
pub(super) fn named(set: AsciiSet, negated: bool, ignore_case: bool) -> AsciiSet {
    let set = if ignore_case { set.ignoring_case() } else { set };
    if negated { !set } else { set }
}

/// The name behind `\p`: one character, or any number in braces.
fn name<'a>(rest: &mut &'a str) -> Result<&'a str, SyntaxError> {
    let text = *rest;
    let (name, after) = if eat(rest, "{") {
        rest.split_once('}')
    } else {
        let length = take(rest).map_or(0, char::len_utf8);
        text.split_at_checked(length)
    }
    .ok_or(SyntaxError::InvalidCharRange)?;
    *rest = after;
    Ok(name)
}

/// Reads one escaped character, and returns its code point (which may be one that is no `char`).
pub(super) fn character(rest: &mut &str) -> Result<u32, SyntaxError> {
    let next = take(rest).ok_or(SyntaxError::InvalidEscape)?;
    let code = match next {
        'a' => 0x07,
        'f' => 0x0C,
        'n' => 0x0A,
        'r' => 0x0D,
        't' => 0x09,
        'v' => 0x0B,
        'x' => hexadecimal(rest).ok_or(SyntaxError::InvalidEscape)?,
        // A backslash and one digit other than 0 would be a reference back.
        '1'..='7' if !rest.starts_with(is_octal) => return Err(SyntaxError::InvalidEscape),
        '0'..='7' => {
            let more = rest.bytes().take(2).take_while(|byte| is_octal(char::from(*byte))).count();
            let (digits, after) = rest.split_at(more);
            *rest = after;
            digits.bytes().fold(u32::from(next) - 0x30, |code, digit| code * 8 + u32::from(digit - b'0'))
        }
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => u32::from(other),
        _ => return Err(SyntaxError::InvalidEscape),
    };
    Ok(code)
}

fn is_octal(digit: char) -> bool {
    digit.is_digit(8)
}

/// Reads `41` or `{10FFFF}`.
fn hexadecimal(rest: &mut &str) -> Option<u32> {
    let (digits, after) = match rest.strip_prefix('{') {
        Some(inside) => inside.split_once('}')?,
        None => rest.split_at_checked(2)?,
    };
    *rest = after;
    // (Only digits: Rust would also read a sign.)
    let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?;
    (code <= u32::from(char::MAX)).then_some(code)
}
