//! A message, and what of it is hidden: in a time that is proportional to what is looked for in it, whatever the two hold.

use std::hash::{BuildHasher as _, RandomState};

/// A shorter piece of a value may occur in a message by chance; a piece of this length is never shown.
pub(super) const PIECE: usize = 6;
/// No more of a message than this is examined, or shown.
pub(super) const LONGEST: usize = 4 << 10;
const REDACTED: &str = "[redacted]";
/// The fewest lists of a message's texts.
const FEWEST_LISTS: usize = 64;

/// Bytes that differ only in how programs write the same text: case, and the two alphabets of Base64.
const SPELLING: [u8; 256] = folded(&[(b'-', b'+'), (b'_', b'/')]);
/// Also the separators of listed bytes.
const LISTING: [u8; 256] = folded(&[(b'-', b'+'), (b'_', b'/'), (b',', b' '), (b':', b' ')]);

const fn folded(same: &[(u8, u8)]) -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).to_ascii_lowercase();
        byte += 1;
    }
    let mut pair = 0;
    while pair < same.len() {
        table[same[pair].0 as usize] = same[pair].1;
        pair += 1;
    }
    table
}

/// A message, and which texts of it are to be hidden.
///
/// All texts in it that could have to be hidden are known beforehand: each piece, and each shorter word. They are kept by
/// hash, in lists of which most are empty, so that a text that is not in the message costs one look into memory.
pub(super) struct Hidden<'a> {
    message: &'a str,
    texts: Vec<Text>,
    /// Where texts stand: the text, and the place of its first byte. A text can stand at several places.
    places: Vec<(usize, usize)>,
    /// By hash: the first text of a list, counted from 1. 0: none has this hash.
    lists: Vec<u16>,
    /// Random, so that nobody can choose texts that have the same hash.
    multiplier: u64,
    shift: u32,
    /// How many bytes were looked for, and texts compared. Tests see by it that a Secret takes no more time than it may.
    pub(super) steps: usize,
}

struct Text {
    /// Its length and its folded bytes.
    number: u64,
    is_hidden: bool,
    /// The next of its list, as in [`Hidden::lists`].
    next: u16,
}

impl<'a> Hidden<'a> {
    /// Of a message of which nothing is hidden yet: of its beginning, if it is longer than [`LONGEST`].
    pub(super) fn of(message: &'a str) -> Self {
        let message = &message[..message.floor_char_boundary(LONGEST)];
        let bytes = message.as_bytes();
        let is_inner = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let begins_word = |at: usize| !is_inner(at.checked_sub(1).and_then(|before| bytes.get(before)));
        let words = (0..bytes.len()).filter(|at| begins_word(*at)).flat_map(|at| {
            // Texts of one byte, two, and so on, up to the longest that is shorter than a piece.
            let ends = (1..PIECE)
                .map(move |length| at + length)
                .filter(|end| *end <= bytes.len() && !is_inner(bytes.get(*end)));
            ends.map(move |end| (at, number(&bytes[at..end])))
        });
        let pieces = bytes.windows(PIECE).map(number).enumerate();
        let found: Vec<(usize, u64)> = words.chain(pieces).collect();
        let lists = (4 * found.len()).next_power_of_two().max(FEWEST_LISTS);
        let mut hidden = Self {
            message,
            texts: Vec::new(),
            places: Vec::with_capacity(found.len()),
            lists: vec![0; lists],
            multiplier: RandomState::new().hash_one(0) | 1,
            shift: u64::BITS - lists.ilog2(),
            steps: 0,
        };
        for (at, number) in found {
            hidden.insert(at, number);
        }
        hidden
    }

    fn insert(&mut self, at: usize, number: u64) {
        let text = self.find(number).unwrap_or_else(|| {
            let list = self.list(number);
            // There are fewer than `PIECE * LONGEST` texts.
            let first = u16::try_from(self.texts.len() + 1).unwrap_or_default();
            let next = std::mem::replace(&mut self.lists[list], first);
            self.texts.push(Text { number, is_hidden: false, next });
            self.texts.len() - 1
        });
        self.places.push((text, at));
    }

