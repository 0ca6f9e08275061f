//! SPEC 6, 9.2 and 9.11: copy once, in every combination.

use super::table::{check, step};
use super::world::World;

/// The source's once-version, the replica's, and whether the source thereby asks for one more copy.
const ASKS: [(&str, &str, bool); 7] = [
    ("", "", false),
    ("", "once-v=1", false),
    ("once-v=1", "once-v=1", false),
    ("once-v=1", "", true),
    ("once-v=1", "once-v=2", true),
    ("once-v=", "", true),
    ("once-v=", "once-v=", false),
];

/// Whether a replica that holds an old copy in this world gets the new data; if not, checks that the reason is `HeldByOnce`.
fn is_copied(text: &str) -> bool {
    let (line, _) = step(&mut World::new(text), "b/t");
    let copied = line.contains(" data=new ") && line.contains("+version=8");
    let held = line.starts_with("nothing HeldByOnce")
        || line.starts_with("update InheritedChanged") && !line.contains("data=");
    assert!(copied || held, "{text}: {line}");
    assert!(!held || !line.contains("version="), "a copy that is held is of the version that it was: {line}");
    copied
}

#[test]
fn pushed_only_the_sources_once_counts() {
    for (source_version, own_version, asks) in ASKS {
        for (source_once, is_once) in [("", false), ("once=false", false), ("once", true), ("once=1", true)] {
            for own_once in ["", "once", "once=false"] {
                let source = format!("a/src #8 to=b/t {source_once} {source_version} :new");
                let text = format!("{source}; b/t by=a/src version=7 {own_once} {own_version} :old");
                assert_eq!(is_copied(&text), !is_once || asks, "{text}");
                let text = format!("{source}; b/t by=a/src {own_once} {own_version} :old");
                assert!(is_copied(&text), "it holds no copy: {text}");
            }
        }
    }
}

#[test]
fn pulled_once_on_either_side_counts() {
    for (source_version, own_version, asks) in ASKS {
        for (source_once, own_once, is_once) in [
            ("", "", false),
            ("once=false", "once=0", false),
            ("once", "", true),
            ("", "once", true),
            ("once", "once=false", true),
            ("once=false", "once", true),
            ("once", "once", true),
        ] {
            let source = format!("a/src #8 allowed {source_once} {source_version} :new");
            let text = format!("{source}; b/t from=a/src version=7 chain=.* {own_once} {own_version} :old");
            assert_eq!(is_copied(&text), !is_once || asks, "{text}");
            let text = format!("{source}; b/t from=a/src {own_once} {own_version} :old");
            assert!(is_copied(&text), "it holds no copy: {text}");
        }
    }
}

#[test]
fn combined_the_sources_once_counts_and_the_others_once_version() {
    for (other_version, own_version, asks) in ASKS {
        for (source_once, own_once, is_once) in [("", "", false), ("once", "once", true), ("once=1", "once", true)] {
            let source =
                format!("a/s to=b/t from=c/f {source_once} once-v=not-this; c/f #8 allowed {other_version} :new");
            let own = format!("b/t by=a/s from=c/f {own_once} {own_version} chain=.*");
            let text = format!("{source}; {own} version=7 :old");
            assert_eq!(is_copied(&text), !is_once || asks, "{text}");
            let text = format!("{source}; {own} :old");
            assert!(is_copied(&text), "it holds no copy: {text}");
        }
    }
}

