//! A pattern as a table: one look-up for each character of a namespace.
//!
//! Made by the subset construction from the NFA of `regex-automata`, whose own automata are made for long texts and take
//! kilobytes each. Here both the table and the steps that it takes to make one are counted, and bounded by the caller
//! ([`Cost`]): the same text costs the same everywhere, whatever the machine does meanwhile.
//!
//! Texts are names of namespaces: ASCII, and at most [`MAX_NAMESPACE`] characters. States that only longer texts could reach are
//! not built.

use hashbrown::HashTable;
use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::Hir;

use super::index::Hash;
use crate::names::MAX_NAMESPACE;

/// The memory and time that one pattern takes, or may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// Bytes of the automaton.
    pub(super) bytes: usize,
    /// Steps in which it was made: a few nanoseconds each.
    pub(super) steps: usize,
}

/// The pattern exceeds its bounds.
#[derive(Debug)]
pub(super) struct TooLarge;

/// The most bytes that the NFA may take meanwhile.
const MAX_NFA: usize = 64 << 10;
const ASCII: usize = 128;
/// So many letters are looked at before it is asked whether any more have to be.
const PIECE: usize = 8;
/// The row of the state from which nothing is matched any more.
const DEAD: u16 = 0;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Automaton {
    /// The column of each character; the characters of one column are alike to the pattern.
    columns: Box<[u8; ASCII]>,
    /// A row for each state. In column 0 whether what was read until there is matched; in the others the next row.
    table: Box<[u16]>,
    start: u16,
}

impl Automaton {
    /// The automaton of an expression that begins with `Look::Start` and ends with `Look::End`.
    pub(super) fn new(expression: &Hir, most: Cost) -> Result<(Self, Cost), TooLarge> {
        let config = NFA::config().utf8(false).which_captures(WhichCaptures::None).nfa_size_limit(Some(MAX_NFA));
        // A well-formed expression over ASCII fails to compile by its size only.
        let nfa = NFA::compiler().configure(config).build_from_hir(expression).map_err(|_| TooLarge)?;
        Construction::new(&nfa, most).run()
    }

    /// Whether the whole of a text is matched, which is ASCII (as the names of namespaces are).
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut row = self.start;
        for byte in text.bytes() {
            row = self.next(row, byte);
            if row == DEAD {
                return false;
            }
        }
        self.accepts(row)
    }

    /// Which of four such texts are matched. To walk them side by side takes a third of the time: none waits for another's memory.
    pub(super) fn matches_four(&self, texts: [&str; 4]) -> [bool; 4] {
        let shortest = texts.map(str::len).into_iter().min().unwrap_or_default();
        let [one, two, three, four] = texts.map(|text| text.as_bytes().get(..shortest).unwrap_or_default());
        let mut rows = [self.start; 4];
        // Pieces of the texts, since it costs as much to see whether all are dead as to look at a letter.
        let pieces = one.chunks(PIECE).zip(two.chunks(PIECE)).zip(three.chunks(PIECE)).zip(four.chunks(PIECE));
        for (((one, two), three), four) in pieces {
            for (((one, two), three), four) in one.iter().zip(two).zip(three).zip(four) {
                let [first, second, third, fourth] = rows;
                rows = [
                    self.next(first, *one),
                    self.next(second, *two),
                    self.next(third, *three),
                    self.next(fourth, *four),
                ];
            }
            if rows == [DEAD; 4] {
                return [false; 4];
            }
        }
        std::array::from_fn(|which| {
            let rest = texts[which].bytes().skip(shortest);
            self.accepts(rest.fold(rows[which], |row, byte| self.next(row, byte)))
        })
    }

    fn next(&self, row: u16, byte: u8) -> u16 {
        self.cell(row, self.columns[usize::from(byte) % ASCII])
    }

    fn accepts(&self, row: u16) -> bool {
        self.cell(row, 0) != 0
    }

    fn cell(&self, row: u16, column: u8) -> u16 {
        self.table.get(usize::from(row) + usize::from(column)).copied().unwrap_or(DEAD)
    }

    /// Whether there is any legal name of a namespace (RFC 1123: lower-case letters and digits, and dashes within) that is
    /// matched.
    pub(super) fn matches_any_namespace(&self) -> bool {
        let letters = || (b'a'..=b'z').chain(b'0'..=b'9');
        let mut seen = vec![false; self.table.len()];
        let mut open: Vec<u16> = letters().map(|letter| self.next(self.start, letter)).collect();
        if open.iter().any(|row| self.accepts(*row)) {
            return true;
        }
        while let Some(row) = open.pop() {
            if row == DEAD || std::mem::replace(&mut seen[usize::from(row)], true) {
                continue;
            }
            if letters().any(|letter| self.accepts(self.next(row, letter))) {
                return true;
            }
            open.extend(letters().chain([b'-']).map(|byte| self.next(row, byte)));
        }
        false
    }
}

