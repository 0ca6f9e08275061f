//! SPEC 5, 2: consent, in every combination.

use super::table::{check, step};
use super::world::World;

/// `replication-allowed`, `replication-allowed-namespaces` (the target is in `b`), `--allow-all`: why it is refused.
const CONSENT: [(&str, &str, bool, Option<&str>); 30] = [
    ("", "", false, Some("ConsentMissing")),
    ("", "", true, None),
    ("", "allowed-ns=a,b", false, None),
    ("", "allowed-ns=a,b", true, None),
    ("", "allowed-ns=[bc]", false, None),
    ("", "allowed-ns=[bc]", true, None),
    ("", "allowed-ns=a,bb", false, Some("NamespaceNotAllowed")),
    ("", "allowed-ns=a,bb", true, Some("NamespaceNotAllowed")),
    ("", "allowed-ns=", false, Some("NamespaceNotAllowed")),
    ("", "allowed-ns=", true, Some("NamespaceNotAllowed")),
    ("allowed", "", false, None),
    ("allowed", "", true, None),
    ("allowed", "allowed-ns=a,b", false, None),
    ("allowed", "allowed-ns=a,b", true, None),
    ("allowed", "allowed-ns=[bc]", false, None),
    ("allowed", "allowed-ns=[bc]", true, None),
    ("allowed", "allowed-ns=a,bb", false, Some("NamespaceNotAllowed")),
    ("allowed", "allowed-ns=a,bb", true, Some("NamespaceNotAllowed")),
    ("allowed", "allowed-ns=", false, Some("NamespaceNotAllowed")),
    ("allowed", "allowed-ns=", true, Some("NamespaceNotAllowed")),
    ("allowed=false", "", false, Some("ConsentRefused")),
    ("allowed=false", "", true, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=a,b", false, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=a,b", true, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=[bc]", false, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=[bc]", true, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=a,bb", false, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=a,bb", true, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=", false, Some("ConsentRefused")),
    ("allowed=false", "allowed-ns=", true, Some("ConsentRefused")),
];

/// Checks every combination in a world where `{}` is the source's consent; `given` and `refused` are the expected steps.
fn each(world: &str, given: &str, refused: &str) {
    for (allowed, namespaces, allow_all, reason) in CONSENT {
        let consent = format!("{allowed} {namespaces}");
        let world = world.replace("{}", consent.trim());
        let mut world = World::new(&if allow_all { format!("allow-all; {world}") } else { world });
        let chain = namespaces.strip_prefix("allowed-ns=").unwrap_or(".*");
        let expected = match reason {
            None => given.replace("{}", chain),
            Some(reason) => refused.replace("{}", reason),
        };
        assert_eq!(step(&mut world, "b/t").0, expected, "{consent:?}, allow all: {allow_all}");
    }
}

#[test]
fn a_target_that_holds_a_copy_is_cleared() {
    each(
        "c/src #8 {} :new; b/t from=c/src version=7 origin=c/src chain=- :old",
        "update SourceChanged c/src +version=8 +chain={} data=new as Opaque ← c/src b/t",
        "clear {} c/src -version -origin -chain data=- as Opaque ← b/t",
    );
}

#[test]
fn a_target_that_is_held_by_once_is_cleared_all_the_same() {
    each(
        "c/src #8 {} :new; b/t from=c/src version=7 once chain=x :old",
        "update InheritedChanged c/src +chain={} ← c/src b/t",
        "clear {} c/src -version -chain data=- as Opaque ← b/t",
    );
}

#[test]
fn a_target_that_never_received_anything_is_not_touched() {
    each(
        "c/src #8 {} :new; b/t from=c/src :own",
        "update FirstCopy c/src +version=8 +origin=c/src +chain={} data=new as Opaque ← c/src",
        "refuse {} c/src",
    );
}

#[test]
fn a_combined_replica_is_made_empty() {
    each(
        "a/s from=c/src to=b/t :own; c/src #8 {} :new",
        "create NewTarget a/s {from=c/src by=a/s version=8 origin=c/src chain={}} Opaque new ← a/s c/src",
        "create NewTarget a/s {from=c/src by=a/s} Opaque - ← a/s",
    );
}

#[test]
fn a_combined_replica_is_emptied() {
    each(
        "a/s from=c/src to=b/t :own; c/src #8 {} :new; b/t from=c/src by=a/s version=7 origin=c/src chain=x :old",
        "update SourceChanged c/src +version=8 +chain={} data=new as Opaque ← a/s c/src b/t",
        "clear {} c/src -version -origin -chain data=- as Opaque ← a/s",
    );
}

#[test]
fn whose_consent_it_is() {
    check(&[
        (
            "a replica's own consent is for those who pull from it",
            "a/src #8 allowed-ns=b :new; b/t from=a/src allowed=false allowed-ns=x :old",
            "b/t",
            "update FirstCopy a/src +version=8 +origin=a/src +chain=b data=new as Opaque ← a/src",
        ),
        (
            "a combined source's consent is not asked for its own push",
            "a/s from=c/f to=b/t allowed=false :own; c/f #8 allowed :new",
            "b/t",
            "create NewTarget a/s {from=c/f allowed=false by=a/s version=8 origin=c/f chain=.*} Opaque new ← a/s c/f",
        ),
        (
            "it is asked for the replica's namespace, not for that of the combined source",
            "a/s from=c/f to=b/t :own; c/f #8 allowed-ns=a :new",
            "b/t",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s",
        ),
        (
            "a pull in the source's own namespace needs it, too",
            "b/src #8 allowed-ns=a :new; b/t from=src :old",
            "b/t",
            "refuse NamespaceNotAllowed b/src",
        ),
        (
            "an illegal literal names nothing, beside one that names something",
            "a/src #8 allowed-ns=ns-.,b :new; b/t from=a/src :old",
            "b/t",
            "update FirstCopy a/src +version=8 +origin=a/src +chain=ns-.,b data=new as Opaque ← a/src",
        ),
    ]);
}
