//! SPEC 7: clearing, for every type and kind.

use super::fixture::key;
use super::table::{act, check, data, settle, step};
use super::world::World;
use crate::action::Action;

#[test]
fn who_is_cleared() {
    let unreceived = [
        ("nothing received", ""),
        ("replicated-at alone does not mean a copy", "at=then"),
        ("nor what the target says itself", "once allowed=false allowed-ns=x"),
    ];
    let received = [
        ("a version", "version=7", "-version"),
        ("a once-version", "once-v=1", "-once-v"),
        ("a permission", "chain=-", "-chain"),
        ("an origin", "origin=c/x", "-origin"),
        ("all of them", "version=7 once-v=1 chain=- origin=c/x", "-once-v -version -origin -chain"),
    ];
    let mut rows = Vec::new();
    for (name, annotations) in unreceived {
        let world = format!("b/t from=a/src {annotations} :own");
        rows.push((name, world, "refuse SourceMissing a/src ← ?a/src".to_owned()));
    }
    for (name, annotations, removed) in received {
        let world = format!("b/t from=a/src once allowed=false at=then {annotations} :old");
        rows.push((name, world, format!("clear SourceMissing a/src {removed} data=- as Opaque ← ?a/src b/t")));
    }
    let rows: Vec<_> =
        rows.into_iter().map(|(name, world, expected)| (name, &*world.leak(), "b/t", &*expected.leak())).collect();
    check(&rows);
}

#[test]
fn what_stays_of_each_type() {
    // The type in fixtures, the type, what a cleared object of it holds.
    let types = [
        ("Opaque", "Opaque", "-"),
        ("example.com/own", "example.com/own", "-"),
        ("basic-auth", "kubernetes.io/basic-auth", "minimal"),
        ("ssh-auth", "kubernetes.io/ssh-auth", "minimal"),
        ("tls", "kubernetes.io/tls", "minimal"),
        ("dockercfg", "kubernetes.io/dockercfg", "minimal"),
        ("dockerconfigjson", "kubernetes.io/dockerconfigjson", "minimal"),
    ];
    for (short, type_, left) in types {
        let pulled = format!("b/t from=a/src version=7 type:{short} :old");
        let mut world = World::new(&pulled);
        let cleared = format!("clear SourceMissing a/src -version data={left} as {type_} ← ?a/src b/t");
        assert_eq!(act(&mut world, "b/t"), cleared);
        assert_eq!(data(&world, Some(type_), &world.objects[&key("b/t")].payload), left, "as the API server has it");
        assert_eq!(step(&mut world, "b/t").0, "refuse SourceMissing a/src");

        let mut world = World::new(&format!("a/s from=c/f to=b/t type:{short} :own"));
        let created = format!("create NewTarget a/s {{from=c/f by=a/s}} {type_} {left} ← a/s ?c/f");
        assert_eq!(act(&mut world, "b/t"), created);
        assert_eq!(step(&mut world, "b/t").0, "refuse SourceMissing c/f");
        world.graph.suspect(&key("b/t"));
        assert_eq!(step(&mut world, "b/t").0, "refuse SourceMissing c/f ← b/t", "verified, not written again");
        world.restart();
        assert_eq!(settle(&mut world), [""; 0]);
    }
}

#[test]
fn protected_types_are_not_cleared() {
    for (short, type_) in
        [("service-account-token", "kubernetes.io/service-account-token"), ("token", "bootstrap.kubernetes.io/token")]
    {
        let refused = |source: &str| format!("refuse ProtectedType {source} (b/t is a {type_}) ← ?{source} b/t");
        let mut world = World::new(&format!("b/t from=a/src version=7 type:{short} :old"));
        assert_eq!(step(&mut world, "b/t").0, refused("a/src"));
        let mut world = World::new(&format!("b/t by=a/src version=7 type:{short} :old"));
        assert_eq!(step(&mut world, "b/t").0, refused("a/src"));
    }
}

#[test]
fn config_maps_lose_all_data() {
    check(&[
        (
            "pulled: no type is needed, so it is not read",
            "configmaps; b/t from=a/src version=7 :one+two",
            "b/t",
            "clear SourceMissing a/src -version data=- ← ?a/src",
        ),
        (
            "pulled, only binary data",
            "configmaps; b/t from=a/src version=7 :+two known",
            "b/t",
            "clear SourceMissing a/src -version data=- ← ?a/src",
        ),
        (
            "combined",
            "configmaps; a/s from=c/f to=b/t :own; b/t from=c/f by=a/s version=7 :+two",
            "b/t",
            "clear SourceMissing c/f -version data=- ← ?c/f",
        ),
        (
            "combined, filled by hand with binary data",
            "configmaps; a/s from=c/f to=b/t :own; b/t from=c/f by=a/s :+two suspect",
            "b/t",
            "clear SourceMissing c/f data=- ← ?c/f b/t",
        ),
    ]);
}

#[test]
fn each_cleared_password_is_another_one() {
    let text = "b/t from=a/src version=7 type:basic-auth :old; c/t from=a/src version=7 type:basic-auth :old";
    let mut world = World::new(text);
    let mut passwords = Vec::new();
    for at in ["b/t", "c/t"] {
        let (_, action) = step(&mut world, at);
        let Some(Action::Update(update)) = action else { panic!("{at}") };
        passwords.push(update.data().unwrap().payload.clone());
    }
    assert!(passwords[0] != passwords[1]);
}
