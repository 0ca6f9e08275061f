//! SPEC 5: a target pulls; the first rule that applies decides.

use super::table::{check, step};
use super::world::World;

#[test]
fn rule_1_an_ill_formed_source() {
    check(&[
        (
            "nothing is copied",
            "a/src #8 allowed once=x :new; b/t from=a/src version=7 :old",
            "b/t",
            "refuse SourceIllFormed a/src (replicate-once: \"x\" is not a boolean; expected \"true\" or \"false\")",
        ),
        (
            "nothing is cleared, though consent is withdrawn",
            "a/src #8 allowed=false typo=x :new; b/t from=a/src version=7 :old",
            "b/t",
            "refuse SourceIllFormed a/src (unknown annotation \"typo\"; --ignore-unknown lets such annotations pass)",
        ),
        (
            "nothing is copied or cleared while a replica's consent is ill-formed",
            "allow-all; a/src #8 by=c/x allowed-ns=( :new; b/t from=a/src version=7 :old",
            "b/t",
            "refuse SourceIllFormed a/src (an annotation of this replica that says who may pull is ill-formed; no target may until it is corrected)",
        ),
        (
            "also under --allow-all",
            "allow-all; a/src #8 typo=x :new; b/t from=a/src :old",
            "b/t",
            "refuse SourceIllFormed a/src (unknown annotation \"typo\"; --ignore-unknown lets such annotations pass)",
        ),
    ]);
}

#[test]
fn sources_without_annotations() {
    check(&[
        (
            "seen after the target that refers to it",
            "allow-all; b/src #7 :new; a/t from=b/src :old",
            "a/t",
            "update FirstCopy b/src +version=7 +origin=b/src +chain=.* data=new as Opaque ← b/src",
        ),
        (
            "seen before: looked up",
            "allow-all; a/src #7 :new; b/t from=a/src :old",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=new as Opaque ← ?a/src a/src",
        ),
        (
            "looked up, and up to date",
            "allow-all; a/src #7 :one; b/t from=a/src version=7 origin=a/src chain=.* :one",
            "b/t",
            "nothing UpToDate a/src ← ?a/src",
        ),
        ("without --allow-all", "a/src :new; b/t from=a/src :old", "b/t", "refuse ConsentMissing a/src ← ?a/src"),
        (
            "without --allow-all, and a copy is held",
            "b/src :new; a/t from=b/src version=7 :old",
            "a/t",
            "clear ConsentMissing b/src -version data=- as Opaque ← a/t",
        ),
        ("not there", "allow-all; b/t from=a/src :old", "b/t", "refuse SourceMissing a/src ← ?a/src"),
    ]);
}

#[test]
fn rule_3_the_chain_above_has_to_allow_the_namespace() {
    check(&[
        (
            "it allows all",
            "b/m #8 from=a/o allowed version=7 origin=a/o chain=.* :x; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=8 +origin=a/o +chain=.* data=x as Opaque ← b/m",
        ),
        (
            "it names the namespace",
            "b/m #8 from=a/o allowed version=7 origin=a/o chain=b,c :x; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=8 +origin=a/o +chain=b,c data=x as Opaque ← b/m",
        ),
        (
            "it matches the namespace",
            "b/m #8 from=a/o allowed version=7 origin=a/o chain=[bc] :x; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=8 +origin=a/o +chain=[bc] data=x as Opaque ← b/m",
        ),
        (
            "it allows none",
            "b/m #8 from=a/o allowed version=7 origin=a/o chain=- :x; c/t from=b/m version=6 :old",
            "c/t",
            "clear ChainNotAllowed b/m -version data=- as Opaque ← c/t",
        ),
        (
            "it allows others",
            "b/m #8 from=a/o allowed version=7 origin=a/o chain=b,cc :x; c/t from=b/m version=6 :old",
            "c/t",
            "clear ChainNotAllowed b/m -version data=- as Opaque ← c/t",
        ),
        (
            "it does not say: none",
            "b/m #8 from=a/o allowed version=7 origin=a/o :x; c/t from=b/m version=6 :old",
            "c/t",
            "clear ChainNotAllowed b/m -version data=- as Opaque ← c/t",
        ),
        (
            "also under --allow-all",
            "allow-all; b/m #8 from=a/o version=7 chain=b :x; c/t from=b/m version=6 :old",
            "c/t",
            "clear ChainNotAllowed b/m -version data=- as Opaque ← c/t",
        ),
        (
            "also under once",
            "b/m #8 from=a/o allowed version=7 chain=b :x; c/t from=b/m version=6 once :old",
            "c/t",
            "clear ChainNotAllowed b/m -version data=- as Opaque ← c/t",
        ),
        (
            "consent comes first (2)",
            "b/m #8 from=a/o allowed=false version=7 chain=b :x; c/t from=b/m version=6 :old",
            "c/t",
            "clear ConsentRefused b/m -version data=- as Opaque ← c/t",
        ),
        (
            "a source that does not pull has no chain above it",
            "b/m #8 allowed chain=b :x; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=8 +origin=b/m +chain=.* data=x as Opaque ← b/m",
        ),
    ]);
}

