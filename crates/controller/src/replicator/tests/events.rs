//! Which reports become Events, on which object, and what they say.

use k8s_replicator_core::decide::{Verb, Verdict};
use k8s_replicator_core::names::{SourceKey, TargetKey};
use k8s_replicator_core::reason::Reason;

use super::*;
use crate::events::{Occurrence, Party};
use crate::report::Report;

/// `a/src` pushes to `b`, `c` and `d`, where `b` has the replica; `b/pull` and `b/lost` pull, the latter from what is not there;
/// `d` terminates.
fn cluster() -> Loop {
    let pull = object("b/pull", 3, "replicate-from=a/src", json!({}));
    let lost = object("b/lost", 4, "replicate-from=a/none", json!({}));
    let plain = object("c/src", 5, "replication-allowed=true", json!({}));
    let mut it =
        Loop::with(&[source(1, "v1"), replica("b", 2, 1), pull, lost, plain, object("d/src", 6, "", json!({}))]);
    it.namespace(NamespaceEvent::Seen { name: "d".into(), facts: NamespaceFacts::new(true) });
    it
}

fn happened(it: &Loop, target: &str, verdict: (Reason, Option<&str>), outcome: Outcome) -> Option<Occurrence> {
    let (reason, source) = verdict;
    let verdict =
        Verdict { reason, source: source.map(|name| SourceKey::from(key(name))), detail: Some("Detail.".into()) };
    Occurrence::of(it.replicator.graph(), &Secret, &Report::new(TargetKey::from(key(target)), verdict, outcome))
}

/// Its objects in few words, the other one after an arrow; and whether they have a uid.
fn parties(occurrence: &Occurrence) -> String {
    let shown = |party: &Party| {
        assert_eq!(party.kind, "Secret");
        match &party.uid {
            Some(uid) => {
                assert_eq!(*uid, format!("uid-of-{}", party.key));
                party.key.to_string()
            }
            None => format!("{} (no uid)", party.key),
        }
    };
    match &occurrence.related {
        Some(related) => format!("{} -> {}", shown(&occurrence.regarding), shown(related)),
        None => shown(&occurrence.regarding),
    }
}

fn failed(verb: Option<Verb>, reason: Reason) -> Outcome {
    Outcome::Failed { verb, reason, error: "The server's words.".into(), retry_in: Duration::from_secs(60) }
}

/// A write is told on the target, a failure on the target if it exists, and a refusal on the object whose owner can act.
#[test]
fn an_event_is_on_the_object_whose_owner_can_act() {
    let it = cluster();
    let source = Some("a/src");
    let done = |verb| Outcome::Done { verb, resource_version: None };
    let waits = || Outcome::Waits(None);
    for (target, verdict, outcome, expected) in [
        ("b/src", (Reason::SourceChanged, source), done(Verb::Update), "b/src -> a/src"),
        ("c/gone", (Reason::SourceStoppedPushing, source), done(Verb::Delete), "c/gone (no uid) -> a/src"),
        ("b/src", (Reason::SourceChanged, source), failed(None, Reason::Forbidden), "b/src -> a/src"),
        (
            "c/new",
            (Reason::NewTarget, source),
            failed(Some(Verb::Create), Reason::Forbidden),
            "a/src -> c/new (no uid)",
        ),
        // The source's owner has to mend the source, or to choose another name.
        ("b/pull", (Reason::SourceIllFormed, source), Outcome::Refused, "a/src -> b/pull"),
        ("b/pull", (Reason::SourceIncomplete, source), waits(), "a/src -> b/pull"),
        ("b/pull", (Reason::NotCreatedBySource, source), Outcome::Refused, "a/src -> b/pull"),
        ("b/pull", (Reason::AnotherSourceWins, source), Outcome::Refused, "a/src -> b/pull"),
        ("b/pull", (Reason::NotAccepted, source), Outcome::Refused, "a/src -> b/pull"),
        // The target's annotations are its owner's, whoever it is a replica of.
        ("b/src", (Reason::IllFormed, source), Outcome::Refused, "b/src -> a/src"),
        ("b/src", (Reason::Paused, source), Outcome::Refused, "b/src -> a/src"),
        ("b/src", (Reason::NotMadeByController, source), Outcome::Refused, "b/src -> a/src"),
        // A push is what the source's owner asked for, a pull what the target's owner asked for.
        ("b/src", (Reason::RemovalHeld, source), waits(), "a/src -> b/src"),
        ("c/src", (Reason::RemovalHeld, source), waits(), "a/src -> c/src"),
        ("b/pull", (Reason::RemovalHeld, source), waits(), "b/pull -> a/src"),
        // The source is named by the target, where the verdict names none; it need not exist.
        ("b/src", (Reason::RemovalHeld, None), waits(), "a/src -> b/src"),
        ("b/pull", (Reason::RemovalHeld, None), waits(), "b/pull -> a/src"),
        ("b/lost", (Reason::SourceMissing, None), Outcome::Refused, "b/lost -> a/none (no uid)"),
        ("b/lost", (Reason::SourceIllFormed, None), Outcome::Refused, "b/lost -> a/none (no uid)"),
        ("c/src", (Reason::IllFormed, None), Outcome::Refused, "c/src"),
        ("a/src", (Reason::Loop, source), Outcome::Refused, "a/src"),
        // Advice is about one object.
        ("b/pull", (Reason::LooksLikeGlob, None), Outcome::Advice, "b/pull"),
        ("b/src", (Reason::LooksLikeGlob, source), Outcome::Advice, "b/src"),
    ] {
        let what = format!("{target} {verdict:?} {outcome:?}");
        let occurrence = happened(&it, target, verdict, outcome).expect(&what);
        assert_eq!(parties(&occurrence), expected, "{what}");
        // The version that is copied, for people: of the source that exists.
        let has_source = expected.contains("->") && !expected.contains("a/none");
        assert_eq!(occurrence.version, has_source.then(|| ResourceVersion::new("1")), "{what}");
    }
}

