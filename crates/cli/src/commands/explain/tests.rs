//! What is drawn of what was found.

use k8s_replicator_core::explain::By;
use k8s_replicator_core::trail::Question;

use super::*;
use crate::snapshots::Snapshots;

pub(in crate::commands) const NOW: i64 = 1_800_000_000;
const HOUR: i64 = 3_600;

fn key(text: &str) -> Key {
    Key::resolve(text, "").unwrap()
}

fn seen(name: &str, by: Option<By>, there: There, annotations: &[(&str, &str)]) -> Seen {
    let is_present = there == There::Present;
    Seen {
        link: Link { key: key(name), by, there, again: false },
        entry: None,
        version: is_present.then(|| "1042".to_owned()),
        created: is_present.then_some(NOW - 5 * HOUR),
        copy: None,
        copied: None,
        annotations: annotations
            .iter()
            .map(|(key, value)| (format!("k8s-replicator/{key}"), (*value).to_owned()))
            .collect(),
        visible: true,
        deleting: false,
    }
}

fn entry(standing: Standing, reason: Reason, target: &str, source: &str) -> Entry {
    Entry { created: Some(NOW - 5 * HOUR), ..Entry::secret(target, source, standing, Some(reason)) }
}

fn step(question: Question, fact: &str, outcome: Outcome) -> Step {
    Step { question, fact: fact.to_owned(), outcome }
}

fn answer() -> Answer {
    Answer {
        kind: "Secret",
        target: key("shop/db"),
        entry: None,
        no_target: None,
        from: None,
        chain: Vec::new(),
        steps: Vec::new(),
        rivals: Vec::new(),
        advice: Vec::new(),
        attempts: Vec::new(),
        waiting: Vec::new(),
        owners: Vec::new(),
        given: Vec::new(),
        commands: Vec::new(),
        unread: None,
        controller: None,
        prefix: "k8s-replicator/".to_owned(),
        notes: Vec::new(),
    }
}

pub(in crate::commands) fn refused() -> Answer {
    let allowed = seen(
        "vault/db",
        Some(By::Pull),
        There::Present,
        &[("replicate-from", "origin/db"), ("replication-allowed-namespaces", "team-.*")],
    );
    let allowed = Seen {
        entry: Some(entry(Standing::Known(State::Waiting), Reason::SourceMissing, "vault/db", "origin/db")),
        ..allowed
    };
    Answer {
        entry: Some(entry(Standing::Known(State::Refused), Reason::NamespaceNotAllowed, "shop/db", "vault/db")),
        chain: vec![
            seen("shop/db", None, There::Present, &[("replicate-from", "vault/db")]),
            allowed,
            seen("origin/db", Some(By::Pull), There::Missing, &[]),
        ],
        steps: vec![
            step(Question::FirstLists, "they are complete", Outcome::Passed),
            step(Question::IsTarget, "replicate-from: \"vault/db\", no replicated-by", Outcome::Passed),
            step(
                Question::Consent,
                "vault/db: no replication-allowed, replication-allowed-namespaces: \"team-.*\"",
                Outcome::Decided(Reason::NamespaceNotAllowed),
            ),
        ],
        waiting: vec![Consumer {
            kind: "Pod",
            name: "web-7f9c4d5b8-xk2lp".to_owned(),
            uses: vec!["env DB_PASSWORD".to_owned()],
            state: Some("CreateContainerConfigError".to_owned()),
        }],
        owners: vec!["Helm release shop in namespace shop".to_owned()],
        commands: vec![
            "kubectl -n vault annotate secret db --overwrite 'k8s-replicator/replication-allowed-namespaces=team-.*,shop'".to_owned(),
        ],
        notes: vec!["You may not list namespaces.".to_owned()],
        ..answer()
    }
}

fn current() -> Answer {
    let copy = Seen {
        copy: Some("1040".to_owned()),
        copied: Some(NOW - 60),
        ..seen("shop/db", None, There::Present, &[("replicated-by", "data/db")])
    };
    Answer {
        entry: Some(entry(Standing::Known(State::Current), Reason::UpToDate, "shop/db", "data/db")),
        chain: vec![copy, seen("data/db", Some(By::Creator), There::Present, &[("replicate-to-namespaces", "shop")])],
        steps: vec![step(Question::AsWanted, "nothing to write", Outcome::Decided(Reason::UpToDate))],
        ..answer()
    }
}

fn source() -> Answer {
    Answer {
        target: key("data/db"),
        no_target: Some(Reason::NotATarget),
        chain: vec![seen("data/db", None, There::Present, &[("replicate-to-namespaces", "shop,team-.*")])],
        given: vec![
            entry(Standing::Known(State::Refused), Reason::NotCreatedBySource, "shop/db", "data/db"),
            entry(Standing::Known(State::Current), Reason::UpToDate, "team-a/db", "data/db"),
        ],
        ..answer()
    }
}

/// What is about to be made.
fn pending() -> Answer {
    let pending = Entry {
        verb: Some("create"),
        created: None,
        ..entry(Standing::Known(State::Waiting), Reason::NewTarget, "shop/db", "data/db")
    };
    Answer {
        entry: Some(pending),
        chain: vec![
            seen("shop/db", None, There::Missing, &[]),
            seen("data/db", Some(By::Push), There::Present, &[("replicate-to-namespaces", "shop")]),
        ],
        steps: vec![
            step(Question::Pushed, "data/db, the only one", Outcome::Passed),
            step(Question::AsWanted, "no object has the name", Outcome::Decided(Reason::NewTarget)),
        ],
        controller: Some(("kube-system/k8s-replicator".to_owned(), 1)),
        ..answer()
    }
}

