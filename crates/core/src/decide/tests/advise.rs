//! SPEC 8, 11.9 and 11.10: advice that follows from other objects, namespaces and contents.

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
fn data_of_a_combined_object_that_no_replica_gets() {
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
        // Server-side apply: the type does not count.
        ("keys were applied", "a/s from=c/f data-others claim-applied", advice),
        ("to an object with a type", "a/s from=c/f type:tls data-others claim-applied known", advice),
        ("to a ConfigMap", "configmaps; a/s from=c/f data-others claim-applied", advice),
        ("the controller has some: the values are the same", "a/s from=c/f data-shared claim-applied", &[]),
        ("the controller has all", "a/s from=c/f type:tls data-us known", &[]),
        ("the field was applied, and no key", "a/s from=c/f data-others", &[]),
        // Client-side apply: where the type has required keys, there were some.
        ("a typed stub of others", "a/s from=c/f type:tls data-others claim-updated known", advice),
        ("it is filled", "a/s from=c/f type:dockerconfigjson data-shared claim-updated known", advice),
        ("of a type without required keys", "a/s from=c/f data-others claim-updated known", &[]),
        ("its type is not known yet", "a/s from=c/f type:tls data-others claim-updated", &[]),
        ("a ConfigMap", "configmaps; a/s from=c/f data-others claim-updated", &[]),
        // Objects that are not filled by a pull.
        ("a pushed replica", "a/s from=c/f by=c/x type:tls data-others claim-applied known", &[]),
        ("a source", "a/s allowed type:ssh-auth :x data-others claim-applied known", &[]),
        ("combined: never written", "a/s from=c/f to=x type:tls data-others claim-applied known", &[]),
    ]);
}

/// The advice names the manager, what will happen, and the ways out.
#[test]
fn the_advice_on_stubs() {
    let said = |line: &str, other: Option<&str>, is_others_claim: bool| {
        let mut world = World::new(line);
        let managers = &mut world.objects.get_mut(&key("a/s")).unwrap().managers;
        (managers.other, managers.is_others_claim) = (other.map(Into::into), is_others_claim);
        world.restart();
        world.answer(&Need::Content(key("a/s")));
        advise(&world.graph, world.kind, &key("a/s")).remove(0).detail
    };
    let ways_out = "; let a source with both replicate-from and replicate-to push it, or leave the keys out of the manifest, or \
                    let the tool ignore what the field manager k8s-replicator owns (docs/gitops.md)";
    let applied = "a/s from=c/f data-others claim-applied";
    assert_eq!(
        said(applied, Some("helm"), true),
        format!(
            "the field manager helm gives keys to this object, which c/f fills; once they are copied, its next server-side apply \
             (helm 4's upgrade is one) is refused as a conflict, and a forced one undoes the copy until the controller makes it \
             again{ways_out}"
        )
    );
    let updated = "a/s from=c/f type:tls data-shared claim-updated";
    assert_eq!(
        said(updated, Some("helm"), true),
        format!(
            "the field manager helm gives keys to this object, which c/f fills; each time it applies its manifest again, it undoes the \
             copy until the controller makes it again{ways_out}"
        )
    );
    // The manager that wrote last is not the one that wrote the keys.
    for said in [said(applied, Some("kubectl-label"), false), said(applied, None, false)] {
        assert!(said.starts_with("another field manager gives keys to this object"), "{said}");
    }
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
