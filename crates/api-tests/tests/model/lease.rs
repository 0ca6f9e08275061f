//! The Lease of an election: what candidates ask for, in random order, of the model and of the real server.

use k8s_replicator_api_tests::Scene;
use k8s_replicator_sim::api::lease::{Leases, NAME, NAMESPACE};
use k8s_replicator_sim::dice::Dice;
use serde_json::{Value, json};

use super::answer::Answer;
use super::pair::{JSON, Pair, Seen, request};

/// So many histories,
const HISTORIES: u64 = 12;
/// of so many requests each.
const REQUESTS: usize = 30;

/// What of the API server's Lease the model does not keep, and the controller does not read.
const NOT_KEPT: [&str; 3] = ["creationTimestamp", "managedFields", "generation"];

struct Both {
    pair: Pair,
    model: Leases,
    /// Each version of the Lease on both, the newest last.
    seen: Vec<[Value; 2]>,
}

impl Both {
    fn path(&self, namespace: &str, rest: &str) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases{rest}")
    }

    /// Asks both, compares, and remembers what they show.
    fn ask(&mut self, method: &str, rest: &str, bodies: &[Value; 2]) {
        let real_namespace = self.pair.namespace.clone();
        let real_path = self.path(&real_namespace, rest) + if method == "GET" { "" } else { "?fieldManager=user" };
        let mut body = bodies[0].clone();
        if body.is_object() {
            body["metadata"]["namespace"] = json!(real_namespace);
        }
        let mut real = self.pair.real(method, &real_path, [JSON, JSON], &body);
        let model_path = self.path(NAMESPACE, rest) + if method == "GET" { "" } else { "?fieldManager=user" };
        let model = Answer::of_model(self.model.answer(&request(method, &model_path, [JSON, JSON], &bodies[1])));
        self.pair.history.push(format!("{method} {real_path} {body}\n  → {} {}", real.status, real.json()));
        let mut shown = real.json();
        if shown["kind"] == "Lease" {
            shown["metadata"]["namespace"] = json!(NAMESPACE);
            let metadata = shown["metadata"].as_object_mut().expect("metadata");
            metadata.retain(|name, _| !NOT_KEPT.contains(&&**name));
            let is = [shown.clone(), model.json()];
            if let Some(was) = self.seen.last() {
                let same = |n: usize| Seen::of(&was[n]).version == Seen::of(&is[n]).version;
                assert_eq!(same(0), same(1), "a new version?\n{}", self.pair.history.join("\n"));
            }
            self.seen.push(is);
        }
        real.body = shown.to_string().replace(&format!("/{real_namespace}/"), &format!("/{NAMESPACE}/")).into_bytes();
        self.pair.alike(&real, &model);
    }

    /// A Lease that somebody holds, as it is written onto what was read. None was read: as it is created.
    fn held(&self, read: Option<&[Value; 2]>, holder: &str, second: u8) -> [Value; 2] {
        let metadata = json!({ "namespace": NAMESPACE, "name": NAME });
        let new = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata });
        let mut both = read.cloned().unwrap_or_else(|| [new.clone(), new]);
        for object in &mut both {
            let time = format!("2026-11-30T10:00:{second:02}.123456Z");
            object["spec"]["holderIdentity"] = json!(holder);
            object["spec"]["leaseDurationSeconds"] = json!(if holder.is_empty() { 1 } else { 15 });
            object["spec"]["acquireTime"] = json!(time);
            object["spec"]["renewTime"] = json!(time);
            object["spec"]["leaseTransitions"] = json!(second / 20);
        }
        both
    }
}

#[test]
fn candidates_get_the_same_answers() {
    let scene = Scene::new();
    for seed in 0..HISTORIES {
        let short = format!("l{seed}");
        scene.namespaces(&[&short]);
        let pair = Pair::of(scene.plane().client().clone(), &scene.namespace_name(&short));
        let mut both = Both { pair, model: Leases::default(), seen: Vec::new() };
        let mut dice = Dice::new(seed);
        for _ in 0..REQUESTS {
            let holder = dice.pick(&["one", "two", ""]);
            let second = u8::try_from(dice.roll(60)).unwrap_or(0);
            let latest = both.seen.last().cloned();
            let any = (!both.seen.is_empty()).then(|| both.seen[dice.roll(both.seen.len())].clone());
            let one = format!("/{NAME}");
            match dice.roll(12) {
                0..=2 => both.ask("GET", &one, &[Value::Null, Value::Null]),
                3 | 4 => {
                    let bodies = both.held(None, holder, second);
                    both.ask("POST", "", &bodies);
                }
                5..=7 if latest.is_some() => {
                    let bodies = both.held(latest.as_ref(), holder, second);
                    both.ask("PUT", &one, &bodies);
                }
                8 if latest.is_some() => {
                    let bodies = both.held(any.as_ref(), holder, second);
                    both.ask("PUT", &one, &bodies);
                }
                // The same once more: nothing changes.
                9 if latest.is_some() => {
                    let bodies = latest.expect("a Lease");
                    both.ask("PUT", &one, &bodies);
                }
                10 => {
                    // Unconditional.
                    let bodies = both.held(None, holder, second);
                    both.ask("PUT", &one, &bodies);
                }
                _ if dice.once_in(2) => {
                    // Somebody deletes it, or it was not there yet when the backup was made.
                    let path = both.path(&both.pair.namespace, &one);
                    let status = both.pair.real("DELETE", &path, [JSON, JSON], &json!({})).status;
                    both.pair.history.push(format!("DELETE {path} → {status}"));
                    both.model.restore(&Leases::default());
                }
                _ => {}
            }
        }
    }
}
