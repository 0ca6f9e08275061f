//! Character classes: `[a-z]`, `[^[:alpha:]\d]`.

use super::set::AsciiSet;
use super::{SyntaxError, eat, escape, names, take};

/// Reads a class behind its `[`.
///
/// Only `]`, `\`, `-` and `[:` mean anything in there; `&&`, `~~`, `--` and `[` are characters.
pub(super) fn parse(rest: &mut &str, ignore_case: bool) -> Result<AsciiSet, SyntaxError> {
    let negated = eat(rest, "^");
    let mut set = AsciiSet::EMPTY;
    // At the start `]` is a character.
    let mut first = true;
    while first || !eat(rest, "]") {
        first = false;
        set = set | item(rest, ignore_case)?;
    }
    Ok(if negated { !set } else { set })
}

/// Reads a named set, a range or a character.
fn item(rest: &mut &str, ignore_case: bool) -> Result<AsciiSet, SyntaxError> {
    // Without `:]` somewhere behind it `[:` is two characters.
    if let Some((name, after)) = rest.strip_prefix("[:").and_then(|inside| inside.split_once(":]")) {
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let set = names::posix(name).ok_or(SyntaxError::InvalidCharRange)?;
        *rest = after;
        return Ok(escape::named(set, negated, ignore_case));
    }
    if let Some(mut after) = rest.strip_prefix('\\')
        && let Some(set) = escape::set(&mut after, ignore_case)?
    {
        *rest = after;
        return Ok(set);
    }
    let low = character(rest)?;
    let mut high = low;
    // At the end `-` is a character.
    if rest.starts_with('-') && !rest.starts_with("-]") {
        eat(rest, "-");
        high = character(rest)?;
        if high < low {
            return Err(SyntaxError::InvalidCharRange);
        }
    }
    Ok(AsciiSet::range(low, high, ignore_case))
}

fn character(rest: &mut &str) -> Result<u32, SyntaxError> {
    match take(rest).ok_or(SyntaxError::MissingBracket)? {
        '\\' => escape::character(rest),
        character => Ok(u32::from(character)),
    }
}
