//! SPEC 11.5, 11.8: which keys are copied, under which names, and which are allowed; `replicate-type`.

use super::*;

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
            "combined and immutable, with other keys of the source: it holds what it gets",
            "a/s from=c/f to=b/t keys=x; c/f #5 allowed :x~1,y~2; b/t by=a/s from=c/f immutable :x~1 known",
            "b/t",
            "update FirstCopy c/f +version=5 +origin=c/f +chain=.* +had-keys=x data=x~1 as Opaque ← a/s c/f:keys c/f",
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
fn no_target_gets_or_keeps_keys_that_are_not_allowed() {
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
            "update KeysTrimmed a/src data=x~1 as Opaque ← a/src:keys b/t b/t:keys a/src",
        ),
        (
            "narrowed",
            "a/src #8 allowed allowed-keys=x :x~1,y~2; b/t from=a/src version=7 origin=a/src chain=.* :x~1,y~2",
            "b/t",
            "update InheritedChanged a/src +version=8 +had-keys=* data=x~1 as Opaque ← a/src:keys b/t a/src",
        ),
        (
            "not because of a source that is of a protected type by now (seed 2207930 of the simulation)",
            "a/src #8 allowed allowed-keys= type:token :x~3; b/t from=a/src once version=7 chain=.* :x~1,y~2",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← b/t b/t:keys a/src",
        ),
        (
            "also under once",
            "a/src #8 allowed allowed-keys=x :x~3,y~2; b/t from=a/src once version=7 chain=.* :x~1,y~2",
            "b/t",
            "update KeysTrimmed a/src data=x~1 as Opaque ← b/t b/t:keys a/src",
        ),
        (
            "a key counts by the name under which it was copied, whatever is asked for by now",
            "a/src #8 allowed allowed-keys=x :x~3; b/t from=a/src once keys=x version=7 chain=.* had-keys=y:x :x~2",
            "b/t",
            "update KeysTrimmed a/src data=- as Opaque ← b/t b/t:keys a/src",
        ),
        (
            "and stays if that one is allowed",
            "a/src #8 allowed allowed-keys=x :x~3; b/t from=a/src once keys=x version=7 chain=.* had-keys=x:z :z~1",
            "b/t",
            "nothing HeldByOnce a/src ← b/t b/t:keys",
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
        (
            "what is ill-formed further up limits nothing (seed 191597980)",
            "a/o by=a/q allowed allowed-keys=a? :x~1; b/m from=a/o allowed version=7 origin=a/o chain=.* :x~1,y~2; c/t from=b/m :z~3",
            "c/t",
            "update FirstCopy b/m +version=102 +origin=a/o +chain=.* data=x~1,y~2 as Opaque ← b/m",
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
            "ConfigMaps have no type",
            "configmaps; a/src to=b/t type=x/y :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=101} one ← a/src",
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
            "and not where neither half is",
            "a/src to=b/t keys=ca.crt type=Opaque type:tls :ca.crt~YQ,tls.crt~YQ,tls.key~",
            "b/t",
            "create NewTarget a/src {by=a/src version=101 had-keys=ca.crt} Opaque ca.crt~YQ ← a/src a/src:keys",
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

/// A key that the type requires and that is not allowed any more gets a minimal value (SPEC 7): the old value does not stay.
#[test]
fn a_required_key_that_is_not_allowed_gets_a_minimal_value() {
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
