use super::*;
use crate::graph::namespaces::Existing;
use crate::namespace::NamespaceFacts;

fn source(name: &str) -> SourceKey {
    Key::resolve(name, "").unwrap().into()
}

fn marks(own: &SourceKey, to: Option<&str>, namespaces: Option<&str>) -> Annotated {
    let annotations = [("replicate-to", to), ("replicate-to-namespaces", namespaces)];
    let annotations = annotations.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Marks::parse(own, annotations).unwrap().map_or(Annotated::Not, |marks| Annotated::Well(Arc::new(marks)))
}

fn existing(names: &[&str]) -> Existing {
    let mut existing = Existing::default();
    for name in names {
        existing.see(name, NamespaceFacts::default(), 0);
    }
    existing
}

fn text(pushing: &[&SourceKey]) -> String {
    pushing.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Nothing may be left of pushes that are gone, and their room is used again.
fn assert_empty(pushes: &Pushes) {
    assert!(pushes.entries.is_empty() && pushes.slots.is_empty() && pushes.selections.len() == 0);
    assert!(pushes.entries.is_clean());
    assert_eq!(pushes.free_slots.len(), pushes.sources.len());
}

#[test]
fn every_way_to_say_a_name_is_found_and_leaves_nothing_behind() {
    let namespaces = existing(&["a", "b", "c"]);
    let many: Vec<String> = (0..200).map(|n| format!("x{n}")).collect();
    let wide: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let cases = [
        (Some("b/x,c/x,b/y".to_owned()), None),
        (Some("x,y".to_owned()), Some("a,b".to_owned())),
        (Some("x".to_owned()), Some("[ab]".to_owned())),
        (Some("x,[bc]/y,.*/z,b/x".to_owned()), Some(String::new())),
        (Some(many.join(",")), Some("a,b".to_owned())),
        (Some(many.join(",")), None),
        (Some("x".to_owned()), Some(format!("{},b", wide.join(",")))),
        (Some(many.iter().map(|name| format!("b/{name}")).collect::<Vec<_>>().join(",")), Some("c".to_owned())),
        (None, Some("b,ns-.".to_owned())),
        (Some(String::new()), None),
    ];
    let mut pushes = Pushes::default();
    for _ in 0..3 {
        for (number, (to, in_namespaces)) in cases.iter().enumerate() {
            let own = source(&format!("a/s{number}"));
            pushes.set(&own, &marks(&own, to.as_deref(), in_namespaces.as_deref()), &namespaces);
        }
        let names = ["x", "y", "z", "x7", "x199", "s8", "none"];
        for namespace in ["a", "b", "c", "n7", "n39", "none"] {
            for name in names {
                let target = Key::new(namespace, name).unwrap();
                let all = (0..cases.len()).map(|number| source(&format!("a/s{number}")));
                let expected = all.filter(|own| {
                    let push = pushes.source(pushes.slots[own]).unwrap().push().unwrap();
                    let names = push.names(&target, crate::namespace::NamespaceFacts::UNKNOWN);
                    assert_eq!(pushes.pushes_to(own, &target, &namespaces), names, "{own} {target}");
                    names
                });
                let expected: Vec<SourceKey> = expected.collect();
                assert_eq!(text(&pushes.pushing_to(&target, &namespaces)), text(&expected.iter().collect::<Vec<_>>()));
            }
        }
        for number in 0..cases.len() {
            pushes.set(&source(&format!("a/s{number}")), &Annotated::Not, &namespaces);
        }
        assert_empty(&pushes);
    }
}

#[test]
fn a_name_is_found_by_namespace_where_that_takes_no_more_entries() {
    let namespaces = existing(&["a", "b"]);
    // The push, and how many entries it has; how many of them a name has to be compared with in a namespace not named.
    for (to, list, entries) in
        [("x", "b", 1), ("x", "b,c,d", 3), ("x", "1,2,3,4,5,6,7,8,9,10", 1), ("x,y,z", "b,c,d", 9), ("x", ".*", 1)]
    {
        let mut pushes = Pushes::default();
        pushes.set(&source("a/s"), &marks(&source("a/s"), Some(to), Some(list)), &namespaces);
        assert_eq!(pushes.entries.len(), entries, "{to} {list}");
    }
}
