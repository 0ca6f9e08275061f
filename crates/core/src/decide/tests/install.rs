//! SPEC 4: a source that has its own data is installed into a replica.

use super::table::{check, settle, step};
use super::world::World;

#[test]
fn what_a_new_replica_gets() {
    check(&[
        (
            "data and type",
            "a/src #7 to=b/t type:tls :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=7} kubernetes.io/tls one ← a/src",
        ),
        ("no data", "a/src #7 to=b/t", "b/t", "create NewTarget a/src {by=a/src version=7} Opaque - ← a/src"),
        (
            "both kinds of a ConfigMap's data",
            "configmaps; a/src #7 to=b/t :one+two",
            "b/t",
            "create NewTarget a/src {by=a/src version=7} one+two ← a/src",
        ),
        (
            "once and consent, word for word",
            "a/src #7 to=b/t once=T once-v=3 allowed=0 allowed-ns=x,y.*,, :one",
            "b/t",
            "create NewTarget a/src {once=T once-v=3 allowed=0 allowed-ns=x,y.*,, by=a/src version=7} Opaque one ← a/src",
        ),
        (
            "empty annotations too",
            "a/src #7 to=b/t once-v= allowed-ns= :one",
            "b/t",
            "create NewTarget a/src {once-v= allowed-ns= by=a/src version=7} Opaque one ← a/src",
        ),
        (
            "nothing that the source itself may have received",
            "a/src #7 to=b/t at=then version=3 origin=c/x chain=b :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=7} Opaque one ← a/src",
        ),
        (
            "no consent is needed for a push",
            "a/src #7 to=b/t allowed=false allowed-ns=- :one",
            "b/t",
            "create NewTarget a/src {allowed=false allowed-ns=- by=a/src version=7} Opaque one ← a/src",
        ),
        (
            "immutable is not inherited",
            "a/src #7 to=b/t immutable :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=7} Opaque one ← a/src",
        ),
    ]);
}

