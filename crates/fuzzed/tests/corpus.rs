//! The inputs of `fuzz/corpus`, replayed: those that fuzzing found to be of interest, and those that were wrong once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

use k8s_replicator_fuzzed::TARGETS;
use k8s_replicator_sim::dice::Dice;

#[test]
fn every_input_of_the_corpus_is_fine() {
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        assert!(inputs.len() >= 10, "{name} has {} inputs", inputs.len());
        for (input, data) in inputs {
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{}", input.display());
            }
        }
    }
}

/// Cheap fuzzing without a fuzzer, the same each time: the corpus' inputs, changed at random. More with `FUZZ_COUNT=100000`, others with
/// `FUZZ_SEED=2`.
#[test]
fn inputs_that_were_changed_at_random_are_fine() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (count, seed) = (number("FUZZ_COUNT", 1_000), number("FUZZ_SEED", 1));
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        let mut dice = Dice::new(seed);
        for n in 0..count {
            let mut data = dice.pick(&inputs).1;
            (0..=dice.roll(4)).for_each(|_| change(&mut dice, &inputs, &mut data));
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{name}, the {n}. of FUZZ_SEED={seed}: {:?}", String::from_utf8_lossy(&data));
            }
        }
    }
}

/// One change: a byte, a part that is gone, that comes twice, or that comes from another input.
fn change(dice: &mut Dice, inputs: &[(PathBuf, Vec<u8>)], data: &mut Vec<u8>) {
    let part = |dice: &mut Dice, data: &[u8]| {
        let from = dice.roll(data.len() + 1);
        from..(from + dice.roll(24)).min(data.len())
    };
    let (at, range) = (dice.roll(data.len() + 1), part(dice, data));
    match dice.roll(6) {
        0 => data.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << dice.roll(8)),
        1 => data.insert(at, dice.pick(b"\0\n\x1b -:,'\"{}[]&*!|>#%0a=/\x80\xff")),
        2 => drop(data.drain(range)),
        3 => {
            let twice = data[range].to_vec();
            data.splice(at..at, twice);
        }
        4 => data.truncate(at),
        _ => {
            let other = dice.pick(inputs).1;
            let range = part(dice, &other);
            data.splice(at..at, other[range].iter().copied());
        }
    }
}

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Each target has its program, and each program its target.
#[test]
fn every_target_has_its_program() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut found: Vec<String> = std::fs::read_dir(programs)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert_eq!(found, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}