    fn list(&self, number: u64) -> usize {
        (number.wrapping_mul(self.multiplier) >> self.shift) as usize
    }

    fn find(&mut self, number: u64) -> Option<usize> {
        let mut next = self.lists[self.list(number)];
        while let Some(at) = usize::from(next).checked_sub(1) {
            self.steps += 1;
            let text = &self.texts[at];
            if text.number == number {
                return Some(at);
            }
            next = text.next;
        }
        None
    }

    fn hide_number(&mut self, number: u64) {
        if let Some(text) = self.find(number) {
            self.texts[text].is_hidden = true;
        }
    }

    /// Hides every piece of this text; and all of it where it is shorter than a piece and stands there as a word.
    pub(super) fn hide(&mut self, text: &[u8]) {
        self.steps += text.len();
        let Some((first, rest)) = text.split_at_checked(PIECE) else {
            if !text.trim_ascii().is_empty() {
                self.hide_number(number(text));
            }
            return;
        };
        let mut piece = number(first);
        self.hide_number(piece);
        for byte in rest {
            piece = next_piece(piece, *byte);
            self.hide_number(piece);
        }
    }

    /// The message up to this byte, without what is hidden.
    pub(super) fn shown(&self, end: usize) -> String {
        let mut is_hidden = vec![false; self.message.len()];
        for (text, at) in self.places.iter().filter(|(text, _)| self.texts[*text].is_hidden) {
            is_hidden[*at..*at + length(self.texts[*text].number)].fill(true);
        }
        let mut shown = String::new();
        let mut was_hidden = false;
        for (at, character) in self.message.char_indices().take_while(|(at, _)| *at < end) {
            // One of several bytes is hidden if one of them is.
            let is_hidden = is_hidden[at..at + character.len_utf8()].contains(&true);
            match (is_hidden, was_hidden) {
                (false, _) => shown.push(character),
                (true, false) => shown.push_str(REDACTED),
                (true, true) => {}
            }
            was_hidden = is_hidden;
        }
        shown
    }
}

/// A text of up to [`PIECE`] bytes as a number: its length, and its bytes without the differences that do not count. Of a word
/// the separators count: a value that is a comma is no space.
fn number(text: &[u8]) -> u64 {
    let fold = if text.len() < PIECE { &SPELLING } else { &LISTING };
    text.iter().fold(text.len() as u64, |number, byte| number << 8 | u64::from(fold[usize::from(*byte)]))
}

/// The piece that begins one byte later than this one.
fn next_piece(piece: u64, byte: u8) -> u64 {
    const BYTES: u64 = (1 << (8 * PIECE)) - 1;
    (piece << 8 | u64::from(LISTING[usize::from(byte)])) & BYTES | (PIECE as u64) << (8 * PIECE)
}

/// The length of the text that has this number.
fn length(number: u64) -> usize {
    (0..=PIECE).rev().find(|length| number >> (8 * length) == *length as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So a text that is not in the message costs one look into memory.
    #[test]
    fn most_lists_are_empty() {
        let long: String = (0..LONGEST).map(|n| format!("{n} ")).collect();
        for message in ["", "hunter22", &long] {
            let Hidden { lists, .. } = Hidden::of(message);
            let used = lists.iter().filter(|first| **first > 0).count();
            assert!(4 * used <= lists.len(), "{used} of {}", lists.len());
        }
    }

    /// What bounds the steps bounds the time.
    #[test]
    fn each_byte_and_each_comparison_is_a_step() {
        let mut hidden = Hidden::of("hunter22");
        let before = hidden.steps;
        hidden.hide(b"hunter22");
        assert!(hidden.steps - before >= 8 + 3, "{}", hidden.steps - before);
    }
}
