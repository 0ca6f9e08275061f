//! SPEC 9.16: a target that is being deleted is emptied while its finalizers hold it, and nothing else is written to it.

use super::table::check;

#[test]
fn a_terminating_target_is_cleared_when_its_source_withdraws() {
    check(&[
        (
            "its creator is gone",
            "b/t by=a/src version=7 deleting :old",
            "b/t",
            "clear SourceMissing a/src -version data=- as Opaque ← ?a/src b/t",
        ),
        ("its creator is gone, and it holds nothing", "b/t by=a/src deleting", "b/t", "nothing BeingDeleted"),
        (
            "its creator pushes elsewhere",
            "a/src to=c/t :one; b/t by=a/src version=7 deleting :old",
            "b/t",
            "clear SourceStoppedPushing a/src -version data=- as Opaque ← b/t",
        ),
        (
            "its creator is gone, and others made it",
            "b/t by=a/src version=7 by-others deleting :old",
            "b/t",
            "refuse NotMadeByController a/src ← ?a/src",
        ),
        (
            "not before the removal delay has passed",
            "removal-delay 5s; b/t by=a/src version=7 deleting :old",
            "b/t",
            "wait RemovalDelayed a/src (SourceMissing, removal-delay: 5s) until 5s ← ?a/src",
        ),
        (
            "a pull's source says no",
            "a/src #8 allowed=false :new; b/t from=a/src version=7 origin=a/src chain=.* deleting :old",
            "b/t",
            "clear ConsentRefused a/src -version -origin -chain data=- as Opaque ← b/t",
        ),
        (
            "a pull's source says no, and its type keeps keys",
            "a/src #8 allowed=false :new; b/t from=a/src version=7 type:tls deleting :old",
            "b/t",
            "clear ConsentRefused a/src -version data=minimal as kubernetes.io/tls ← b/t",
        ),
        (
            "a pull's source is missing, and the delay has not passed",
            "removal-delay 5s; b/t from=a/src version=7 deleting :old",
            "b/t",
            "wait RemovalDelayed a/src (SourceMissing, removal-delay: 5s) until 5s ← ?a/src",
        ),
        (
            "combined: what it pulls says no",
            "a/s to=b/t from=c/f; c/f #8 allowed=false :new; b/t by=a/s from=c/f version=7 chain=.* deleting :old",
            "b/t",
            "clear ConsentRefused c/f -version -chain data=- as Opaque ← a/s b/t",
        ),
        (
            "combined by now: what it holds is no copy of what it is to pull, so that nothing is waited for",
            "removal-delay 5s; a/s to=b/t from=c/f; b/t by=a/s version=7 deleting :old",
            "b/t",
            "clear SourceMissing c/f -version data=- as Opaque ← ?c/f a/s b/t",
        ),
        (
            "immutable",
            "a/src #8 allowed=false :new; b/t from=a/src version=7 immutable deleting :old known",
            "b/t",
            "nothing BeingDeleted",
        ),
        (
            "of a protected type",
            "a/src #8 allowed=false :new; b/t from=a/src version=7 type:token deleting :old",
            "b/t",
            "refuse ProtectedType a/src (b/t is a bootstrap.kubernetes.io/token) ← b/t",
        ),
    ]);
}

#[test]
fn nothing_else_does() {
    check(&[
        (
            "a pull's source changed",
            "a/src #8 allowed :new; b/t from=a/src version=7 chain=.* deleting :old",
            "b/t",
            "nothing BeingDeleted",
        ),
        (
            "a pull's source appears",
            "a/src #8 allowed :new; b/t from=a/src deleting :old",
            "b/t",
            "nothing BeingDeleted",
        ),
        (
            "its creator changed",
            "a/src #8 to=b/t allowed :new; b/t by=a/src version=7 deleting :old",
            "b/t",
            "nothing BeingDeleted",
        ),
        (
            "others made it",
            "a/src #8 to=b/t :new; b/t by=a/src version=7 by-others deleting :old",
            "b/t",
            "nothing BeingDeleted",
        ),
        (
            "combined: what it pulls changed",
            "a/s to=b/t from=c/f allowed; c/f #8 allowed :new; b/t by=a/s from=c/f version=7 chain=x deleting :old",
            "b/t",
            "nothing BeingDeleted",
        ),
    ]);
}