fn failing() -> Answer {
    let said = "The replica could not be created: The controller lacks a permission. Source: data/db. create Secret shop/db: the \
                server answered 403 Forbidden: secrets \"db\" is forbidden: exceeded quota: few, requested: count/secrets=1, \
                used: count/secrets=3, limited: count/secrets=3";
    let attempt = Attempt { reason: Reason::Forbidden, message: said.to_owned(), at: Some(NOW - 30) };
    Answer { attempts: vec![attempt], ..pending() }
}

/// All that can be said of an object, which is more than is ever said of one; with names that are longer than most.
fn much() -> Answer {
    let long = "database-credentials-of-the-shop-in-production-and-of-nobody-else";
    let (target, above) = (format!("shop-production/{long}"), format!("vault-production/{long}"));
    let copy = Seen {
        copy: Some("1040".to_owned()),
        copied: Some(NOW - 90),
        deleting: true,
        ..seen(&target, None, There::Present, &[("replicate-from", &above)])
    };
    let unseen = Seen { visible: false, ..seen(&above, Some(By::Pull), There::Unknown, &[]) };
    let ring = Link { again: true, ..seen(&target, Some(By::Pull), There::Present, &[]).link };
    let ring = Seen { link: ring, ..seen(&target, Some(By::Pull), There::Present, &[]) };
    let advice = Advice {
        reason: Reason::LooksLikeGlob,
        detail: "replicate-to-namespaces: \"team-*\" is a regular expression, in which \"*\" repeats what is before it; for any \
                 text write \"team-.*\""
            .to_owned(),
    };
    let pod = |number: usize| Consumer {
        kind: "Pod",
        name: format!("web-7f9c4d5b8-{number:05}"),
        uses: vec!["env DB_PASSWORD".to_owned(), "volume credentials".to_owned()],
        state: Some("CreateContainerConfigError".to_owned()),
    };
    Answer {
        target: key(&target),
        entry: Some(Entry {
            detail: Some("\"perhaps\" is neither true nor false in replicate-once".to_owned()),
            ..entry(Standing::Known(State::Refused), Reason::SourceIllFormed, &target, &above)
        }),
        from: Some((key("data/other"), format!("data/other has no part in {target}, whose source is {above}"), false)),
        chain: vec![copy, unseen, ring],
        steps: vec![step(
            Question::SourceWellFormed,
            &format!("{above}: \"perhaps\" is neither true nor false in replicate-once"),
            Outcome::Decided(Reason::SourceIllFormed),
        )],
        rivals: vec![(key("data/younger"), Reason::AnotherSourceWins, Some("data/db made the object".to_owned()))],
        advice: vec![(key("data/db"), advice, "kubectl -n data edit secret db".to_owned())],
        waiting: (0..12).map(pod).collect(),
        owners: vec!["Argo CD application shop".to_owned(), "its data was written by kubectl-create, helm".to_owned()],
        commands: vec![format!("kubectl -n vault-production edit secret {long}")],
        notes: vec![
            "You may not see secrets but in shop-production.".to_owned(),
            "You may not list Pods in shop-production: who waits for the object is not known.".to_owned(),
        ],
        ..answer()
    }
}

#[test]
fn outputs_are_as_they_were_looked_at() {
    let held = Answer {
        entry: Some(entry(Standing::Known(State::Held), Reason::HeldByOnce, "shop/db", "data/db")),
        commands: vec![
            "kubectl -n data annotate secret db --overwrite k8s-replicator/replicate-once-version=2".to_owned(),
        ],
        steps: vec![step(
            Question::Once,
            "replicate-once: \"true\", and it holds a copy",
            Outcome::Decided(Reason::HeldByOnce),
        )],
        ..current()
    };
    let none = Answer {
        no_target: Some(Reason::NotWanted),
        chain: vec![seen("shop/db", None, There::Missing, &[])],
        steps: vec![step(Question::Pushed, "no source pushes to it", Outcome::Decided(Reason::NotWanted))],
        ..answer()
    };
    let answers = [
        ("refused", refused()),
        ("current", current()),
        ("source", source()),
        ("pending", pending()),
        ("failing", failing()),
        ("held", held),
        ("none", none),
        ("much", much()),
    ];
    let mut snapshots = Snapshots::of("explain");
    for (name, answer) in answers {
        snapshots.text(name, |paper| answer.draw(paper, NOW));
        snapshots.file(&format!("{name}.json"), &super::written(&answer.json()));
        assert_eq!(answer.is_fine(), matches!(name, "current" | "held"), "{name}");
    }
    snapshots.check();
}

#[test]
fn the_documentation_shows_what_is_drawn() {
    let drawn = refused().draw(Paper { width: Some(80), colour: false }, NOW);
    let shown = drawn.trim_end_matches("\nYou may not list namespaces.\n");
    for document in [include_str!("../../../../../docs/commands.md"), include_str!("../../../../../README.md")] {
        assert!(document.contains(shown), "{shown}");
    }
}

#[test]
fn what_comes_next_depends_on_whether_the_controller_runs() {
    let answer = Answer { controller: Some(("kube-system/r".to_owned(), 0)), ..pending() };
    let drawn = answer.draw(Paper { width: Some(160), colour: false }, NOW);
    assert!(drawn.ends_with(
        "What comes next\n  The controller would create it, and no pod of Deployment kube-system/r is ready.\n"
    ));
}
