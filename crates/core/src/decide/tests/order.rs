//! SPEC 3: who decides about an object, in this order.

use super::table::check;

#[test]
fn rule_0_ill_formed_or_not_a_target() {
    check(&[
        (
            "ill-formed in an annotation that plays no part here",
            "a/src #8 allowed :new; b/t from=a/src version=7 once-v=1 replicate-nothing=x :old",
            "b/t",
            "refuse IllFormed (unknown annotation \"replicate-nothing\"; --ignore-unknown lets such annotations pass)",
        ),
        (
            "ill-formed, and its source is gone",
            "b/t from=a/src version=7 once=maybe :old",
            "b/t",
            "refuse IllFormed (replicate-once: \"maybe\" is not a boolean; expected \"true\" or \"false\")",
        ),
        (
            "a replica is the controller's: what others note on it does not keep it",
            "b/t by=a/src version=7 allowed=maybe :old",
            "b/t",
            "delete SourceMissing a/src ← ?a/src b/t",
        ),
        (
            "ill-formed creator: neither deleted nor written",
            "b/t by=A/src version=7 :old",
            "b/t",
            "refuse IllFormed (replicated-by: \"A\" is not a legal namespace name)",
        ),
        (
            "ill-formed push beside replicate-from: not pulled",
            "a/src allowed :new; b/t from=a/src to=x/y/z :old",
            "b/t",
            "refuse IllFormed (replicate-to: \"x/y/z\" has more than one \"/\"; expected \"namespace/name\" or \"name\")",
        ),
        (
            "ill-formed while it is being deleted",
            "b/t from=a/src once=x deleting",
            "b/t",
            "refuse IllFormed (replicate-once: \"x\" is not a boolean; expected \"true\" or \"false\")",
        ),
        (
            "ill-formed, and a source pushes to it",
            "a/src to=b/t; b/t once=x",
            "b/t",
            "refuse IllFormed (replicate-once: \"x\" is not a boolean; expected \"true\" or \"false\")",
        ),
        (
            "neither from nor by, whatever else it carries",
            "b/t version=7 origin=a/src chain=.* at=then once once-v=1 allowed=false :old",
            "b/t",
            "nothing NotATarget",
        ),
        ("a source", "a/src allowed :one", "a/src", "nothing NotATarget"),
        ("a source that pushes", "a/src to=b/t :one", "a/src", "nothing NotATarget"),
        ("a source that pushes by a pattern that matches itself", "a/src to-ns=.*", "a/src", "nothing NotATarget"),
        ("a source that names itself", "a/src to=src,a/src", "a/src", "nothing NotATarget"),
    ]);
}

#[test]
fn rule_1_made_by_a_push() {
    check(&[
        (
            "its own push is ignored, and removed",
            "a/src #8 to-ns=b :new; b/src by=a/src version=7 to=x to-ns=c :old",
            "b/src",
            "update SourceChanged a/src +version=8 -to -to-ns data=new as Opaque ← a/src b/src",
        ),
        ("what a replica pushes is not wanted", "a/src to-ns=b; b/src by=a/src to-ns=c", "c/src", "nothing NotWanted"),
        (
            "the creator is ill-formed",
            "a/src #8 to=b/t once=x :new; b/t by=a/src version=7 :old",
            "b/t",
            "refuse SourceIllFormed a/src (replicate-once: \"x\" is not a boolean; expected \"true\" or \"false\")",
        ),
        (
            "the creator is ill-formed, and pushes nothing",
            "a/src typo=x; b/t by=a/src version=7 :old",
            "b/t",
            "refuse SourceIllFormed a/src (unknown annotation \"typo\"; --ignore-unknown lets such annotations pass)",
        ),
        ("the creator does not exist", "b/t by=a/src version=7 :old", "b/t", "delete SourceMissing a/src ← ?a/src b/t"),
        (
            "the creator of a ConfigMap does not exist",
            "configmaps; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceMissing a/src ← ?a/src",
        ),
        (
            "the creator does not exist, once",
            "b/t by=a/src version=7 once :old",
            "b/t",
            "delete SourceMissing a/src ← ?a/src b/t",
        ),
        (
            "the creator does not exist, and another source pushes to the name: one after the other",
            "b/t by=a/src version=7 :old; c/src #9 to=b/t :new",
            "b/t",
            "delete SourceMissing a/src ← ?a/src b/t",
        ),
        (
            "the creator pushes elsewhere",
            "a/src to=c/t :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "the creator pushes to another name",
            "a/src to-ns=b :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "the creator pushes nothing",
            "a/src to= :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "the creator has annotations, but no push",
            "a/src allowed :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "the creator has no annotations, and came by before it was referred to",
            "a/src :one; b/t by=a/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← ?a/src b/t",
        ),
        (
            "the creator has no annotations, and came by after it was referred to",
            "c/src :one; b/t by=c/src version=7 :old",
            "b/t",
            "delete SourceStoppedPushing c/src ← b/t",
        ),
        (
            "the creator is itself a replica: its push does not count",
            "a/src to=b/m :one; b/m by=a/src version=7 to=c/t; c/t by=b/m version=7",
            "c/t",
            "delete SourceStoppedPushing b/m ← c/t",
        ),
        ("the creator is the replica itself", "b/t by=b/t to=b/t :one", "b/t", "delete SourceStoppedPushing b/t ← b/t"),
        (
            "a creator without namespace is ill-formed",
            "b/src #7 to=t :one; b/t by=src version=7 :one",
            "b/t",
            "refuse IllFormed (replicated-by: \"src\" has no namespace; expected \"namespace/name\")",
        ),
        (
            "the creator is being deleted, and still there",
            "a/src #7 to=b/t deleting :one; b/t by=a/src version=7 :one",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "being deleted, its source changed",
            "a/src #8 allowed :new; b/t from=a/src version=7 deleting :old",
            "b/t",
            "nothing BeingDeleted",
        ),
    ]);
}