/// SPEC 9.15 and 9.2: of a key that was taken away no field manager tells; its name is missing.
#[test]
fn a_key_that_somebody_took_away_while_nobody_watched() {
    check(&[
        (
            "all keys are there: believed, without a read",
            "a/src #7 to=b/t :x~1,y~2; b/t by=a/src version=7 :x~1,y~2",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "one is gone",
            "a/src #7 to=b/t :x~1,y~2; b/t by=a/src version=7 :x~1",
            "b/t",
            "update Drift a/src data=x~1,y~2 as Opaque ← a/src b/t",
        ),
        (
            "all are gone, but not the field that they were in",
            "a/src #7 to=b/t :x~1; b/t by=a/src version=7",
            "b/t",
            "update Drift a/src data=x~1 as Opaque ← a/src b/t",
        ),
        (
            "one is there that the source has not, under the controller's name",
            "a/src #7 to=b/t :x~1; b/t by=a/src version=7 :x~1,y~2",
            "b/t",
            "update Drift a/src data=x~1 as Opaque ← a/src b/t",
        ),
        (
            "nothing is known of the source's keys: believed",
            "a/src #7 data-nobody to=b/t :x~1,y~2; b/t by=a/src version=7 :x~1",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "of a pulling target",
            "a/src #7 allowed :x~1,y~2; b/t from=a/src version=7 origin=a/src chain=.* :y~2",
            "b/t",
            "update Drift a/src data=x~1,y~2 as Opaque ← a/src b/t",
        ),
        (
            "of a combined object's replica: by the keys of what that pulls from",
            "a/s from=c/f to-ns=b :own; c/f #5 allowed :x~1,y~2; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :x~1",
            "b/s",
            "update Drift c/f data=x~1,y~2 as Opaque ← a/s c/f b/s",
        ),
        (
            "its own keys do not count there",
            "a/s from=c/f to-ns=b :own; c/f #5 allowed :x~1,y~2; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :x~1,y~2",
            "b/s",
            "nothing UpToDate c/f ← a/s",
        ),
        (
            "keys that are asked for by their names: by these",
            "a/src #7 to=b/t keys=x:z,y :x~1,y~2,w~3; b/t by=a/src version=7 had-keys=x:z,y :y~2,z~1",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "one of them is gone",
            "a/src #7 to=b/t keys=x:z,y :x~1,y~2; b/t by=a/src version=7 had-keys=x:z,y :y~2",
            "b/t",
            "update Drift a/src data=y~2,z~1 as Opaque ← a/src:keys b/t a/src",
        ),
        (
            "keys that a glob names are not known without a read",
            "a/src #7 to=b/t keys=*,!y :x~1,y~2; b/t by=a/src version=7 had-keys=*,!y :x~1",
            "b/t",
            "nothing UpToDate a/src ← a/src:keys b/t",
        ),
        (
            "another type: all keys",
            "a/src #7 to=b/t type=Opaque type:tls :pair; b/t by=a/src version=7 :pair",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "once: hand edits are left alone",
            "a/src #7 to=b/t once :x~1,y~2; b/t by=a/src version=7 once=true :x~1",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
    ]);
}

/// SPEC 9.15: verification vouches by the list of metadata alone: a read for each of many replicas would be a read of everything.
#[test]
fn of_many_replicas_that_have_all_their_keys_none_is_read() {
    let replicas: String = (0..100).map(|n| format!("; b/t{n} by=a/src version=7 :x~1,y~2")).collect();
    let names: Vec<String> = (0..100).map(|n| format!("b/t{n}")).collect();
    let mut world = World::new(&format!("a/src #7 to={} :x~1,y~2{replicas}", names.join(",")));
    for name in &names {
        assert_eq!(step(&mut world, name).0, "nothing UpToDate a/src");
    }
}

/// A standby, which believes what the leader wrote, is not shown more than the first list shows.
#[test]
fn a_key_that_somebody_took_away_while_another_controller_led() {
    let mut world = World::new("a/src #7 to=b/t :x~1,y~2; b/t by=a/src version=7 :x~1,y~2");
    world.graph.believe_the_controller(true);
    world.edit("b/t by=a/src version=7 :x~1");
    assert_eq!(step(&mut world, "b/t").0, "update Drift a/src data=x~1,y~2 as Opaque ← a/src b/t");
}

/// SPEC 9.14: what puts right what others did is counted as that, also when the source's version has moved meanwhile.
#[test]
fn a_key_that_somebody_takes_away_is_drift() {
    let mut world = World::new("a/src #7 to=b/t :x~1,y~2; b/t by=a/src version=7 :x~1,y~2");
    world.edit("a/src #200 to=b/t allowed :x~1,y~2");
    assert_eq!(settle(&mut world), ["b/t: update InheritedChanged a/src +allowed=true ← a/src b/t"]);
    world.edit("b/t by=a/src version=7 allowed=true :x~1");
    assert_eq!(settle(&mut world), ["b/t: update Drift a/src +version=200 data=x~1,y~2 as Opaque ← b/t"]);
    // It is not held against the replica for longer than until it is put right, nor that its source gets other keys.
    world.edit("a/src #300 to=b/t allowed :x~1,y~2,z~3");
    assert_eq!(settle(&mut world), ["b/t: update SourceChanged a/src +version=300 data=x~1,y~2,z~3 as Opaque ← a/src"]);
    world.edit("a/src #400 to=b/t allowed :x~1");
    assert_eq!(settle(&mut world), ["b/t: update SourceChanged a/src +version=400 data=x~1 as Opaque ← a/src"]);
}

#[test]
fn what_an_existing_replica_gets() {
    check(&[
        ("by the version", "a/src #7 to=b/t :one; b/t by=a/src version=7 :one", "b/t", "nothing UpToDate a/src"),
        (
            "another version (9.3): by the content",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 :one",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
        (
            "another version, its own content known: it is not read",
            "a/src #8 to=b/t :two; b/t by=a/src version=7 :one known",
            "b/t",
            "update SourceChanged a/src +version=8 data=two as Opaque ← a/src",
        ),
        (
            "new data",
            "a/src #8 to=b/t :two; b/t by=a/src version=7 :one",
            "b/t",
            "update SourceChanged a/src +version=8 data=two as Opaque ← a/src b/t",
        ),
        (
            "the source's data is gone",
            "a/src #8 to=b/t; b/t by=a/src version=7 :one",
            "b/t",
            "update SourceChanged a/src +version=8 data=- as Opaque ← a/src b/t",
        ),
        (
            "a ConfigMap's data moved to the other field",
            "configmaps; a/src #8 to=b/t :+one; b/t by=a/src version=7 :one",
            "b/t",
            "update SourceChanged a/src +version=8 data=+one ← a/src b/t",
        ),
        (
            "a version that is no number",
            "a/src #8 to=b/t :two; b/t by=a/src version=x :one",
            "b/t",
            "update SourceChanged a/src +version=8 data=two as Opaque ← a/src b/t",
        ),
        (
            "no version: it holds no copy, also if the data is the same",
            "a/src #8 to=b/t :one; b/t by=a/src :one",
            "b/t",
            "update FirstCopy a/src +version=8 data=one as Opaque ← a/src",
        ),
        (
            "inherited annotations appear",
            "a/src #7 to=b/t once=1 once-v=2 allowed allowed-ns=c :one; b/t by=a/src version=7 :one",
            "b/t",
            "update InheritedChanged a/src +once=1 +once-v=2 +allowed=true +allowed-ns=c ← a/src b/t",
        ),
        (
            "inherited annotations change",
            "a/src #7 to=b/t allowed=false allowed-ns=c :one; b/t by=a/src version=7 allowed allowed-ns=d :one",
            "b/t",
            "update InheritedChanged a/src +allowed=false +allowed-ns=c ← a/src b/t",
        ),
        (
            "inherited annotations disappear",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 once=false once-v=2 allowed allowed-ns=d :one",
            "b/t",
            "update InheritedChanged a/src -once -once-v -allowed -allowed-ns ← a/src b/t",
        ),
        (
            "inherited annotations change, and the version (9.3): the old version stays",
            "a/src #8 to=b/t allowed :one; b/t by=a/src version=7 :one",
            "b/t",
            "update InheritedChanged a/src +allowed=true ← a/src b/t",
        ),
        (
            "inherited annotations and data change in one write",
            "a/src #8 to=b/t allowed :two; b/t by=a/src version=7 once-v=1 :one",
            "b/t",
            "update SourceChanged a/src +allowed=true +version=8 -once-v data=two as Opaque ← a/src b/t",
        ),
        (
            "install owns every annotation: those of others' making go",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 to=x to-ns=y origin=a/x chain=c :one",
            "b/t",
            "update InheritedChanged a/src -to -to-ns -origin -chain ← a/src b/t",
        ),
        (
            "its namespace is terminating: it is still kept up to date",
            "terminating b; a/src #8 to=b/t :two; b/t by=a/src version=7 :one",
            "b/t",
            "update SourceChanged a/src +version=8 data=two as Opaque ← a/src b/t",
        ),
    ]);
}

#[test]
fn drift_is_put_right() {
    check(&[
        (
            "changed, to what it was",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 :one suspect",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
        (
            "edited",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 :edited suspect",
            "b/t",
            "update Drift a/src data=one as Opaque ← a/src b/t",
        ),
        (
            "edited, and the source was read before",
            "a/src #7 to=b/t :one known; b/t by=a/src version=7 :edited known",
            "b/t",
            "update Drift a/src data=one as Opaque",
        ),
        (
            "emptied",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 suspect",
            "b/t",
            "update Drift a/src data=one as Opaque ← a/src b/t",
        ),
        (
            "edited, with an older version than the source's: its source changed, or it did",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 :edited suspect",
            "b/t",
            "update SourceChanged a/src +version=8 data=one as Opaque ← a/src b/t",
        ),
        (
            "the same, and someone else owns its data: it did",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 data-others :edited suspect",
            "b/t",
            "update Drift a/src +version=8 data=one as Opaque ← a/src b/t",
        ),
        (
            "the same, and someone else owns a part of it",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 data-shared :edited suspect",
            "b/t",
            "update Drift a/src +version=8 data=one as Opaque ← a/src b/t",
        ),
        (
            "the same, and only the controller wrote it: the source changed",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 data-us :old suspect",
            "b/t",
            "update SourceChanged a/src +version=8 data=one as Opaque ← a/src b/t",
        ),
        (
            "a pulling target's user owned the data first, and may go on owning a part",
            "a/src #8 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* data-shared :old suspect",
            "b/t",
            "update SourceChanged a/src +version=8 data=one as Opaque ← a/src b/t",
        ),
        (
            "a pulling target, of whose data the controller owns nothing any more",
            "a/src #8 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* data-others :edited suspect",
            "b/t",
            "update Drift a/src +version=8 data=one as Opaque ← a/src b/t",
        ),
        (
            "someone else owns the data, and it is the same",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 data-others :one suspect",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
        (
            "a write was refused: read before the next one",
            "a/src #7 to=b/t :one; b/t by=a/src :edited refused",
            "b/t",
            "update FirstCopy a/src +version=7 data=one as Opaque ← a/src b/t",
        ),
    ]);
}

/// Issue 9, 1: ill-formed annotations of a replica are corrected. Until then no target may pull from it.
#[test]
fn an_annotation_that_is_no_text_is_replaced_or_removed() {
    check(&[
        (
            "one that it is not to have",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 allowed=� :one",
            "b/t",
            "update InheritedChanged a/src -allowed ← a/src b/t",
        ),
        (
            "one that it is to have",
            "a/src #7 to=b/t allowed :one; b/t by=a/src version=7 allowed=� :one",
            "b/t",
            "update InheritedChanged a/src +allowed=true ← a/src b/t",
        ),
        (
            "what a push says is nothing that a replica has",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 to=� chain=� :one",
            "b/t",
            "update InheritedChanged a/src -to -chain ← a/src b/t",
        ),
        (
            "the version: it holds no copy",
            "a/src #7 to=b/t :one; b/t by=a/src version=� :one",
            "b/t",
            "update FirstCopy a/src +version=7 data=one as Opaque ← a/src",
        ),
        (
            "the time says nothing",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 at=� :one",
            "b/t",
            "nothing UpToDate a/src",
        ),
    ]);
}

#[test]
fn what_cannot_be_changed_is_made_again() {
    check(&[
        (
            "another type, and the same data",
            "a/src #8 to=b/t type:x/y :one; b/t by=a/src version=7 :one",
            "b/t",
            "recreate TypeChanged a/src ← a/src b/t",
        ),
        (
            "another type of the replica, made by hand",
            "a/src #7 to=b/t :one; b/t by=a/src version=7 type:x/y :one suspect",
            "b/t",
            "recreate TypeChanged a/src ← a/src b/t",
        ),
        (
            "another type, no copy yet: the type is known before the write",
            "a/src #7 to=b/t :one; b/t by=a/src type:x/y :one refused",
            "b/t",
            "recreate TypeChanged a/src ← a/src b/t",
        ),
        (
            "immutable, and new data",
            "a/src #8 to=b/t :two; b/t by=a/src version=7 immutable :one",
            "b/t",
            "recreate ReplicaImmutable a/src ← a/src b/t",
        ),
        (
            "immutable ConfigMap, and new data",
            "configmaps; a/src #8 to=b/t :two; b/t by=a/src version=7 immutable :one",
            "b/t",
            "recreate ReplicaImmutable a/src ← a/src b/t",
        ),
        (
            "immutable, and the same data",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 immutable :one",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
        (
            "immutable, and somebody put a replicate-from on it: the same data is no reason to make it anew",
            "a/src #8 to=b/t :one; b/t by=a/src from=a/y version=7 immutable :one refused",
            "b/t",
            "update FirstCopy a/src +version=8 -from data=one as Opaque ← a/src b/t",
        ),
        (
            "immutable, and only annotations change",
            "a/src #8 to=b/t allowed :one; b/t by=a/src version=7 immutable :one",
            "b/t",
            "update InheritedChanged a/src +allowed=true ← a/src b/t",
        ),
        (
            "immutable, and it is not wanted any more",
            "b/t by=a/src version=7 immutable :one",
            "b/t",
            "delete SourceMissing a/src ← ?a/src b/t",
        ),
    ]);
}

#[test]
fn protected_types_are_neither_source_nor_target() {
    check(&[
        (
            "a source: nothing is made",
            "a/src #7 to=b/t type:service-account-token :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a kubernetes.io/service-account-token) ← a/src",
        ),
        (
            "a source: an existing replica is left as it is",
            "a/src #8 to=b/t type:token :two; b/t by=a/src version=7 :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "a source whose type is known: not even annotations are written",
            "a/src #7 to=b/t allowed type:token :one known; b/t by=a/src version=7 type:token :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token)",
        ),
        (
            "a source whose type is not known: not even annotations are written",
            "a/src #7 to=b/t allowed type:token :one; b/t by=a/src version=7 type:token :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "a source, once: not even annotations are written",
            "a/src #8 to=b/t once allowed type:token :one; b/t by=a/src version=7 once type:token :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "the older source is protected: the next one is asked",
            "a/src @1 to=c/t type:token :one; b/src #7 @2 to=c/t :two",
            "c/t",
            "create NewTarget b/src {by=b/src version=7} Opaque two ← a/src b/src",
        ),
        (
            "a replica: not written",
            "a/src #8 to=b/t :two; b/t by=a/src version=7 type:token :one",
            "b/t",
            "refuse ProtectedType a/src (b/t is a bootstrap.kubernetes.io/token) ← a/src b/t",
        ),
        (
            "a replica: not deleted",
            "b/t by=a/src version=7 type:service-account-token :one",
            "b/t",
            "refuse ProtectedType a/src (b/t is a kubernetes.io/service-account-token) ← ?a/src b/t",
        ),
        (
            "a replica that is not pushed any more: not deleted",
            "a/src to= :one; b/t by=a/src version=7 type:service-account-token :one",
            "b/t",
            "refuse ProtectedType a/src (b/t is a kubernetes.io/service-account-token) ← b/t",
        ),
        (
            "ConfigMaps have no types",
            "configmaps; b/t by=a/src version=7 type:token :one",
            "b/t",
            "delete SourceMissing a/src ← ?a/src",
        ),
    ]);
}
