//! What is fuzzed: for each target a function that takes any bytes, and panics where something is wrong.
//!
//! `fuzz/` has a cargo-fuzz target for each of [`TARGETS`], and the inputs that were of interest; `tests/corpus.rs` replays these on
//! every run of the tests, without a fuzzer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a target tells what is wrong by a panic")]

mod answers;
mod kubeconfigs;
mod manifests;
mod meaning;
mod objects;
mod texts;

/// A target by its name, which is that of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("annotations", objects::annotations),
    ("answers", answers::answers),
    ("durations", texts::durations),
    ("flags", texts::flags),
    ("keys", texts::keys),
    ("kubeconfigs", kubeconfigs::kubeconfigs),
    ("lists", texts::lists),
    ("manifests", manifests::manifests),
    ("objects", objects::objects),
];

/// Runs a target.
///
/// # Panics
/// When there is none of this name, or it finds something wrong.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    target(data);
}
