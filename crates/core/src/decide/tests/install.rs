//! SPEC 4: a source that has its own data is installed into a replica.

use super::table::check;

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
