//! SPEC 11.6: labels and annotations that are copied to replicas.

use super::*;

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
fn an_annotation_that_is_added_and_taken_off_leaves_no_trace() {
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
