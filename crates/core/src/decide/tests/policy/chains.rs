//! SPEC 11: what the objects above a source allow, in chains of pulls.

use super::*;

/// SPEC 11: the chain rule is decided by walking up.
#[test]
fn consent_by_label_holds_along_chains() {
    let chain = |labels: &str, root: &str| {
        format!(
            "ns c {labels}; {root} a/o allowed-sel=env=prod :one; b/m from=a/o allowed version=102 chain=selector. :one; \
             c/t from=b/m version=103 :one"
        )
    };
    let look = |text: &str| step(&mut World::new(text), "c/t").0;
    let filled = look(&chain("+env=prod", ""));
    assert!(filled.starts_with("update InheritedChanged b/m"), "{filled}");
    assert!(look(&chain("+env=dev", "")).starts_with("clear ChainNotAllowed b/m"));
    // A link without a copy has nothing to give, whatever is above it.
    let empty = "ns c +env=prod; b/m from=a/o allowed chain=selector. :one; c/t from=b/m version=103 :one";
    assert_eq!(look(empty), "clear ChainBroken b/m -version data=- as Opaque ← c/t");
    // Where the object with the selector is missing, whether it allows the namespace is not known; the one that hangs on it waits.
    let missing = "ns c +env=prod; removal-delay 5s; b/m from=a/o allowed version=102 chain=selector. :one; \
                   c/t from=b/m version=103 :one";
    assert_eq!(
        look(missing),
        "refuse ChainNotVisible b/m (a/o is missing or ill-formed, so that what it allows is not known)"
    );
    let mut world = World::new(missing);
    assert_eq!(settle(&mut world).len(), 0);
    world.pass(std::time::Duration::from_secs(6));
    let steps = settle(&mut world).join("; ");
    assert!(steps.contains("b/m: clear SourceMissing a/o") && steps.contains("c/t: clear Chain"), "{steps}");
}

/// SPEC 2, 11: a missing or ill-formed object above a source neither gives anything new nor takes anything away, where
/// `replicated-from-allowed` cannot hold all that it limits.
#[test]
fn a_missing_or_ill_formed_object_above_changes_nothing() {
    let looks = [
        // A replica with an ill-formed consent is as good as not there.
        "ns c +env=prod; a/src to=b/m allowed-sel=env=prod paused :one; b/m by=a/src allowed-sel=(( version=101 :one; \
         b/n from=b/m allowed version=102 chain=selector. origin=b/m :one; c/t from=b/n version=103 origin=b/m chain=selector. :one",
        "a/src to=b/m allowed allowed-keys=v paused :one; b/m by=a/src allowed=true allowed-keys=?? version=101 :one; \
         b/n from=b/m allowed version=102 chain=.* had-keys=* origin=b/m :one; c/t from=b/n version=103 origin=b/m chain=.* had-keys=* :one",
        // Neither is one that is ill-formed, or gone.
        "a/o allowed-keys=x allowed=?? :x~1; b/m from=a/o version=7 origin=a/o chain=.* had-keys=* allowed immutable :x~1,y~2; \
         c/t from=b/m version=103 origin=a/o chain=.* had-keys=* :x~1 known",
        "exclude b; b/m from=a/o version=7 origin=a/o chain=.* had-keys=* allowed :x~1,y~2; \
         c/t from=b/m version=103 origin=a/o chain=.* had-keys=* :x~1 known",
    ];
    for text in looks {
        let (line, action) = step(&mut World::new(text), "c/t");
        assert!(line.starts_with("refuse ChainNotVisible ") && action.is_none(), "{text}\n{line}");
    }
}

/// An immutable object keeps an outdated `replicated-from-allowed`. The objects above it decide by their present annotations.
#[test]
fn every_object_above_has_to_allow() {
    for root in ["a/o allowed-ns=b :two", "a/o allowed=false :two", "a/o allowed-sel=env=x :two"] {
        let text = format!("exclude b; {root}; b/m from=a/o allowed version=1 origin=a/o chain=.* :one; c/t from=b/m");
        assert_eq!(step(&mut World::new(&text), "c/t").0, "refuse ChainNotAllowed b/m", "{root}");
    }
}

/// When a link of a chain appears, vanishes or changes, the targets below it are decided about again.
#[test]
fn a_chain_is_looked_at_from_its_end_when_a_link_changes() {
    let chain = "ns d +env=prod; removal-delay 1h; b/m from=a/o allowed-sel=env=prod allowed-ns=c version=101 chain=b,c,d origin=a/o :one; \
                 c/n from=b/m allowed version=101 chain=c,selector. origin=a/o :one; \
                 d/t from=c/n version=1 chain=selector. origin=a/o :old";
    let mut world = World::new(chain);
    settle(&mut world);
    assert!(step(&mut world, "d/t").0.starts_with("refuse ChainNotVisible c/n"));
    for line in [
        "a/o allowed-ns=b,c,d :one",
        "a/o allowed-ns=(( :one",
        "a/o allowed-ns=b,c,d :two",
        "a/o :two",
        "a/o allowed-ns=b,c,d",
    ] {
        world.edit(line);
        let drained = drain(&mut world);
        assert_eq!(settle(&mut world), [""; 0], "{line}: after {drained:?}");
    }
    let mut world = World::new("a/o allowed paused :one; a/src from=a/o to=c/x; b/t by=a/src");
    settle(&mut world);
    world.edit("a/o allowed :one");
    drain(&mut world);
    assert_eq!(settle(&mut world), [""; 0], "what a combined object made is paused with what it pulls from");
}
