//! Two controllers with different flags, each of which takes back what the other wrote (issue 9: 28 writes a second for one target, and
//! 495 for twenty).
//!
//! With `--nocapture` the test prints the requests of both together about the target that had most.

use k8s_replicator_core::decide::Rules;

use super::store::{Asked, Store, ten_minutes};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A pair of rules, and what they fight for.
struct Fight {
    name: &'static str,
    rules: fn(Rules) -> [Rules; 2],
    source: &'static str,
    /// Whether the targets pull; else the source pushes to them.
    pulls: bool,
}

const FIGHTS: [Fight; 2] = [
    Fight {
        name: "--allow-all",
        rules: |rules| [Rules { allow_all: true, ..rules.clone() }, rules],
        source: "",
        pulls: true,
    },
    Fight {
        name: "--require-acceptance",
        rules: |rules| [Rules { require_acceptance: true, ..rules.clone() }, rules],
        source: "replicate-to=TARGETS",
        pulls: false,
    },
];

#[test]
fn two_controllers_that_fight_ask_once_a_second_at_most() {
    for (fight, targets, delay) in FIGHTS.iter().flat_map(|fight| {
        [(1, [0, 0]), (20, [0, 0]), (20, [5, 5]), (1, [0, 5]), (20, [0, 5]), (20, [60, 0])]
            .map(|(targets, delay)| (fight, targets, delay))
    }) {
        let names: Vec<String> = (0..targets).map(|n| format!("b/t{n}")).collect();
        let source = fight.source.replace("TARGETS", &names.join(","));
        let mut objects = vec![object("a/src", 5, &source, json!({ "k": "v" }))];
        if fight.pulls {
            objects.extend(
                (7..).zip(&names).map(|(version, name)| object(name, version, "replicate-from=a/src", json!({}))),
            );
        }
        let mut store = Store::of(&Secret, &objects);
        let rules = (fight.rules)(Rules::default());
        let mut controllers: Vec<Loop> = rules
            .into_iter()
            .zip(delay)
            .map(|(rules, delay)| Loop::under(&Secret, Rules { removal_delay: delay * SECOND, ..rules }, &objects))
            .collect();
        let run = ten_minutes(&mut controllers, &mut store, |_| None);
        let most: Asked =
            names.iter().map(|name| run.asked[name].clone()).max_by_key(|asked| asked.requests[0]).unwrap();
        let case = format!("{}, {targets} targets, removal delays {delay:?} s", fight.name);
        println!("{case}: {most:?}, of all {:?}, {} lines", run.all(), run.lines.len());
        for asked in names.iter().map(|name| &run.asked[name]) {
            assert!(asked.requests.iter().all(|requests| *requests <= 60), "{case}: {asked:?}");
            assert!(asked.writes[0] > 2, "{case}: they do not fight: {asked:?}");
            let later = asked.requests[1..].iter().sum::<usize>().div_ceil(9);
            assert!(later < asked.requests[0] || later <= 2, "{case}: {asked:?}");
        }
        assert!(run.lines.iter().any(|line| line.ends_with("failed Contested")), "{case}: {:?}", run.lines);
    }
}