#[test]
fn rule_4_a_loop_changes_nothing() {
    check(&[
        (
            "the data comes from the target itself",
            "a/t from=b/f version=6 :old; b/f #8 from=a/t allowed version=7 origin=a/t chain=.* :x",
            "a/t",
            "refuse Loop b/f",
        ),
        (
            "it comes before a broken chain (5)",
            "a/t from=b/f version=6 :old; b/f #8 from=c/x allowed origin=a/t chain=.* :x",
            "a/t",
            "refuse Loop b/f",
        ),
        (
            "the chain that does not allow it comes first (3)",
            "a/t from=b/f version=6 :old; b/f #8 from=a/t allowed version=7 origin=a/t chain=b :x",
            "a/t",
            "clear ChainNotAllowed b/f -version data=- as Opaque ← a/t",
        ),
        (
            "also a source that does not pull (any more)",
            "a/t from=b/f version=6 :old; b/f #8 allowed origin=a/t :x",
            "a/t",
            "refuse Loop b/f",
        ),
        (
            "the origin is another object",
            "a/t from=b/f; b/f #8 from=c/o allowed version=7 origin=c/o chain=.* :x",
            "a/t",
            "update FirstCopy b/f +version=8 +origin=c/o +chain=.* data=x as Opaque ← b/f",
        ),
    ]);
}

#[test]
fn rule_5_a_broken_chain_empties_what_hangs_on_it() {
    check(&[
        (
            "the source was cleared",
            "b/m #8 from=a/o allowed; c/t from=b/m version=7 origin=a/o chain=.* :old",
            "c/t",
            "clear ChainBroken b/m -version -origin -chain data=- as Opaque ← c/t",
        ),
        (
            "the source holds no copy, though its chain allows",
            "b/m #8 from=a/o allowed chain=.* :own; c/t from=b/m version=7 :old",
            "c/t",
            "clear ChainBroken b/m -version data=- as Opaque ← c/t",
        ),
        (
            "a combined object is never filled itself",
            "b/m #8 from=a/o to-ns=a allowed :own; c/t from=b/m version=7 :old",
            "c/t",
            "clear ChainBroken b/m -version data=- as Opaque ← c/t",
        ),
        (
            "the target never received anything",
            "b/m #8 from=a/o allowed; c/t from=b/m :own",
            "c/t",
            "refuse ChainBroken b/m",
        ),
    ]);
}

