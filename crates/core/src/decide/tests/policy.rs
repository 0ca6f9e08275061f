//! SPEC 11: who gets what, which keys, with which labels, and when it is taken away.

use super::fixture::target;
use super::table::{Row, act, check, drain, settle, step};
use super::world::World;

/// SPEC 11.3.
#[test]
fn namespaces_by_label() {
    let rows: &[Row<'_>] = &[
        (
            "the label is there",
            "ns b +env=prod; a/src to-sel=env=prod :one",
            "b/src",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        ("it is not", "ns b +env=dev; a/src to-sel=env=prod :one", "b/src", "nothing NotWanted"),
        ("an empty selector names nothing", "ns b +env=prod; a/src to-sel= :one", "b/src", "nothing NotWanted"),
        (
            "besides the list",
            "ns b +env=prod; a/src to-sel=env=prod to-ns=c :one",
            "c/src",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        ("less the exceptions", "ns b +env=prod; a/src to-sel=env=prod to-ns=!b :one", "b/src", "nothing NotWanted"),
        (
            "with other names",
            "ns b +env=prod; a/src to-sel=env=prod to=x :one",
            "b/x",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        (
            "a label that goes takes the replica with it",
            "ns b +env=dev; a/src to-sel=env=prod; b/src by=a/src",
            "b/src",
            "delete SourceStoppedPushing a/src ← b/src",
        ),
        (
            "a namespace that is not known yet says nothing",
            "no-ns b; a/src to-sel=env=prod; b/src by=a/src; no-ns b",
            "b/src",
            "nothing NamespaceMissing a/src",
        ),
        (
            "consent",
            "ns b +env=prod; a/src allowed-sel=env=prod :one; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=selector. data=one as Opaque ← a/src",
        ),
        (
            "no consent",
            "ns b +env=dev; a/src allowed-sel=env=prod :one; b/t from=a/src",
            "b/t",
            "refuse NamespaceNotAllowed a/src",
        ),
        (
            "consent by list beside a selector",
            "a/src allowed-sel=env=prod allowed-ns=b :one; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=b,selector. data=one as Opaque ← a/src",
        ),
        (
            "consent less exceptions",
            "ns b +env=prod; a/src allowed-sel=env=prod allowed-ns=!b :one; b/t from=a/src",
            "b/t",
            "refuse NamespaceNotAllowed a/src",
        ),
    ];
    check(rows);
}

/// SPEC 11: the chain rule is decided by walking up.
#[test]
fn consent_by_label_holds_along_chains() {
    let chain = |labels: &str, root: &str| {
        format!(
            "ns c {labels}; {root} a/o allowed-sel=env=prod :one; b/m from=a/o allowed version=102 chain=selector. :one; \
             c/t from=b/m version=103 :one"
        )
    };
    let look = |text: &str| step(&mut World::new(text), "c/t").0;
    let filled = look(&chain("+env=prod", ""));
    assert!(filled.starts_with("update InheritedChanged b/m"), "{filled}");
    assert!(look(&chain("+env=dev", "")).starts_with("clear ChainNotAllowed b/m"));
    // Where the object with the selector is missing, whether it allows the namespace is not known; the one that hangs on it waits.
    let missing = "ns c +env=prod; removal-delay 5s; b/m from=a/o allowed version=102 chain=selector. :one; \
                   c/t from=b/m version=103 :one";
    assert_eq!(look(missing), "refuse ChainNotVisible b/m (a/o cannot be asked: it is missing or ill-formed)");
    let mut world = World::new(missing);
    assert_eq!(settle(&mut world).len(), 0);
    world.pass(std::time::Duration::from_secs(6));
    let steps = settle(&mut world).join("; ");
    assert!(steps.contains("b/m: clear SourceMissing a/o") && steps.contains("c/t: clear Chain"), "{steps}");
}

/// A namespace's new labels concern only those whose selection changes.
#[test]
fn labels_that_change_take_effect_at_once() {
    let mut world = World::new(
        "ns b +env=dev; a/src to-sel=env=prod :one; a/two to-sel=env=dev :two; a/o allowed-sel=env=prod :own; \
         b/t from=a/o; b/own from=c/x",
    );
    settle(&mut world);
    world.queue.clear();
    world.edit_namespace("b +env=prod");
    let touched: Vec<String> = world.queue.iter().map(ToString::to_string).collect();
    assert_eq!(touched, ["b/src", "b/t", "b/two"]);
    let steps = drain(&mut world);
    let words: Vec<&str> = steps.iter().map(|step| step.split(" a/").next().unwrap()).collect();
    assert_eq!(words, ["b/src: create NewTarget", "b/t: update FirstCopy", "b/two: delete SourceStoppedPushing"]);
    world.edit_namespace("b +env=prod +other=x");
    assert!(world.queue.is_empty());
}

/// SPEC 11.4.
#[test]
fn the_namespace_has_a_say() {
    let rows: &[Row<'_>] = &[
        (
            "it accepts",
            "ns b accept=a; a/src to=b/t :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        ("it does not", "ns b accept=c; a/src to=b/t :one", "b/t", "refuse NotAccepted a/src"),
        ("it accepts none", "ns b accept=-; a/src to=b/t :one", "b/t", "refuse NotAccepted a/src"),
        (
            "its own always may",
            "ns a accept=-; a/src to=a/t :one",
            "a/t",
            "create NewTarget a/src {by=a/src version=101} Opaque one ← a/src",
        ),
        (
            "withdrawn",
            "ns b accept=c; removal-delay 5s; a/src to=b/t; b/t by=a/src",
            "b/t",
            "delete NotAccepted a/src ← b/t",
        ),
        (
            "an item that is probably not meant as it is written",
            "ns b accept=c-*; a/src to=b/t",
            "b/t",
            "refuse NotAccepted a/src (accept-replicas-from: \"c-*\" is a regular expression, in which \"*\" repeats what is before it; \
             for any text write \"c-.*\")",
        ),
        ("nothing said, and it is required", "require-acceptance; a/src to=b/t", "b/t", "refuse NotAccepted a/src"),
        (
            "pulls need none",
            "ns b accept=-; a/src allowed :one; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=.* data=one as Opaque ← a/src",
        ),
        (
            "an accepted source comes before an older one",
            "ns b accept=c; a/src to=b/t @1; c/src to=b/t @2 :two",
            "b/t",
            "create NewTarget c/src {by=c/src version=102} Opaque two ← c/src",
        ),
        (
            "ill-formed",
            "ns b accept=(; a/src; b/t by=a/src",
            "b/t",
            "refuse NamespaceIllFormed a/src (b: accept-replicas-from: \"(\" is not a pattern: missing closing ))",
        ),
        (
            "the name of an object is no namespace, and narrows nothing",
            "ns b accept=a/src; a/src to=b/t; b/t by=a/src; b/u by=a/gone",
            "b/t",
            "refuse NamespaceIllFormed a/src (b: accept-replicas-from: \"a/src\" has a \"/\"; expected a namespace or a pattern)",
        ),
        ("excluded", "exclude b,x.*; a/src to=b/t", "b/t", "refuse NamespaceExcluded a/src"),
        ("what is there is left alone", "exclude b; b/t by=a/src", "b/t", "refuse NamespaceExcluded a/src"),
        ("nobody asks for it", "exclude b; b/t allowed :own", "b/t", "nothing NotATarget"),
    ];
    check(rows);
}

/// SPEC 11.7.
#[test]
fn what_is_paused_is_left_as_it_is() {
    let rows: &[Row<'_>] = &[
        ("a source that pushes", "a/src to=b/t paused", "b/t", "refuse Paused a/src (a/src is paused)"),
        (
            "a source that is pulled",
            "a/src paused; b/t from=a/src version=1",
            "b/t",
            "refuse Paused a/src (a/src is paused)",
        ),
        (
            "the older of two sources, whose type is not known: it keeps the name",
            "a/src to=b/t paused type:service-account-token; c/src to=b/t",
            "b/t",
            "refuse Paused a/src (a/src is paused)",
        ),
        (
            "the same, and its type is known",
            "a/src to=b/t paused type:service-account-token known; c/src to=b/t",
            "b/t",
            "refuse Paused a/src (a/src is paused)",
        ),
        ("a target", "b/t from=a/src version=1 paused", "b/t", "refuse Paused a/src (b/t is paused)"),
        ("a replica", "b/t by=a/src paused", "b/t", "refuse Paused a/src (b/t is paused)"),
        (
            "a replica that says so in other words",
            "b/t by=a/src paused=yes",
            "b/t",
            "refuse Paused a/src (b/t is paused)",
        ),
        ("a namespace", "ns b paused; a/src to=b/t", "b/t", "refuse Paused a/src (the namespace b is paused)"),
        ("one that is not the target's", "ns a paused; b/t by=a/src", "b/t", "delete SourceMissing a/src ← ?a/src b/t"),
        (
            "what a combined object pulls from",
            "a/o allowed paused :one; a/src from=a/o to=b/t; b/t by=a/src from=a/o",
            "b/t",
            "refuse Paused a/src (a/o is paused)",
        ),
        ("a replica's false", "a/src #7 to=b/t; b/t by=a/src version=7 paused=false", "b/t", "nothing UpToDate a/src"),
    ];
    check(rows);
}

/// SPEC 11.2.
#[test]
fn many_are_removed_only_when_that_is_approved() {
    let mut world =
        World::new("removal-limit 2; b/t by=a/src; b/u by=a/src; b/v from=a/src version=1 :one; c/own from=a/src");
    let held =
        "wait RemovalHeld a/src (SourceMissing, 3 replicas are due because of a/src, --removal-limit: 2) until 60s";
    assert_eq!(step(&mut world, "b/t").0, format!("{held} ← ?a/src"));
    for at in ["b/t", "b/u", "b/v"] {
        assert_eq!(step(&mut world, at).0, held);
    }
    world.edit("b/u by=a/src approved");
    assert_eq!(act(&mut world, "b/u"), "delete SourceMissing a/src ← b/u");
    assert_eq!(settle(&mut world).len(), 0, "the others are no more than two, and were not approved");
    // They go when each is approved.
    world.edit("b/t by=a/src approved");
    assert_eq!(settle(&mut world).len(), 1);
    world.edit("b/v from=a/src version=1 :one approved");
    assert_eq!(settle(&mut world).len(), 1);
}

/// What was removed a moment ago counts too: a cause can come event by event.
#[test]
fn many_are_many_also_one_by_one() {
    let mut world = World::new(
        "removal-limit 2; ns b +env=prod; ns c +env=prod; ns d +env=prod; ns e +env=prod; a/src to-sel=env=prod :one",
    );
    settle(&mut world);
    let mut steps = Vec::new();
    for namespace in ["b", "c", "d"] {
        world.edit_namespace(namespace);
        steps.extend(drain(&mut world));
    }
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(step(&mut world, "d/src").0.starts_with("wait RemovalHeld"));
    // It is the cause that keeps it held: when it is gone, a later one is judged anew.
    world.edit_namespace("d +env=prod");
    assert_eq!(drain(&mut world).len(), 0);
    world.pass(std::time::Duration::from_secs(60));
    world.edit_namespace("e");
    assert_eq!(drain(&mut world).len(), 1);
}

#[test]
fn only_what_is_due_counts() {
    for others in [
        "b/u by=a/src delay=never; b/v by=a/src delay=never",
        "exclude c; c/u by=a/src; c/v by=a/src",
        "c/u by=a/src paused; c/v by=a/src paused",
        "c/u by=a/src approved; c/v by=a/src approved",
        "c/u by=a/src deleting; c/v by=a/src deleting",
        "c/u by=a/src by-others; c/v by=a/src by-others",
    ] {
        let mut world = World::new(&format!("removal-limit 1; b/t by=a/src; {others}"));
        assert_eq!(act(&mut world, "b/t"), "delete SourceMissing a/src ← ?a/src b/t", "{others}");
    }
}

#[test]
fn an_approval_goes_with_what_it_was_for() {
    let rows: &[Row<'_>] = &[
        (
            "a replica that is followed again",
            "removal-limit 0; a/src #7 to=b/t; b/t by=a/src version=7 approved",
            "b/t",
            "update InheritedChanged a/src -approved ← a/src b/t",
        ),
        (
            "a target that is followed again",
            "removal-limit 0; a/src #7 allowed; b/t from=a/src version=7 origin=a/src chain=.* approved",
            "b/t",
            "update InheritedChanged a/src -approved ← a/src b/t",
        ),
        (
            "a target that is emptied",
            "removal-limit 0; b/t from=a/src version=7 approved :one",
            "b/t",
            "clear SourceMissing a/src -approved -version data=- as Opaque ← ?a/src b/t",
        ),
        (
            "one that is not followed again yet keeps it",
            "removal-delay 5s; removal-limit 0; a/src from=a/o to=b/t; b/t by=a/src from=a/o version=1 approved :one",
            "b/t",
            "wait RemovalDelayed a/o (SourceMissing, removal-delay: 5s) until 5s ← a/src ?a/o",
        ),
        (
            "a list that was changed is no accident, and is many all the same",
            "removal-limit 0; a/src to=c/t; b/t by=a/src",
            "b/t",
            "wait RemovalHeld a/src (SourceStoppedPushing, 1 replicas are due because of a/src, --removal-limit: 0) until 60s",
        ),
    ];
    check(rows);
}

/// SPEC 11.5.
#[test]
fn only_the_keys_that_are_asked_for() {
    let rows: &[Row<'_>] = &[
        (
            "a push",
            "a/src to=b/t keys=x :x~1,y~2",
            "b/t",
            "create NewTarget a/src {by=a/src version=101 had-keys=x} Opaque x~1 ← a/src a/src:keys",
        ),
        (
            "under another name",
            "a/src to=b/t keys=x:z,y :x~1,y~2",
            "b/t",
            "create NewTarget a/src {by=a/src version=101 had-keys=x:z,y} Opaque y~2,z~1 ← a/src a/src:keys",
        ),
        (
            "a key that is not there",
            "a/src to=b/t keys=z :x~1",
            "b/t",
            "refuse KeyMissing a/src (replicate-keys: the source has no key \"z\") ← a/src a/src:keys",
        ),
        (
            "a replica keeps what it has",
            "a/src #8 to=b/t keys=z :x~1; b/t by=a/src version=7 had-keys=z :z~1 known",
            "b/t",
            "refuse KeyMissing a/src (replicate-keys: the source has no key \"z\") ← a/src:keys",
        ),
        (
            "two keys meet",
            "a/src to=b/t keys=x:y,* :x~1,y~2",
            "b/t",
            "refuse KeyMissing a/src (replicate-keys: two keys of the source would get the name \"y\") ← a/src a/src:keys",
        ),
        (
            "what is asked for changes",
            "a/src #7 to=b/t keys=y :x~1,y~2; b/t by=a/src version=7 had-keys=x :x~1",
            "b/t",
            "update InheritedChanged a/src +had-keys=y data=y~2 as Opaque ← a/src:keys b/t a/src",
        ),
        (
            "and makes no difference",
            "a/src #7 to=b/t keys=*,!z :x~1; b/t by=a/src version=7 had-keys=x :x~1",
            "b/t",
            "update InheritedChanged a/src +had-keys=*,!z ← a/src:keys b/t a/src",
        ),
        (
            "a change of another key is none",
            "a/src #8 to=b/t keys=x :x~1,y~3; b/t by=a/src version=7 had-keys=x :x~1",
            "b/t",
            "nothing UpToDate a/src ← a/src:keys b/t",
        ),
        (
            "drift",
            "a/src #7 to=b/t keys=x :x~1,y~2; b/t by=a/src version=7 had-keys=x :x~1,y~2 suspect",
            "b/t",
            "update Drift a/src data=x~1 as Opaque ← a/src:keys b/t a/src",
        ),
        (
            "believed at the start",
            "a/src #7 to=b/t keys=x :x~1; b/t by=a/src version=7 had-keys=x :x~1",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "all again",
            "a/src #7 to=b/t :x~1,y~2; b/t by=a/src version=7 had-keys=x :x~1",
            "b/t",
            "update InheritedChanged a/src -had-keys data=x~1,y~2 as Opaque ← a/src b/t",
        ),
        (
            "a pull",
            "a/src allowed :x~1,y~2; b/t from=a/src keys=y",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=.* +had-keys=y data=y~2 as Opaque ← a/src:keys a/src",
        ),
        (
            "a ConfigMap's fields are one set",
            "configmaps; a/src to=b/t keys=y :x~1+y~2",
            "b/t",
            "create NewTarget a/src {by=a/src version=101 had-keys=y} +y~2 ← a/src a/src:keys",
        ),
        (
            "under once what is asked for may change",
            "a/src #7 to=b/t once keys=y :x~1,y~2; b/t by=a/src version=7 once=true had-keys=x :x~1",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "a combined object",
            "a/o allowed :x~1,y~2; a/src from=a/o to=b/t keys=x; b/t by=a/src from=a/o",
            "b/t",
            "update FirstCopy a/o +version=101 +origin=a/o +chain=.* +had-keys=x data=x~1 as Opaque ← a/src a/o:keys a/o",
        ),
    ];
    check(rows);
}

/// SPEC 11.5, 11.8.
#[test]
fn nobody_gets_or_keeps_more_keys_than_are_allowed() {
    let rows: &[Row<'_>] = &[
        (
            "all that is allowed",
            "a/src allowed allowed-keys=x :x~1,y~2; b/t from=a/src",
            "b/t",
            "update FirstCopy a/src +version=101 +origin=a/src +chain=.* +had-keys=* data=x~1 as Opaque ← a/src:keys a/src",
        ),
        (
            "more is asked for by name",
            "a/src allowed allowed-keys=x :x~1,y~2; b/t from=a/src keys=x,y",
            "b/t",
            "refuse KeyNotAllowed a/src (replicate-keys: \"y\" is not among the replication-allowed-keys of the source, or of \
             the chain above it) ← a/src:keys",
        ),
        (
            "and what is held already is trimmed",
            "a/src allowed allowed-keys=x :x~1,y~2; b/t from=a/src keys=x,y version=7 origin=a/src chain=.* had-keys=x,y :x~1,y~2",
            "b/t",
            "update KeysTrimmed a/src data=x~1 as Opaque ← a/src:keys b/t b/t:keys",
        ),
        (
            "narrowed",
            "a/src #8 allowed allowed-keys=x :x~1,y~2; b/t from=a/src version=7 origin=a/src chain=.* :x~1,y~2",
            "b/t",
            "update InheritedChanged a/src +version=8 +had-keys=* data=x~1 as Opaque ← a/src:keys b/t a/src",
        ),
        (
            "also under once",
            "a/src #8 allowed allowed-keys=x :x~3,y~2; b/t from=a/src once version=7 chain=.* :x~1,y~2",
            "b/t",
            "update KeysTrimmed a/src data=x~1 as Opaque ← b/t b/t:keys",
        ),
        (
            "a push is no pull",
            "a/src to=b/t allowed-keys=x :x~1,y~2",
            "b/t",
            "create NewTarget a/src {allowed-keys=x by=a/src version=101} Opaque x~1,y~2 ← a/src",
        ),
        (
            "along a chain",
            "a/o allowed allowed-keys=x :x~1,y~2; b/m from=a/o keys=x:z,y allowed version=7 origin=a/o chain=.* had-keys=x:z,y \
             :y~2,z~1; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=102 +origin=a/o +chain=.* +had-keys=* data=z~1 as Opaque ← b/m:keys b/m",
        ),
    ];
    check(rows);
}

/// SPEC 11.5: `replicate-type`, and the keys that a type requires.
#[test]
fn replicas_of_another_type() {
    let rows: &[Row<'_>] = &[
        (
            "another type",
            "a/src to=b/t type=x/y :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=101} x/y one ← a/src",
        ),
        (
            "a replica of the wrong type is made again",
            "a/src #7 to=b/t type=x/y :one; b/t by=a/src version=7 :one known",
            "b/t",
            "recreate TypeChanged a/src ← a/src",
        ),
        (
            "a type that could not be made is no reason to delete one that is there",
            "a/src #7 to=b/t type=kubernetes.io/basic-auth :one; b/t by=a/src version=7 :one known",
            "b/t",
            "refuse KeyRequired a/src (a Secret of type kubernetes.io/basic-auth needs a valid \"username\", which is not among what \
             is copied; ask for it, or for another type by replicate-type) ← a/src:keys",
        ),
        (
            "a value that the type does not take",
            "a/src to=b/t type=kubernetes.io/dockerconfigjson :.dockerconfigjson~b25l",
            "b/t",
            "refuse KeyRequired a/src (a Secret of type kubernetes.io/dockerconfigjson needs a valid \".dockerconfigjson\", which is \
             not among what is copied; ask for it, or for another type by replicate-type) ← a/src a/src:keys",
        ),
        (
            "part of a pair needs another type",
            "a/src to=b/t keys=tls.crt type:tls :pair",
            "b/t",
            "refuse KeyRequired a/src (a Secret of type kubernetes.io/tls needs a valid \"tls.key\", which is not among what is \
             copied; ask for it, or for another type by replicate-type) ← a/src a/src:keys",
        ),
        (
            "a target that pulls less than its type needs",
            "a/src allowed type:tls :pair; b/t from=a/src keys=tls.crt type:tls",
            "b/t",
            "refuse KeyRequired a/src (a Secret of type kubernetes.io/tls needs a valid \"tls.key\", which is not among what is \
             copied; ask for it, or for another type by replicate-type) ← a/src:keys a/src b/t a/src:keys",
        ),
        (
            "a type that is never written",
            "a/src to=b/t type=bootstrap.kubernetes.io/token :one",
            "b/t",
            "refuse ProtectedType a/src (replicate-type: bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "half a pair is held also where its certificate alone is asked for",
            "a/src to=b/t keys=tls.crt type=Opaque type:tls :mixed",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src a/src:keys",
        ),
        (
            "a ConfigMap has none",
            "configmaps; a/src #7 to=b/t type=x/y; b/t by=a/src version=7",
            "b/t",
            "nothing UpToDate a/src",
        ),
    ];
    check(rows);
}

/// SPEC 11.6.
#[test]
fn labels_and_annotations_go_with_the_replicas() {
    let rows: &[Row<'_>] = &[
        (
            "what is asked for",
            "a/src to=b/t labels=t* +team=red +other=x notes=n ~n=1 ~m=2 :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=101 had-labels=team had-notes=n} Opaque one label+team=red note+n=1 ← a/src",
        ),
        (
            "what is said outright comes first",
            "a/src to=b/t labels=* replica-labels=team=blue,x=y +team=red :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=101 had-labels=team,x} Opaque one label+team=blue label+x=y ← a/src",
        ),
        (
            "marks of other tools stay behind",
            "a/src to=b/t labels=* +helm.sh/chart=c +app.kubernetes.io/instance=i +app.kubernetes.io/name=n :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=101 had-labels=app.kubernetes.io/name} Opaque one \
             label+app.kubernetes.io/name=n ← a/src",
        ),
        (
            "a label changes",
            "a/src #7 to=b/t labels=team +team=blue :one known; b/t by=a/src version=7 had-labels=team +team=red +own=1 :one known",
            "b/t",
            "update InheritedChanged a/src label+team=blue",
        ),
        (
            "a replica without labels",
            "a/src #7 to=b/t labels=team +team=blue :one known; b/t by=a/src version=7 :one known",
            "b/t",
            "update InheritedChanged a/src +had-labels=team label+team=blue",
        ),
        (
            "what is not asked for any more is taken off, and what others set stays",
            "a/src #7 to=b/t :one known; b/t by=a/src version=7 had-labels=made,team had-notes=n +made=x +team=red +own=1 ~n=1 ~m=2 \
             :one known",
            "b/t",
            "update InheritedChanged a/src -had-labels -had-notes label+made=here label-team note-n",
        ),
        (
            "also under once",
            "a/src #8 to=b/t once replica-labels=a=b :two known; b/t by=a/src version=7 once=true :one known",
            "b/t",
            "update InheritedChanged a/src +had-labels=a label+a=b",
        ),
        (
            "all is as it is to be",
            "a/src #7 to=b/t labels=team +team=red; b/t by=a/src version=7 had-labels=team +team=red",
            "b/t",
            "nothing UpToDate a/src",
        ),
    ];
    check(rows);
}

/// An annotation that is added and taken off again leaves the cluster as it was (but for the time of the last write).
#[test]
fn what_is_added_and_taken_off_leaves_no_trace() {
    let policies = [
        "to-sel=x",
        "allowed-sel=x",
        "keys=v",
        "allowed-keys=x",
        "type=x/y",
        "labels=*",
        "notes=*",
        "replica-labels=a=b",
        "paused",
        "delay=1h",
    ];
    for policy in policies {
        for source in ["a/src to=b/t allowed +team=red ~n=1 :one", "a/src from=a/o to=b/t allowed +team=red"] {
            let mut world = World::new(&format!("a/o allowed :own; {source}; c/t from=b/t"));
            settle(&mut world);
            let shown = |world: &World| {
                let objects = ["b/t", "c/t"].map(|name| world.objects[&*target(name)].clone());
                objects.map(|object| {
                    let mut annotations = object.annotations;
                    annotations.remove("replicated-from-version");
                    (annotations, object.labels, object.others, object.payload, object.type_)
                })
            };
            let before = shown(&world);
            world.edit(&format!("{source} {policy}"));
            settle(&mut world);
            world.edit(source);
            settle(&mut world);
            assert_eq!(shown(&world), before, "{policy} on {source}");
        }
    }
}

/// What a type requires is completed where it may not be had (SPEC 7): what was withdrawn does not stay for it.
#[test]
fn what_may_not_be_had_does_not_stay_because_its_type_requires_it() {
    let shown = |text: &str| {
        let mut world = World::new(text);
        let steps = settle(&mut world);
        assert_eq!(steps.len(), 1, "{steps:?}");
        let object = &world.objects[&*target("b/t")];
        object.payload.fields().flatten().collect::<String>()
    };
    for text in [
        "a/src #8 allowed allowed-keys=tls.crt type:tls :pair; b/t from=a/src version=7 origin=a/src chain=.* type:tls :pair known",
        "a/src #8 allowed allowed-keys=tls.crt type:tls :pair; b/t from=a/src once version=7 chain=.* type:tls :pair known",
        "a/o #8 allowed allowed-keys=tls.crt type:tls :pair; a/src from=a/o to=b/t type:tls; \
         b/t by=a/src from=a/o version=7 origin=a/o chain=.* type:tls :pair known",
        "a/src allowed allowed-keys=tls.crt type:tls :pair; b/t from=a/src type:tls",
    ] {
        let data = shown(text);
        assert!(data.contains(r#""tls.key":"""#) && !data.contains(r#""tls.crt":"""#), "{text}: {data}");
    }
}

/// SPEC 2, 11: what is above a source and cannot be asked neither gives anything new nor takes anything away, where what is handed
/// down does not say all.
#[test]
fn what_cannot_be_asked_changes_nothing() {
    let looks = [
        // A replica with an ill-formed consent is as good as not there.
        "ns c +env=prod; a/src to=b/m allowed-sel=env=prod paused :one; b/m by=a/src allowed-sel=(( version=101 :one; \
         b/n from=b/m allowed version=102 chain=selector. origin=b/m :one; c/t from=b/n version=103 origin=b/m chain=selector. :one",
        "a/src to=b/m allowed allowed-keys=v paused :one; b/m by=a/src allowed=true allowed-keys=?? version=101 :one; \
         b/n from=b/m allowed version=102 chain=.* had-keys=* origin=b/m :one; c/t from=b/n version=103 origin=b/m chain=.* had-keys=* :one",
        // Neither is one that is ill-formed, or gone.
        "a/o allowed-keys=x allowed=?? :x~1; b/m from=a/o version=7 origin=a/o chain=.* had-keys=* allowed immutable :x~1,y~2; \
         c/t from=b/m version=103 origin=a/o chain=.* had-keys=* :x~1 known",
        "exclude b; b/m from=a/o version=7 origin=a/o chain=.* had-keys=* allowed :x~1,y~2; \
         c/t from=b/m version=103 origin=a/o chain=.* had-keys=* :x~1 known",
    ];
    for text in looks {
        let (line, action) = step(&mut World::new(text), "c/t");
        assert!(line.starts_with("refuse ChainNotVisible ") && action.is_none(), "{text}\n{line}");
    }
}

/// An object that cannot be written hands down what was allowed once. Who is above it has the last word.
#[test]
fn every_object_above_has_to_allow() {
    for root in ["a/o allowed-ns=b :two", "a/o allowed=false :two", "a/o allowed-sel=env=x :two"] {
        let text = format!("exclude b; {root}; b/m from=a/o allowed version=1 origin=a/o chain=.* :one; c/t from=b/m");
        assert_eq!(step(&mut World::new(&text), "c/t").0, "refuse ChainNotAllowed b/m", "{root}");
    }
}

/// Every link of a chain that appears, vanishes or says something else is looked at from below.
#[test]
fn a_chain_is_looked_at_from_its_end_when_a_link_changes() {
    let chain = "ns d +env=prod; removal-delay 1h; b/m from=a/o allowed-sel=env=prod allowed-ns=c version=101 chain=b,c,d origin=a/o :one; \
                 c/n from=b/m allowed version=101 chain=c,selector. origin=a/o :one; \
                 d/t from=c/n version=1 chain=selector. origin=a/o :old";
    let mut world = World::new(chain);
    settle(&mut world);
    assert!(step(&mut world, "d/t").0.starts_with("refuse ChainNotVisible c/n"));
    for line in [
        "a/o allowed-ns=b,c,d :one",
        "a/o allowed-ns=(( :one",
        "a/o allowed-ns=b,c,d :two",
        "a/o :two",
        "a/o allowed-ns=b,c,d",
    ] {
        world.edit(line);
        let drained = drain(&mut world);
        assert_eq!(settle(&mut world), [""; 0], "{line}: after {drained:?}");
    }
    let mut world = World::new("a/o allowed paused :one; a/src from=a/o to=c/x; b/t by=a/src");
    settle(&mut world);
    world.edit("a/o allowed :one");
    drain(&mut world);
    assert_eq!(settle(&mut world), [""; 0], "what a combined object made is paused with what it pulls from");
}

/// What is asked for again and again in other words leaves nothing behind.
#[test]
fn what_nobody_asks_for_any_more_is_not_kept() {
    let mut world = World::new("a/src allowed :x~1,y~2; b/t from=a/src keys=x");
    settle(&mut world);
    for n in 0..200 {
        world.edit(&format!("b/t from=a/src keys=x,q{n}* version=101 origin=a/src chain=.* had-keys=x :x~1"));
        drain(&mut world);
    }
    let source = world.graph.node(&target("a/src")).unwrap();
    assert!(source.portions() <= 64, "{}", source.portions());
}
