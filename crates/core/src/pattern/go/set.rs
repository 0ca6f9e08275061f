//! The ASCII part of a set of characters.

use std::ops::{BitOr, Not};

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir};

/// A set of ASCII characters: bit n is character n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AsciiSet(u128);

impl AsciiSet {
    pub(super) const EMPTY: Self = Self(0);
    pub(super) const ALL: Self = Self(!0);
    pub(super) const DIGIT: Self = Self::between('0', '9');
    pub(super) const UPPER: Self = Self::between('A', 'Z');
    pub(super) const LOWER: Self = Self::between('a', 'z');
    pub(super) const CONTROL: Self = Self(Self::between('\0', '\x1F').0 | Self::of("\x7F").0);
    pub(super) const LETTER: Self = Self(Self::UPPER.0 | Self::LOWER.0);

    /// The characters of a text.
    pub(super) const fn of(text: &str) -> Self {
        let (bytes, mut bits, mut i) = (text.as_bytes(), 0, 0);
        while i < bytes.len() {
            bits |= 1 << bytes[i];
            i += 1;
        }
        Self(bits)
    }

    /// The characters from one ASCII character to another.
    pub(super) const fn between(first: char, last: char) -> Self {
        Self((!0 >> (127 - last as u32)) & (!0 << first as u32))
    }

    /// The ASCII characters among the code points `first..=last`, or equal to one of them but for case.
    pub(super) fn range(first: u32, last: u32, ignore_case: bool) -> Self {
        let ascii = if first < 128 { Self((!0 >> (127 - last.min(127))) & (!0 << first)) } else { Self::EMPTY };
        if !ignore_case {
            return ascii;
        }
        // The two other characters whose lower case is ASCII: the long s, and the sign for Kelvin.
        [('\u{17F}', "s"), ('\u{212A}', "k")]
            .into_iter()
            .filter(|(other, _)| (first..=last).contains(&u32::from(*other)))
            .fold(ascii, |set, (_, letter)| set | Self::of(letter))
            .ignoring_case()
    }

    /// With both cases of every letter.
    pub(super) const fn ignoring_case(self) -> Self {
        const BETWEEN_CASES: u32 = 'a' as u32 - 'A' as u32;
        let (upper, lower) = (self.0 & Self::UPPER.0, self.0 & Self::LOWER.0);
        Self(self.0 | upper << BETWEEN_CASES | lower >> BETWEEN_CASES)
    }
}

impl BitOr for AsciiSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for AsciiSet {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl From<AsciiSet> for Hir {
    fn from(set: AsciiSet) -> Self {
        let bytes = (0..128).filter(|byte| set.0 >> byte & 1 == 1).map(|byte| ClassBytesRange::new(byte, byte));
        Self::class(Class::Bytes(ClassBytes::new(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_both_cases_stay_when_case_is_ignored() {
        for text in ["a1Z", "aAzZ1", "Aaz1"] {
            assert_eq!(AsciiSet::of(text).ignoring_case().0, AsciiSet::of("aAzZ1").0, "{text}");
        }
    }
}