#[test]
fn rule_2_an_object_that_pushes_is_no_target() {
    check(&[
        (
            "its replicate-from is meant for its targets",
            "a/src from=c/f to-ns=b version=6 :own; c/f #7 allowed :data",
            "a/src",
            "nothing PushesItself",
        ),
        ("also when the source is missing", "a/src from=c/f to-ns=b version=6 :own", "a/src", "nothing PushesItself"),
        (
            "an empty push is still a push",
            "a/src from=c/f to= :own; c/f allowed :data",
            "a/src",
            "nothing PushesItself",
        ),
        (
            "an empty list of namespaces is still a push",
            "a/src from=c/f to-ns= :own; c/f allowed :data",
            "a/src",
            "nothing PushesItself",
        ),
        (
            "another source pushes to it",
            "a/src from=c/f to-ns=b :own; c/f allowed :data; b/x to=a/src",
            "a/src",
            "refuse NotCreatedBySource b/x",
        ),
    ]);
}

#[test]
fn rule_3_a_target_pulls() {
    check(&[
        (
            "the source is missing",
            "b/t from=a/src version=7 chain=.* origin=a/src once-v=1 :old",
            "b/t",
            "clear SourceMissing a/src -once-v -version -origin -chain data=- as Opaque ← ?a/src b/t",
        ),
        (
            "the source is there",
            "a/src #7 allowed :new; b/t from=a/src :old",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=new as Opaque ← a/src",
        ),
        (
            "a source without namespace is beside the target",
            "b/src #7 allowed :new; b/t from=src :old",
            "b/t",
            "update FirstCopy b/src +version=7 +origin=b/src +chain=.* data=new as Opaque ← b/src",
        ),
        (
            "another source pushes to it: 3 comes before 5",
            "a/src #7 allowed :new; b/t from=a/src :old; c/src to=b/t :other",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=new as Opaque ← a/src",
        ),
    ]);
}

#[test]
fn rule_4_a_push_makes_what_is_missing() {
    check(&[
        (
            "the name is free",
            "a/src #7 to=b/t :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=7} Opaque one ← a/src",
        ),
        ("nobody pushes", "a/src #7 allowed :one", "b/t", "nothing NotWanted"),
        ("the push is ill-formed", "a/src to=b/t,X :one", "b/t", "nothing NotWanted"),
        ("the source is ill-formed elsewhere", "a/src to=b/t allowed=x :one", "b/t", "nothing NotWanted"),
        ("the namespace does not exist", "a/src to=b/t :one; no-ns b", "b/t", "nothing NamespaceMissing a/src"),
        (
            "the namespace is terminating",
            "a/src to=b/t :one; terminating b",
            "b/t",
            "nothing NamespaceTerminating a/src",
        ),
        (
            "the oldest wins",
            "a/src @5 to=c/t :one; b/src #7 @4 to=c/t :two",
            "c/t",
            "create NewTarget b/src {by=b/src version=7} Opaque two ← b/src",
        ),
        (
            "of the same age, the first key wins",
            "a/src #7 @4 to=c/t :one; b/src @4 to=c/t :two; a/t @4 to-ns=c :three",
            "c/t",
            "create NewTarget a/src {by=a/src version=7} Opaque one ← a/src",
        ),
        (
            "by a pattern or by name makes no difference",
            "a/t #7 @3 to-ns=[bc] :one; b/src @4 to=c/t :two",
            "c/t",
            "create NewTarget a/t {by=a/t version=7} Opaque one ← a/t",
        ),
        (
            "an ill-formed source does not count, however old",
            "a/src @1 to=c/t once=x :one; b/src #7 @4 to=c/t :two",
            "c/t",
            "create NewTarget b/src {by=b/src version=7} Opaque two ← b/src",
        ),
        (
            "a replica does not count, however old",
            "a/src @1 to=c/t by=a/x :one; b/src #7 @4 to=c/t :two",
            "c/t",
            "create NewTarget b/src {by=b/src version=7} Opaque two ← b/src",
        ),
    ]);
}

#[test]
fn rule_5_what_a_source_did_not_make_is_left_alone() {
    check(&[
        ("without annotations", "a/src to=b/t :one; b/t :own", "b/t", "refuse NotCreatedBySource a/src"),
        ("with annotations", "a/src to=b/t :one; b/t allowed version=7 :own", "b/t", "refuse NotCreatedBySource a/src"),
        ("being deleted", "a/src to=b/t :one; b/t deleting :own", "b/t", "refuse NotCreatedBySource a/src"),
        (
            "the oldest source is named",
            "a/src @5 to=c/t :one; b/src @4 to=c/t :two; c/t :own",
            "c/t",
            "refuse NotCreatedBySource b/src",
        ),
        (
            "made by another source, which goes on",
            "a/src @1 to=c/t :one; b/src #7 @4 to=c/t :two; c/t by=b/src version=7 :two",
            "c/t",
            "nothing UpToDate b/src",
        ),
        (
            "its creator is ill-formed: it waits for that one",
            "a/src to=c/t :one; b/src to=c/t once=x; c/t by=b/src version=7 :two",
            "c/t",
            "refuse SourceIllFormed b/src (replicate-once: \"x\" is not a boolean; expected \"true\" or \"false\")",
        ),
        (
            "it came by before it was referred to: the create fails, and a look finds it",
            "a/t :own; b/src #7 to=a/t :one",
            "a/t",
            "create NewTarget b/src {by=b/src version=7} Opaque one ← b/src",
        ),
    ]);
}
