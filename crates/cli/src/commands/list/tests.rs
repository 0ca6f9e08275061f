use k8s_replicator_core::state::State;

use super::*;
use crate::snapshots::Snapshots;

const NOW: i64 = 1_800_000_000;

fn entry(standing: Standing, reason: Option<Reason>, target: &str, source: &str) -> Entry {
    let created = Some(NOW - 3 * 86_400 - 4 * 3_600);
    Entry { version: Some("1042".to_owned()), created, ..Entry::secret(target, source, standing, reason) }
}

fn entries() -> Vec<Entry> {
    let known = Standing::Known;
    sorted(vec![
        entry(
            known(State::Current),
            Some(Reason::UpToDate),
            "shop-staging/database-credentials",
            "data/database-credentials",
        ),
        Entry { kind: "ConfigMap", ..entry(known(State::Current), Some(Reason::UpToDate), "team-a/ca", "certs/ca") },
        entry(Standing::Unread, None, "team-a/db", "data/database-credentials"),
        Entry {
            version: None,
            created: None,
            ..entry(known(State::Waiting), Some(Reason::NamespaceMissing), "team-z/db", "data/db")
        },
        Entry {
            version: None,
            ..entry(known(State::Refused), Some(Reason::NamespaceNotAllowed), "shop/db", "data/db")
        },
        Entry { version: None, ..entry(Standing::Unseen, None, "shop/keys", "vault/keys") },
        entry(known(State::Failing), Some(Reason::Contested), "shop/tls", "certs/tls"),
        entry(known(State::Held), Some(Reason::RemovalHeld), "shop/old", "data/old"),
    ])
}

fn source(kind: &'static str, key: &str, worst: Option<(Standing, Option<Reason>)>, counts: [usize; 2]) -> Source {
    let [current, targets] = counts;
    Source {
        kind,
        key: Key::resolve(key, "").unwrap(),
        version: Some("1042".to_owned()),
        created: Some(NOW - 30 * 86_400),
        targets,
        current,
        worst: worst.map(|(standing, _)| standing),
        reason: worst.and_then(|(_, reason)| reason),
        advice: Vec::new(),
    }
}

fn all_sources() -> Vec<Source> {
    let known = |state, reason| Some((Standing::Known(state), Some(reason)));
    vec![
        source("Secret", "certs/tls", known(State::Failing, Reason::Contested), [11, 12]),
        Source {
            advice: vec![Reason::LooksLikeGlob, Reason::NoNamespaceReached],
            ..source("Secret", "data/db", known(State::Refused, Reason::NamespaceNotAllowed), [0, 2])
        },
        Source {
            version: None,
            created: None,
            ..source("Secret", "vault/keys", known(State::Waiting, Reason::SourceMissing), [0, 1])
        },
        source("Secret", "data/database-credentials", Some((Standing::Unread, None)), [1, 2]),
        source("ConfigMap", "certs/ca", known(State::Current, Reason::UpToDate), [214, 214]),
        source("ConfigMap", "certs/nobody-asks-for-this-one", None, [0, 0]),
    ]
}

/// Names as long as Kubernetes allows.
fn long() -> Vec<Entry> {
    let name = format!("{}.{}", "a".repeat(60), "b".repeat(60));
    let known = Standing::Known(State::Refused);
    vec![
        entry(known, Some(Reason::NamespaceNotAllowed), &format!("shop-staging/{name}"), &format!("data/{name}")),
        entry(known, Some(Reason::NamespaceNotWatched), "shop/db", "data/db"),
    ]
}

#[test]
fn outputs_are_as_they_were_looked_at() {
    let notes = ["You may not list namespaces.".to_owned()];
    let whole = |paper, entries: &[Entry]| {
        let next = next_step(paper, entries).map(|next| next + "\n").unwrap_or_default();
        draw(paper, NOW, entries, true) + &next
    };
    let mut snapshots = Snapshots::of("list");
    snapshots.text("targets", |paper| whole(paper, &entries()));
    snapshots.file("targets.json", &targets_json(&entries(), &notes));
    snapshots.text("long", |paper| whole(paper, &long()));
    snapshots.text("sources", |paper| draw_sources(paper, NOW, &all_sources(), true));
    snapshots.file("sources.json", &sources_json(&all_sources(), &notes));
    snapshots.check();
}

#[test]
fn what_to_do_next_is_said_where_something_is_not_as_wanted() {
    let current: Vec<_> = entries().split_off(6);
    assert_eq!(next_step(Paper::default(), &current), None);
    assert_eq!(draw(Paper::default(), NOW, &[], true), "");
    assert_eq!(nothing_found(false, None), "No replicas found.");
    let shop = Namespace::parse("shop").unwrap();
    let expected = "No sources found in namespace shop; -A lists those of all namespaces.";
    assert_eq!(nothing_found(true, Some(&shop)), expected);
}

#[test]
fn a_reason_that_does_not_exist_is_answered_with_similar_ones() {
    assert_eq!(reason("loop"), Ok(Reason::Loop));
    assert_eq!(reason("Nonsense"), Err("no reason has this code. docs/reasons.md has all".to_owned()));
    assert_eq!(
        reason("consent"),
        Err("no reason has this code. Similar: ConsentMissing, ConsentRefused. docs/reasons.md has all".to_owned())
    );
}