#[test]
fn rule_6_a_ring_changes_nothing() {
    check(&[
        (
            "of two",
            "a/t from=b/f version=6 :old; b/f #8 from=a/t allowed version=7 origin=c/gone chain=.* :x",
            "a/t",
            "refuse Ring b/f",
        ),
        (
            "of three",
            "a/t from=b/f :old; b/f from=c/g allowed version=7 chain=.* :x; c/g from=a/t :y",
            "a/t",
            "refuse Ring b/f",
        ),
        ("of one", "a/t from=a/t allowed version=6 chain=.* :old", "a/t", "refuse Ring a/t"),
        (
            "that leads past a combined object",
            "a/t from=b/f :old; b/f from=c/g allowed version=7 chain=.* :x; c/g from=a/t to= :y",
            "a/t",
            "refuse Ring b/f",
        ),
        (
            "further up, without the target",
            "a/x #7 from=b/y allowed version=1 origin=c/gone chain=.* :x; b/y from=a/x allowed; c/t from=a/x",
            "c/t",
            "update FirstCopy a/x +version=7 +origin=c/gone +chain=.* data=x as Opaque ← a/x",
        ),
        (
            "that an ill-formed object interrupts",
            "a/t from=b/f; b/f #8 from=c/g allowed version=7 origin=c/o chain=.* :x; c/g from=a/t once=x :y",
            "a/t",
            "update FirstCopy b/f +version=8 +origin=c/o +chain=.* data=x as Opaque ← b/f",
        ),
        (
            "withdrawn consent comes first (2)",
            "a/t from=b/f version=6 :old; b/f #8 from=a/t allowed=false version=7 chain=.* :x",
            "a/t",
            "clear ConsentRefused b/f -version data=- as Opaque ← a/t",
        ),
    ]);
}