#[test]
fn pushed() {
    check(&[
        (
            "held: its data is not even read",
            "a/src #8 to=b/t once :new; b/t by=a/src version=7 once :old",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "changed by someone: it is read once, for it may have been emptied",
            "a/src #8 to=b/t once :new; b/t by=a/src version=7 once data-others :old suspect",
            "b/t",
            "nothing HeldByOnce a/src ← b/t",
        ),
        (
            "held, though edited by hand (9.2)",
            "a/src #7 to=b/t once :one known; b/t by=a/src version=7 once :edited known",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "held, and what it inherits follows at once",
            "a/src #8 to=b/t once=T allowed=false :new; b/t by=a/src version=7 once once-v=1 allowed-ns=x :old",
            "b/t",
            "update InheritedChanged a/src +once=T +allowed=false -once-v -allowed-ns ← a/src b/t",
        ),
        (
            "one more copy",
            "a/src #8 to=b/t once once-v=2 :new; b/t by=a/src version=7 once once-v=1 :old",
            "b/t",
            "update OnceVersionChanged a/src +once-v=2 +version=8 data=new as Opaque ← a/src b/t",
        ),
        (
            "one more copy, also over a hand edit",
            "a/src #8 to=b/t once once-v=2 :one; b/t by=a/src version=7 once once-v=1 :edited data-others suspect",
            "b/t",
            "update OnceVersionChanged a/src +once-v=2 +version=8 data=one as Opaque ← a/src b/t",
        ),
        (
            "one more copy of what it has",
            "a/src #8 to=b/t once once-v=2 :one; b/t by=a/src version=7 once once-v=1 :one",
            "b/t",
            "update InheritedChanged a/src +once-v=2 ← a/src b/t",
        ),
        (
            "taken off the source: newer data comes through (9.11)",
            "a/src #8 to=b/t :new; b/t by=a/src version=7 once :old",
            "b/t",
            "update SourceChanged a/src +version=8 -once data=new as Opaque ← a/src b/t",
        ),
        (
            "taken off the source, and nothing new",
            "a/src #8 to=b/t :one; b/t by=a/src version=7 once :one",
            "b/t",
            "update InheritedChanged a/src -once ← a/src b/t",
        ),
        (
            "put on the source: the copy that it holds stays",
            "a/src #8 to=b/t once :new; b/t by=a/src version=7 :old",
            "b/t",
            "update InheritedChanged a/src +once=true ← a/src b/t",
        ),
        (
            "held, though the source has another type now",
            "a/src #8 to=b/t once type:x/y :new; b/t by=a/src version=7 once :old known",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "once shields not from deletion",
            "a/src #8 to= once :new; b/t by=a/src version=7 once :old",
            "b/t",
            "delete SourceStoppedPushing a/src ← b/t",
        ),
        (
            "made",
            "a/src #8 to=b/t once once-v=2 :new",
            "b/t",
            "create NewTarget a/src {once=true once-v=2 by=a/src version=8} Opaque new ← a/src",
        ),
    ]);
}

#[test]
fn pulled() {
    check(&[
        (
            "held: its data is not even read",
            "a/src #8 allowed once :new; b/t from=a/src version=7 chain=.* :old",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "changed by someone: it is read once, for it may have been emptied",
            "a/src #8 allowed once :new; b/t from=a/src version=7 chain=.* data-others :old suspect",
            "b/t",
            "nothing HeldByOnce a/src ← b/t",
        ),
        (
            "held, though edited by hand (9.2)",
            "a/src #7 allowed :one known; b/t from=a/src version=7 once chain=.* :edited known",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "held, and the permission follows at once (9.12), and only it",
            "a/src #8 allowed-ns=b,c :new; b/t from=a/src version=7 once once-v=1 origin=x/y chain=.* :old",
            "b/t",
            "update InheritedChanged a/src +chain=b,c ← a/src b/t",
        ),
        (
            "held, and the permission of the whole chain follows at once",
            "b/m #8 from=a/o allowed version=1 chain=c,d :x; c/t from=b/m version=7 once chain=.* :old",
            "c/t",
            "update InheritedChanged b/m +chain=c,d ← b/m c/t",
        ),
        (
            "one more copy",
            "a/src #8 allowed once-v=2 :new; b/t from=a/src version=7 once once-v=1 chain=.* :old",
            "b/t",
            "update OnceVersionChanged a/src +once-v=2 +version=8 data=new as Opaque ← a/src b/t",
        ),
        (
            "one more copy of what it has",
            "a/src #8 allowed once-v=2 :one; b/t from=a/src version=7 once once-v=1 chain=.* :one",
            "b/t",
            "update InheritedChanged a/src +once-v=2 ← a/src b/t",
        ),
        (
            "the first copy",
            "a/src #8 allowed once-v=2 :new; b/t from=a/src once :old",
            "b/t",
            "update FirstCopy a/src +once-v=2 +version=8 +chain=.* data=new as Opaque ← a/src",
        ),
        (
            "once shields not from a missing source",
            "b/t from=a/src version=7 once chain=.* :old",
            "b/t",
            "clear SourceMissing a/src -version -chain data=- as Opaque ← ?a/src b/t",
        ),
        (
            "taken off the target",
            "a/src #8 allowed :new; b/t from=a/src version=7 chain=.* :old",
            "b/t",
            "update SourceChanged a/src +version=8 +origin=a/src data=new as Opaque ← a/src b/t",
        ),
    ]);
}

