//! What is drawn of what was found, character by character.

use k8s_replicator_core::explain::By;
use k8s_replicator_core::trail::Question;

use super::*;

const NOW: i64 = 1_800_000_000;
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

fn refused() -> Answer {
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

fn draw(width: usize, answer: &Answer) -> String {
    answer.draw(Paper { width: Some(width), colour: false }, NOW)
}

#[test]
fn a_refusal_in_80_columns() {
    let expected = "\
Secret shop/db is refused: NamespaceNotAllowed
  The source's replication-allowed-namespaces do not name this namespace.

Chain
  shop/db  version 1042, 5h old, holds no copy
      replicate-from: \"vault/db\"
  ↑ pulls from
  vault/db  version 1042, 5h old, holds no copy, waiting: SourceMissing
      replicate-from: \"origin/db\"
      replication-allowed-namespaces: \"team-.*\"
  ↑ pulls from
  origin/db  missing

Questions
  ✓ IsTarget  replicate-from: \"vault/db\", no replicated-by
  ✗ Consent   vault/db: no replication-allowed, replication-allowed-namespaces:
              \"team-.*\" → NamespaceNotAllowed

Who waits for it
  Pod web-7f9c4d5b8-xk2lp   env DB_PASSWORD   CreateContainerConfigError

Who has the object
  Helm release shop in namespace shop

What to do
  Add the target's namespace to the source's `replication-allowed-namespaces`. A
  pattern has to match the whole name.

    kubectl -n vault annotate secret db --overwrite 'k8s-replicator/replication-allowed-namespaces=team-.*,shop'

You may not list namespaces.
";
    assert_eq!(draw(80, &refused()), expected);
    // The documentation shows it.
    let shown = expected.trim_end_matches("\nYou may not list namespaces.\n");
    for document in [include_str!("../../../../../docs/commands.md"), include_str!("../../../../../README.md")] {
        assert!(document.contains(shown), "it shows what is drawn");
    }
    assert!(!refused().is_fine());
}

#[test]
fn in_160_columns_sentences_are_not_drawn_out() {
    let drawn = draw(160, &refused());
    assert!(drawn.contains(
        "  Add the target's namespace to the source's `replication-allowed-namespaces`. A pattern has to\n  match the whole name.\n"
    ), "{drawn}");
    assert!(
        drawn.contains(
            "  ✗ Consent   vault/db: no replication-allowed, replication-allowed-namespaces: \"team-.*\" →\n"
        ),
        "{drawn}"
    );
}

#[test]
fn what_is_well_is_short() {
    let copy = Seen {
        copy: Some("1040".to_owned()),
        copied: Some(NOW - 60),
        ..seen("shop/db", None, There::Present, &[("replicated-by", "data/db")])
    };
    let answer = Answer {
        entry: Some(entry(Standing::Known(State::Current), Reason::UpToDate, "shop/db", "data/db")),
        chain: vec![copy, seen("data/db", Some(By::Creator), There::Present, &[("replicate-to-namespaces", "shop")])],
        steps: vec![step(
            Question::AsWanted,
            "nothing differs that is to be written",
            Outcome::Decided(Reason::UpToDate),
        )],
        ..answer()
    };
    let expected = "\
Secret shop/db is current: UpToDate
  The replica agrees with its source.

Chain
  shop/db  version 1042, 5h old, holds version 1040, copied 60s ago
      replicated-by: \"data/db\"
  ↑ made by the push of
  data/db  version 1042, 5h old
      replicate-to-namespaces: \"shop\"

Questions
  ✓ AsWanted  nothing differs that is to be written → UpToDate
";
    assert_eq!(draw(80, &answer), expected);
    assert!(answer.is_fine());
}

#[test]
fn a_source_shows_who_gets_its_data() {
    let answer = Answer {
        target: key("data/db"),
        no_target: Some(Reason::NotATarget),
        chain: vec![seen("data/db", None, There::Present, &[("replicate-to-namespaces", "shop,team-.*")])],
        given: vec![
            entry(Standing::Known(State::Refused), Reason::NotCreatedBySource, "shop/db", "data/db"),
            entry(Standing::Known(State::Current), Reason::UpToDate, "team-a/db", "data/db"),
        ],
        ..answer()
    };
    let expected = "\
Secret data/db is the source of 2 targets: 1 refused, 1 current

Chain
  data/db  version 1042, 5h old
      replicate-to-namespaces: \"shop,team-.*\"

Who gets its data
  refused   NotCreatedBySource   shop/db     5h old
  current   UpToDate             team-a/db   5h old

Next

    kubectl replicator explain secret shop/db
";
    assert_eq!(draw(80, &answer), expected);
    assert!(!answer.is_fine());
}

#[test]
fn what_comes_next_is_said_while_it_is_about_to_be_done() {
    let pending = Entry {
        verb: Some("create"),
        created: None,
        ..entry(Standing::Known(State::Waiting), Reason::NewTarget, "shop/db", "data/db")
    };
    let answer = Answer { entry: Some(pending), controller: Some(("kube-system/r".to_owned(), 0)), ..answer() };
    assert!(draw(160, &answer).ends_with(
        "What comes next\n  The controller would create it, and no pod of Deployment kube-system/r is ready.\n"
    ));
    // A failed attempt says more.
    let attempt = Attempt { reason: Reason::Forbidden, message: "secrets is forbidden".to_owned(), at: Some(NOW - 30) };
    let answer = Answer { attempts: vec![attempt], ..answer };
    let drawn = draw(160, &answer);
    assert!(
        drawn.starts_with("Secret shop/db is waiting: Forbidden\n  The controller lacks a permission.\n"),
        "{drawn}"
    );
    assert!(drawn.contains("Attempts that failed\n  Forbidden, 30s ago: secrets is forbidden\n"), "{drawn}");
    assert!(drawn.contains("What to do\n  The message names the verb"), "{drawn}");
}