#[test]
fn rule_7_up_to_date() {
    check(&[
        (
            "by the version",
            "a/src #7 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* :one",
            "b/t",
            "nothing UpToDate a/src",
        ),
        (
            "by the content (9.3)",
            "a/src #8 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* :one",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
        (
            "verified",
            "a/src #7 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* :one suspect",
            "b/t",
            "nothing UpToDate a/src ← a/src b/t",
        ),
        (
            "only the permission changes",
            "a/src #8 allowed-ns=b,c :one; b/t from=a/src version=7 origin=a/src chain=.* :one",
            "b/t",
            "update InheritedChanged a/src +chain=b,c ← a/src b/t",
        ),
        (
            "only the once-version changes (9.3)",
            "a/src #8 allowed once-v=2 :one; b/t from=a/src version=7 once-v=1 origin=a/src chain=.* :one",
            "b/t",
            "update InheritedChanged a/src +once-v=2 ← a/src b/t",
        ),
        (
            "only the once-version goes (9.3)",
            "a/src #8 allowed :one; b/t from=a/src version=7 once-v=1 origin=a/src chain=.* :one",
            "b/t",
            "update InheritedChanged a/src -once-v ← a/src b/t",
        ),
        (
            "only the origin changes (9.3)",
            "b/m #8 from=a/o allowed version=6 origin=a/o chain=.* :x; c/t from=b/m version=7 origin=b/m chain=.* :x",
            "c/t",
            "update InheritedChanged b/m +origin=a/o ← b/m c/t",
        ),
        (
            "edited",
            "a/src #7 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* :edited suspect",
            "b/t",
            "update Drift a/src data=one as Opaque ← a/src b/t",
        ),
        (
            "emptied",
            "a/src #7 allowed :one; b/t from=a/src version=7 origin=a/src chain=.* suspect",
            "b/t",
            "update Drift a/src data=one as Opaque ← a/src b/t",
        ),
        (
            "annotations edited",
            "a/src #7 allowed :one; b/t from=a/src version=7 origin=c/x chain=c :one",
            "b/t",
            "update InheritedChanged a/src +origin=a/src +chain=.* ← a/src b/t",
        ),
    ]);
}

#[test]
fn rule_8_what_a_copy_writes() {
    check(&[
        (
            "the least",
            "a/src #7 allowed :one; b/t from=a/src once=false",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=one as Opaque ← a/src",
        ),
        (
            "nothing to copy is a copy, too",
            "a/src #7 allowed; b/t from=a/src :own",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=- as Opaque ← a/src",
        ),
        (
            "both fields of a ConfigMap",
            "configmaps; a/src #7 allowed :one+two; b/t from=a/src :own",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=one+two ← a/src",
        ),
        (
            "new data",
            "a/src #8 allowed :two; b/t from=a/src version=7 origin=a/src chain=.* :one",
            "b/t",
            "update SourceChanged a/src +version=8 data=two as Opaque ← a/src b/t",
        ),
        (
            "the source's once-version; the target's own consent stays",
            "a/src #7 allowed once-v=1 :one; b/t from=a/src allowed=false allowed-ns=x",
            "b/t",
            "update FirstCopy a/src +once-v=1 +version=7 +origin=a/src +chain=.* data=one as Opaque ← a/src",
        ),
        (
            "no once-version, since the source has none",
            "a/src #8 allowed :two; b/t from=a/src once-v=1 version=7 origin=a/src chain=.* :one",
            "b/t",
            "update SourceChanged a/src +version=8 -once-v data=two as Opaque ← a/src b/t",
        ),
        (
            "no origin, since the target is once",
            "a/src #8 allowed :two; b/t from=a/src once origin=a/src :one",
            "b/t",
            "update FirstCopy a/src +version=8 +chain=.* -origin data=two as Opaque ← a/src",
        ),
        (
            "an origin, though the source is once",
            "a/src #8 allowed once :two; b/t from=a/src :one",
            "b/t",
            "update FirstCopy a/src +version=8 +origin=a/src +chain=.* data=two as Opaque ← a/src",
        ),
        (
            "the origin of a source that pulls",
            "b/m #8 from=a/o allowed version=7 origin=a/first chain=.* :x; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=8 +origin=a/first +chain=.* data=x as Opaque ← b/m",
        ),
        (
            "a source that pulls and has no origin is the origin",
            "b/m #8 from=a/o once allowed version=7 chain=.* :x; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=8 +origin=b/m +chain=.* data=x as Opaque ← b/m",
        ),
        (
            "a source that does not pull is the origin, whatever origin it carries",
            "b/m #8 allowed origin=a/o :x; c/t from=b/m",
            "c/t",
            "update FirstCopy b/m +version=8 +origin=b/m +chain=.* data=x as Opaque ← b/m",
        ),
    ]);
}

#[test]
fn what_the_chain_still_allows() {
    let expected =
        |chain: &str| format!("update FirstCopy b/m +version=8 +origin=b/m +chain={chain} data=x as Opaque ← b/m");
    // The name, the source's annotations, what stands on the target then.
    let cases = [
        ("no limit", "allowed", ".*"),
        ("a limit", "allowed-ns=c,x", "c,x"),
        ("a limit, word for word", "allowed-ns=x.*,,c,ns-.,", "x.*,,c,ns-.,"),
        ("a pattern for all is a list, too", "allowed-ns=.*", ".*"),
        ("a chain without limit", "allowed from=a/o version=7 chain=.*", ".*"),
        ("a chain without limit under a limit", "allowed-ns=x.*,,c from=a/o version=7 chain=.*", "x.*,,c"),
        ("a limited chain, word for word", "allowed from=a/o version=7 chain=x.*,,c", "x.*,,c"),
        ("in both lists", "allowed-ns=c,d from=a/o version=7 chain=e,c", "c"),
        ("the same pattern in both lists", "allowed-ns=c.* from=a/o version=7 chain=c.*", "c.*"),
        ("a literal that matches the other's pattern", "allowed-ns=c,d from=a/o version=7 chain=[ce]", "c"),
        ("and the other way round", "allowed-ns=[ce] from=a/o version=7 chain=c,d", "c"),
        ("two patterns that are not the same", "allowed-ns=c.* from=a/o version=7 chain=.*c", "-"),
    ];
    let rows: Vec<_> = cases
        .map(|(name, source, chain)| {
            let world: &'static str = format!("b/m #8 {source} :x; c/t from=b/m").leak();
            let expected: &'static str = expected(chain).leak();
            (name, world, "c/t", expected)
        })
        .into();
    check(&rows);
}

#[test]
fn types_and_immutability_of_pulling_targets() {
    check(&[
        (
            "the target's own type stays",
            "a/src #7 allowed :one; b/t from=a/src type:x/y known",
            "b/t",
            "update FirstCopy a/src +version=7 +origin=a/src +chain=.* data=one as x/y ← a/src",
        ),
        (
            "immutable: it belongs to its user",
            "a/src #7 allowed :one; b/t from=a/src immutable :own known",
            "b/t",
            "refuse TargetImmutable a/src ← a/src",
        ),
        (
            "immutable, and the source changed",
            "a/src #8 allowed :two; b/t from=a/src version=7 immutable :one",
            "b/t",
            "refuse TargetImmutable a/src ← a/src b/t",
        ),
        (
            "immutable, and the source is gone",
            "b/t from=a/src version=7 immutable :one",
            "b/t",
            "refuse TargetImmutable a/src ← ?a/src b/t",
        ),
        (
            "immutable, and only annotations change",
            "a/src #7 allowed-ns=b :one; b/t from=a/src version=7 origin=a/src chain=.* immutable :one known",
            "b/t",
            "update InheritedChanged a/src +chain=b ← a/src",
        ),
        (
            "the source is of a protected type",
            "a/src #7 allowed type:token :one; b/t from=a/src :own",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "the source is of a protected type, and a copy is held",
            "a/src #8 allowed type:token :one; b/t from=a/src version=7 :own",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "the target is of a protected type",
            "a/src #7 allowed :one; b/t from=a/src type:token :own known",
            "b/t",
            "refuse ProtectedType a/src (b/t is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "the target is of a protected type: not cleared",
            "b/t from=a/src version=7 type:service-account-token :own",
            "b/t",
            "refuse ProtectedType a/src (b/t is a kubernetes.io/service-account-token) ← ?a/src b/t",
        ),
        (
            "the target is of a protected type: not even its annotations are written",
            "a/src #7 allowed :one; b/t from=a/src version=7 origin=a/src chain=b type:token :one",
            "b/t",
            "refuse ProtectedType a/src (b/t is a bootstrap.kubernetes.io/token) ← a/src b/t",
        ),
        (
            "the source is of a protected type: not even annotations are written",
            "a/src #7 allowed type:token :one; b/t from=a/src version=7 origin=a/src chain=b :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
        (
            "the source is of a protected type, once: not even annotations are written",
            "a/src #8 allowed type:token :one; b/t from=a/src version=7 once chain=b :one",
            "b/t",
            "refuse ProtectedType a/src (a/src is a bootstrap.kubernetes.io/token) ← a/src",
        ),
    ]);
}

/// SPEC 9.12: a chain of more than 100 pulls is refused; and however long it is, it is not followed further.
#[test]
fn a_chain_that_is_too_long_changes_nothing() {
    let chain = |pulls: usize| {
        let mut lines = vec!["a/o allowed :one".to_owned()];
        for n in 1..pulls {
            let from = if n == 1 { "a/o".to_owned() } else { format!("a/m{}", n - 1) };
            lines.push(format!("a/m{n} #{n} from={from} allowed version=1 chain=.* origin=a/o :one"));
        }
        lines.push(format!("b/t from=a/m{}", pulls - 1));
        let mut world = World::new(&lines.join(";"));
        step(&mut world, "b/t").0
    };
    let copied =
        |n: usize| format!("update FirstCopy a/m{n} +version={n} +origin=a/o +chain=.* data=one as Opaque ← a/m{n}");
    assert_eq!(chain(99), copied(98));
    assert_eq!(chain(100), copied(99));
    assert_eq!(chain(101), "refuse ChainTooLong a/m100 (more than 100 pulls)");
    assert_eq!(chain(2000), "refuse ChainTooLong a/m1999 (more than 100 pulls)");
}