#[test]
fn combined() {
    let held = "b/t by=a/s from=c/f version=7 once chain=.* :old";
    let rows = [
        (
            "held: its data is not even read",
            "a/s to=b/t from=c/f once; c/f #8 allowed :new",
            "nothing HeldByOnce c/f ← a/s",
        ),
        (
            "held, and the permission follows at once",
            "a/s to=b/t from=c/f once; c/f #8 allowed-ns=b :new",
            "update InheritedChanged c/f +chain=b ← a/s c/f b/t",
        ),
        (
            "held, and what the source says follows",
            "a/s to=b/t from=c/f once allowed=false; c/f #8 allowed :new",
            "update InheritedChanged c/f +allowed=false ← a/s c/f b/t",
        ),
        (
            "one more copy",
            "a/s to=b/t from=c/f once; c/f #8 allowed once-v=1 :new",
            "update OnceVersionChanged c/f +once-v=1 +version=8 data=new as Opaque ← a/s c/f b/t",
        ),
        (
            "withdrawn consent empties it",
            "a/s to=b/t from=c/f once; c/f #8 allowed=false :new",
            "clear ConsentRefused c/f -version -chain data=- as Opaque ← a/s",
        ),
        ("deleted", "a/s to= from=c/f once; c/f #8 allowed :new", "delete SourceStoppedPushing a/s ← b/t"),
    ];
    let rows: Vec<_> =
        rows.map(|(name, sources, expected)| (name, &*format!("{sources}; {held}").leak(), "b/t", expected)).into();
    check(&rows);
}

/// SPEC 6: a manifest that was applied again leaves a replica without any value.
#[test]
fn what_was_emptied_is_filled_again() {
    check(&[
        (
            "pushed",
            "a/src #8 to=b/t once :new; b/t by=a/src version=7 once data-others suspect",
            "b/t",
            "update Emptied a/src +version=8 data=new as Opaque ← b/t a/src",
        ),
        (
            "pushed, and nobody else is known to have written it: what was copied had no value, also where it is not read",
            "a/src #8 to=b/t once :new; b/t by=a/src version=7 once",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "the same, and its content is known",
            "a/src #8 to=b/t once :new; b/t by=a/src version=7 once known",
            "b/t",
            "nothing HeldByOnce a/src",
        ),
        (
            "pushed, and nobody owns anything of its data: it has no keys",
            "a/src #8 to=b/t once :new; b/t by=a/src version=7 once data-nobody suspect",
            "b/t",
            "update Emptied a/src +version=8 data=new as Opaque ← b/t a/src",
        ),
        (
            "pushed, of a type with required keys: minimal values are none",
            "a/src #8 to=b/t once type:dockercfg :new known; b/t by=a/src version=7 once type:dockercfg data-others known",
            "b/t",
            "update Emptied a/src +version=8 data=new as kubernetes.io/dockercfg",
        ),
        (
            "pushed, and its source has nothing either",
            "a/src #8 to=b/t once; b/t by=a/src version=7 once data-others suspect",
            "b/t",
            "nothing HeldByOnce a/src ← b/t a/src",
        ),
        (
            "pulled, once on the target",
            "a/src #8 allowed once-v=1 :new; b/t from=a/src version=7 once once-v=1 chain=.* data-others suspect",
            "b/t",
            "update Emptied a/src +version=8 data=new as Opaque ← b/t a/src",
        ),
        (
            "pulled, once on the source",
            "a/src #8 allowed once :new; b/t from=a/src version=7 origin=a/src chain=.* data-others suspect",
            "b/t",
            "update Emptied a/src +version=8 data=new as Opaque ← b/t a/src",
        ),
        (
            "combined",
            "a/s to=b/t from=c/f once; c/f #8 allowed :new; b/t by=a/s from=c/f version=7 once chain=.* data-others suspect",
            "b/t",
            "update Emptied c/f +version=8 data=new as Opaque ← a/s b/t c/f",
        ),
        (
            "a ConfigMap, emptied in both of its fields",
            "configmaps; a/src #8 to=b/t once :+new; b/t by=a/src version=7 once data-others suspect",
            "b/t",
            "update Emptied a/src +version=8 data=+new ← b/t a/src",
        ),
        (
            "it asks for one more copy: that is the reason",
            "a/src #8 to=b/t once once-v=2 :new; b/t by=a/src version=7 once once-v=1 data-others suspect",
            "b/t",
            "update OnceVersionChanged a/src +once-v=2 +version=8 data=new as Opaque ← a/src b/t",
        ),
    ]);
}
