//! SPEC 11.9: half-issued certificates are held.

use super::fixture::key;
use super::table::{act, check, drain, settle};
use super::world::World;

#[test]
fn what_is_held() {
    check(&[
        (
            "a pair is copied",
            "a/src #8 to=b/t type:tls :pair; b/t by=a/src version=7 type:tls :next-pair",
            "b/t",
            "update SourceChanged a/src +version=8 data=pair as kubernetes.io/tls ← a/src b/t",
        ),
        (
            "another key",
            "a/src #8 to=b/t type:tls :mixed; b/t by=a/src version=7 type:tls :pair",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src b/t",
        ),
        (
            "no key",
            "a/src #8 to=b/t type:tls :no-key; b/t by=a/src version=7 type:tls :pair",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src b/t",
        ),
        (
            "emptied",
            "a/src #8 to=b/t type:tls; b/t by=a/src version=7 type:tls :pair",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src b/t",
        ),
        (
            "what it inherits follows; what asks for one more copy goes on asking",
            "a/src #8 to=b/t once once-v=2 allowed type:tls :mixed; b/t by=a/src version=7 once once-v=1 type:tls :pair",
            "b/t",
            "update InheritedChanged a/src +allowed=true ← a/src b/t",
        ),
        ("a first copy waits", "a/src #8 to=b/t type:tls :mixed", "b/t", "refuse SourceIncomplete a/src ← a/src"),
        (
            "so does one into what holds no copy",
            "a/src #8 to=b/t type:tls :mixed; b/t by=a/src type:tls :pair",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src",
        ),
        (
            "pulled",
            "a/src #8 allowed type:tls :mixed; b/t from=a/src version=7 origin=a/src chain=.* type:tls :pair",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src b/t",
        ),
        (
            "pulled, and the permission follows at once",
            "a/src #8 allowed-ns=b type:tls :mixed; b/t from=a/src version=7 origin=a/src chain=.* type:tls :pair",
            "b/t",
            "update InheritedChanged a/src +chain=b ← a/src b/t",
        ),
        (
            "pulled, a first copy: nothing is noted of it",
            "a/src #8 allowed type:tls :mixed; b/t from=a/src type:tls",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src",
        ),
        (
            "pulled by an object of another type",
            "a/src #8 allowed type:tls :mixed; b/t from=a/src version=7 chain=.* :old",
            "b/t",
            "refuse SourceIncomplete a/src ← a/src b/t",
        ),
        (
            "combined",
            "a/s to=b/t from=c/f type:tls; c/f #8 allowed type:tls :mixed; b/t by=a/s from=c/f version=7 origin=c/f chain=.* type:tls :pair",
            "b/t",
            "refuse SourceIncomplete c/f ← a/s c/f b/t",
        ),
        (
            "combined, not made yet: made with minimal values, as for a source that is missing",
            "a/s to=b/t from=c/f type:tls; c/f #8 allowed type:tls :mixed",
            "b/t",
            "create NewTarget a/s {from=c/f by=a/s} kubernetes.io/tls minimal ← a/s c/f",
        ),
        (
            "its type changed: it is not deleted before the pair is whole",
            "a/src #8 to=b/t type:tls :mixed known; b/t by=a/src version=7 :old known",
            "b/t",
            "refuse SourceIncomplete a/src",
        ),
        (
            "the same half that the replica has is nothing new",
            "a/src #8 to=b/t type:tls :mixed; b/t by=a/src version=7 type:tls :mixed",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
        (
            "what cannot be parsed is copied",
            "a/src #8 to=b/t type:tls :odd; b/t by=a/src version=7 type:tls :pair",
            "b/t",
            "update SourceChanged a/src +version=8 data=odd as kubernetes.io/tls ← a/src b/t",
        ),
        (
            "in a Secret of another type nobody knows what belongs together",
            "a/src #8 to=b/t :mixed; b/t by=a/src version=7 :pair",
            "b/t",
            "update SourceChanged a/src +version=8 data=mixed as Opaque ← a/src b/t",
        ),
        (
            "--hold-incomplete-tls=false",
            "copy-incomplete; a/src #8 to=b/t type:tls :mixed; b/t by=a/src version=7 type:tls :pair",
            "b/t",
            "update SourceChanged a/src +version=8 data=mixed as kubernetes.io/tls ← a/src b/t",
        ),
    ]);
}

#[test]
fn a_pair_that_is_written_in_halves_is_copied_when_it_is_whole() {
    let mut world = World::new("a/src #7 to=b/t type:tls :pair; c/t from=b/t type:tls; a/all allowed");
    settle(&mut world);
    world.edit("a/src #200 to=b/t type:tls :mixed");
    assert!(drain(&mut world).is_empty());
    world.restart();
    assert!(settle(&mut world).is_empty());
    world.edit("a/src #210 to=b/t type:tls :next-pair");
    assert_eq!(
        act(&mut world, "b/t"),
        "update SourceChanged a/src +version=210 data=next-pair as kubernetes.io/tls ← a/src"
    );
    assert_eq!(world.objects[&key("b/t")].payload, world.objects[&key("a/src")].payload);
    assert!(settle(&mut world).is_empty());
}
