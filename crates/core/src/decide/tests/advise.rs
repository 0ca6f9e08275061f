//! SPEC 8, 11.9 and 11.10: advice that other objects, namespaces and contents show.

use super::super::*;
use super::fixture::key;
use super::world::World;

fn advised(world: &str, at: &str) -> Vec<(Reason, String)> {
    let world = World::new(world);
    advise(&world.graph, world.kind, &key(at)).into_iter().map(|advice| (advice.reason, advice.detail)).collect()
}

fn check(cases: &[(&str, &str, &[Reason])]) {
    for (name, world, expected) in cases {
        let found: Vec<Reason> = advised(world, "a/s").into_iter().map(|(reason, _)| reason).collect();
        assert_eq!(found, *expected, "{name}: {world}");
    }
}

#[test]
fn pushes_that_reach_nothing() {
    let advice = &[Reason::NoNamespaceReached][..];
    check(&[
        ("no such object", "b/x allowed", &[]),
        ("no push", "a/s allowed", &[]),
        ("an existing namespace", "a/s to-ns=b", &[]),
        ("one of two", "a/s to-ns=b,nowhere", &[]),
        ("none", "a/s to-ns=nowhere,else", advice),
        ("a pattern that matches", "a/s to-ns=[b]", &[]),
        ("one that does not", "a/s to-ns=x.*", advice),
        ("a literal that does not exist beside a pattern that matches", "a/s to-ns=nowhere,b.*", &[]),
        ("qualified", "a/s to=nowhere/x", advice),
        ("qualified by a pattern", "a/s to=x.*/x", advice),
        ("an empty push names nothing, which is other advice", "a/s to=", &[]),
        ("what a replica pushes does not count", "a/s to-ns=nowhere by=b/x", &[]),
        ("nor what an ill-formed object pushes", "a/s to-ns=nowhere once=x", &[]),
    ]);
}

/// mittwald's `replicate-to: ns1,ns2`.
#[test]
fn names_that_are_namespaces() {
    let advice = &[Reason::NamesAreNamespaces][..];
    check(&[
        ("every name is a namespace", "a/s to=b,c", advice),
        ("one", "a/s to=b", advice),
        ("one of two", "a/s to=b,x", &[]),
        ("qualified", "a/s to=b/c", &[]),
        ("the namespaces are listed where they belong", "a/s to=b,c to-ns=b", &[]),
        ("none exists", "a/s to=x,y", &[]),
    ]);
    let (_, detail) = advised("a/s to=b,c", "a/s").remove(0);
    assert_eq!(
        detail,
        "replicate-to names objects such as \"b\", which is a namespace; to push into these namespaces, list them in \
         replicate-to-namespaces"
    );
    let many: Vec<String> = (0..200).map(|_| "b".to_owned()).collect();
    check(&[("nobody writes so many by hand", &format!("a/s to={}", many.join(",")), &[])]);
}

#[test]
fn data_that_nobody_gets() {
    let advice = &[Reason::PushesOwnData][..];
    check(&[
        ("combined, with data", "a/s from=c/f to-ns=b :own known", advice),
        ("combined, without", "a/s from=c/f to-ns=b known", &[]),
        ("combined, with the minimal values of its type", "a/s from=c/f to-ns=b type:tls known", &[]),
        ("not read yet", "a/s from=c/f to-ns=b :own data-others", &[]),
        (
            "a ConfigMap is never read for it: who owns its data tells",
            "configmaps; a/s from=c/f to-ns=b :own data-others",
            advice,
        ),
        ("nobody does", "configmaps; a/s from=c/f to-ns=b data-nobody", &[]),
        ("pushes its own data", "a/s to-ns=b :own known", &[]),
        ("pulls", "a/s from=c/f :own known", &[]),
    ]);
    let (_, detail) = advised("a/s from=c/f to-ns=b :own known", "a/s").remove(0);
    assert!(detail.contains("c/f") && !detail.contains("own known"), "{detail}");
}

#[test]
fn stubs_that_will_conflict() {
    let advice = &[Reason::StubWillConflict][..];
    check(&[
        ("a typed stub of others", "a/s from=c/f type:tls data-others known", advice),
        ("a part of it is theirs", "a/s from=c/f type:dockerconfigjson data-shared known", advice),
        ("the controller's alone", "a/s from=c/f type:tls data-us known", &[]),
        ("of a type without required keys", "a/s from=c/f data-others known", &[]),
        ("its type is not known yet", "a/s from=c/f type:tls data-others", &[]),
        ("a pushed replica", "a/s from=c/f by=c/x type:tls data-others known", &[]),
        ("a source", "a/s allowed type:ssh-auth :x data-others known", &[]),
    ]);
    let mut world = World::new("a/s from=c/f type:tls data-others");
    world.objects.get_mut(&key("a/s")).unwrap().managers.other = Some("helm".into());
    world.restart();
    world.answer(&Need::Content(key("a/s")));
    let advice = advise(&world.graph, world.kind, &key("a/s"));
    assert!(
        advice[0].detail.starts_with("another field manager (helm) owns values of this kubernetes.io/tls"),
        "{advice:?}"
    );
}

#[test]
fn certificates_that_cannot_be_read() {
    let advice = &[Reason::CertificateUnreadable][..];
    check(&[
        ("unreadable", "a/s to-ns=b type:tls :odd known", advice),
        ("not read yet", "a/s to-ns=b type:tls :odd", &[]),
        ("a pair", "a/s to-ns=b type:tls :pair known", &[]),
        ("held", "a/s to-ns=b type:tls :mixed known", &[]),
        ("another type", "a/s to-ns=b :odd known", &[]),
    ]);
}