/// Where the object is not, or will not be for long, there is no place for an Event; nor has the controller rights beyond its scope.
#[test]
fn an_event_needs_a_namespace() {
    let it = cluster();
    let refused = |target: &str| happened(&it, target, (Reason::IllFormed, None), Outcome::Refused);
    assert!(refused("c/src").is_some());
    assert_eq!(refused("d/src"), None, "its namespace terminates");
    assert_eq!(refused("nowhere/x"), None);
    let settings = Settings {
        rules: Rules::default(),
        scope: Scope::Namespaces([k8s_replicator_core::names::Namespace::parse("b").unwrap()].into()),
        entropy: Box::new(|| 0),
        tells_all: true,
    };
    let mut scoped = Loop { replicator: Replicator::new(&Secret, settings), moment: Moment::ZERO };
    scoped.namespace(NamespaceEvent::ListBegins);
    for name in ["a", "b"] {
        scoped.namespace(NamespaceEvent::Seen { name: name.into(), facts: NamespaceFacts::new(false) });
    }
    scoped.namespace(NamespaceEvent::ListEnds);
    let refused = |target: &str| happened(&scoped, target, (Reason::IllFormed, None), Outcome::Refused);
    assert_eq!([refused("a/x").is_some(), refused("b/x").is_some()], [false, true]);
}

/// The action is a verb, the note the text of the log line, with the other end.
#[test]
fn an_event_says_what_the_log_line_says() {
    let it = cluster();
    let source = Some("a/src");
    let says = |target: &str, reason: Reason, source, outcome| {
        let occurrence = happened(&it, target, (reason, source), outcome).unwrap();
        format!("{} {}: {}", occurrence.action, occurrence.reason, occurrence.note)
    };
    let done = |verb| Outcome::Done { verb, resource_version: None };
    for (verb, action, words, failed_words) in [
        (Verb::Create, "Create", "Replica created", "The replica could not be created"),
        (Verb::Adopt, "Adopt", "Replica adopted", "The replica could not be adopted"),
        (Verb::Update, "Update", "Replica updated", "The replica could not be updated"),
        (Verb::Clear, "Clear", "Replica cleared", "The replica could not be cleared"),
        (Verb::Delete, "Delete", "Replica deleted", "The replica could not be deleted"),
        (Verb::Recreate, "Recreate", "Replica deleted, to be created again", "The replica could not be deleted"),
    ] {
        let sentence = Reason::SourceChanged.sentence();
        let expected = format!("{action} SourceChanged: {words}: {sentence} Source: a/src.");
        assert_eq!(says("b/src", Reason::SourceChanged, source, done(verb)), expected);
        let sentence = Reason::Invalid.sentence();
        let expected = format!("{action} Invalid: {failed_words}: {sentence} Source: a/src. The server's words.");
        assert_eq!(says("b/src", Reason::SourceChanged, source, failed(Some(verb), Reason::Invalid)), expected);
    }
    let sentence = Reason::Forbidden.sentence();
    let expected =
        format!("Read Forbidden: An object could not be read: {sentence} Source: a/src. The server's words.");
    assert_eq!(says("b/src", Reason::SourceChanged, source, failed(None, Reason::Forbidden)), expected);
    let sentence = Reason::NotCreatedBySource.sentence();
    let expected = format!("Refuse NotCreatedBySource: {sentence} Target: b/pull. Detail.");
    assert_eq!(says("b/pull", Reason::NotCreatedBySource, source, Outcome::Refused), expected);
    let sentence = Reason::RemovalDelayed.sentence();
    let expected = format!("Wait RemovalDelayed: {sentence} Source: a/src. Detail.");
    assert_eq!(says("b/pull", Reason::RemovalDelayed, source, Outcome::Waits(None)), expected);
    let sentence = Reason::LooksLikeGlob.sentence();
    let expected = format!("Advise LooksLikeGlob: {sentence} Detail.");
    assert_eq!(says("b/pull", Reason::LooksLikeGlob, None, Outcome::Advice), expected);
}