/// What is before or after a position in the text, as far as `\b` and `(?m)^` depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    LineFeed,
    Word,
    Other,
}

impl Beside {
    fn of(byte: u8) -> Self {
        match byte {
            b'\n' => Self::LineFeed,
            b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => Self::Word,
            _ => Self::Other,
        }
    }
}

/// A state of the automaton that is made: states of the NFA, in order, and what stands before the place.
type Set = (Box<[StateID]>, Beside);

fn hash(states: &[StateID], before: Beside) -> u64 {
    Hash::of_numbers(states.iter().map(|state| state.as_u32().into()).chain([before as u64]))
}

struct Construction<'n> {
    nfa: &'n NFA,
    most: Cost,
    steps: usize,
    columns: Box<[u8; ASCII]>,
    /// A character of each column, from the second on.
    characters: Vec<u8>,
    /// Whether what stands before a place matters, other than whether it is the beginning.
    looks_behind: bool,
    rows: HashTable<(Set, u16)>,
    /// The states whose rows are to be filled, with what is read until there.
    open: Vec<(Set, u16)>,
    table: Vec<u16>,
    /// For each state of the NFA the last walk in which it was reached.
    reached: Vec<usize>,
    walk: usize,
    /// The states of the NFA that are still to be looked at in this walk: empty between walks, and kept for its memory.
    to_reach: Vec<StateID>,
}

impl<'n> Construction<'n> {
    fn new(nfa: &'n NFA, most: Cost) -> Self {
        let mut columns = Box::new([0; ASCII]);
        let mut characters = Vec::new();
        for (byte, column) in (0_u8..).zip(columns.iter_mut()) {
            let class = nfa.byte_classes().get(byte);
            // Classes are numbered in the order of the characters.
            if characters.last().is_none_or(|last| nfa.byte_classes().get(*last) != class) {
                characters.push(byte);
            }
            *column = u8::try_from(characters.len()).unwrap_or_default();
        }
        let looks = nfa.look_set_any().remove(Look::Start).remove(Look::End);
        Self {
            nfa,
            most,
            steps: 0,
            columns,
            characters,
            looks_behind: !looks.is_empty(),
            rows: HashTable::new(),
            open: Vec::new(),
            table: Vec::new(),
            reached: vec![0; nfa.states().len()],
            walk: 0,
            to_reach: Vec::new(),
        }
    }

    fn run(mut self) -> Result<(Automaton, Cost), TooLarge> {
        // The dead state.
        self.row(&mut [], Beside::Other)?;
        let mut first = Vec::new();
        self.walk += 1;
        self.reach(self.nfa.start_anchored(), None, &mut first)?;
        let start = self.row(&mut first, Beside::Nothing)?;
        for _ in 0..MAX_NAMESPACE {
            for (set, row) in std::mem::take(&mut self.open) {
                self.fill(&set, row)?;
            }
        }
        for (set, row) in std::mem::take(&mut self.open) {
            self.fill_accepting(&set, row)?;
        }
        let bytes = ASCII + size_of_val(&*self.table);
        let cost = Cost { bytes, steps: self.steps };
        Ok((Automaton { columns: self.columns, table: self.table.into(), start }, cost))
    }

    /// The row of a state, which is a new one if it is not there yet.
    fn row(&mut self, states: &mut [StateID], before: Beside) -> Result<u16, TooLarge> {
        states.sort_unstable();
        let before = if self.looks_behind || before == Beside::Nothing { before } else { Beside::Other };
        let hash_of_it = hash(states, before);
        let is_it = |((other, beside), _): &(Set, u16)| **other == *states && *beside == before;
        if let Some((_, row)) = self.rows.find(hash_of_it, is_it) {
            return Ok(*row);
        }
        let row = u16::try_from(self.table.len()).map_err(|_| TooLarge)?;
        self.table.resize(self.table.len() + 1 + self.characters.len(), DEAD);
        if ASCII + size_of_val(&*self.table) > self.most.bytes {
            return Err(TooLarge);
        }
        self.step(1 + self.characters.len())?;
        let set: Set = ((&*states).into(), before);
        self.open.push((set.clone(), row));
        self.rows.insert_unique(hash_of_it, (set, row), |((states, before), _)| hash(states, *before));
        Ok(row)
    }

    fn step(&mut self, steps: usize) -> Result<(), TooLarge> {
        self.steps += steps;
        if self.steps > self.most.steps { Err(TooLarge) } else { Ok(()) }
    }

    fn fill(&mut self, set: &Set, row: u16) -> Result<(), TooLarge> {
        self.fill_accepting(set, row)?;
        let has_looks = set.0.iter().any(|state| matches!(self.nfa.state(*state), State::Look { .. }));
        let mut after: Option<(Beside, Vec<StateID>)> = None;
        let mut next = Vec::new();
        for column in 0..self.characters.len() {
            let character = self.characters[column];
            let beside = Beside::of(character);
            if has_looks && after.as_ref().is_none_or(|(last, _)| *last != beside) {
                after = Some((beside, self.looked(set, beside)?));
            }
            next.clear();
            self.walk += 1;
            for state in after.as_ref().map_or(&*set.0, |(_, states)| states) {
                self.step(1)?;
                if let Some(state) = self.after(*state, character) {
                    self.reach(state, None, &mut next)?;
                }
            }
            let next = if next.is_empty() { DEAD } else { self.row(&mut next, beside)? };
            if let Some(cell) = self.table.get_mut(usize::from(row) + column + 1) {
                *cell = next;
            }
        }
        Ok(())
    }

    fn fill_accepting(&mut self, set: &Set, row: u16) -> Result<(), TooLarge> {
        let states = self.looked(set, Beside::Nothing)?;
        let accepts = states.iter().any(|state| matches!(self.nfa.state(*state), State::Match { .. }));
        if let Some(cell) = self.table.get_mut(usize::from(row)) {
            *cell = u16::from(accepts);
        }
        Ok(())
    }

    /// The states that are reached when it is known what follows.
    fn looked(&mut self, (states, before): &Set, after: Beside) -> Result<Vec<StateID>, TooLarge> {
        let mut reached = Vec::new();
        self.walk += 1;
        for state in states {
            self.reach(*state, Some((*before, after)), &mut reached)?;
        }
        Ok(reached)
    }

    /// Adds what is reached from a state without reading a character. Where it is not known yet what stands beside the place,
    /// a state that asks for it stays.
    fn reach(
        &mut self,
        from: StateID,
        beside: Option<(Beside, Beside)>,
        reached: &mut Vec<StateID>,
    ) -> Result<(), TooLarge> {
        self.to_reach.push(from);
        while let Some(id) = self.to_reach.pop() {
            self.step(1)?;
            if std::mem::replace(&mut self.reached[id.as_usize()], self.walk) == self.walk {
                continue;
            }
            let open = &mut self.to_reach;
            match self.nfa.state(id) {
                State::Look { look, next } => match beside {
                    None => reached.push(id),
                    Some((before, after)) if holds(*look, before, after) => open.push(*next),
                    Some(_) => {}
                },
                State::Union { alternates } => open.extend_from_slice(alternates),
                State::BinaryUnion { alt1, alt2 } => open.extend([*alt1, *alt2]),
                State::Capture { next, .. } => open.push(*next),
                State::Fail => {}
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Match { .. } => reached.push(id),
            }
        }
        Ok(())
    }

    /// The state after this one when it reads a character, if it does.
    fn after(&self, state: StateID, character: u8) -> Option<StateID> {
        match self.nfa.state(state) {
            State::ByteRange { trans } => trans.matches_byte(character).then_some(trans.next),
            State::Sparse(sparse) => sparse.matches_byte(character),
            State::Dense(dense) => dense.matches_byte(character),
            _ => None,
        }
    }
}

/// Whether an assertion holds between two things. One that Go's syntax cannot ask for does not.
fn holds(look: Look, before: Beside, after: Beside) -> bool {
    match look {
        Look::Start => before == Beside::Nothing,
        Look::End => after == Beside::Nothing,
        Look::StartLF => matches!(before, Beside::Nothing | Beside::LineFeed),
        Look::EndLF => matches!(after, Beside::Nothing | Beside::LineFeed),
        Look::WordAscii => (before == Beside::Word) != (after == Beside::Word),
        Look::WordAsciiNegate => (before == Beside::Word) == (after == Beside::Word),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::go;
    use super::*;

    /// The same text costs the same everywhere, after an update too: else a list that was well-formed would be so no more.
    #[test]
    fn what_a_pattern_costs_is_enough_to_compile_it_and_less_is_not() {
        for (text, bytes, steps) in [
            ("a", 152, 27),
            ("team-[a-z]+", 336, 264),
            (".*-(prod|staging)", 744, 1937),
            (r"(a|b\b).{2}", 352, 326),
            ("(?m)a$|^b", 184, 82),
        ] {
            let expression = go::parse(text).unwrap();
            let made = |most| Automaton::new(&expression, most).ok().map(|(_, cost)| cost);
            let cost = Cost { bytes, steps };
            assert_eq!(made(Cost { bytes: usize::MAX, steps: usize::MAX }), Some(cost), "{text}");
            assert_eq!(made(cost), Some(cost), "{text}");
            assert_eq!(made(Cost { bytes: bytes - 1, steps }), None, "{text}");
            assert_eq!(made(Cost { bytes, steps: steps - 1 }), None, "{text}");
        }
    }
}
