//! SPEC 4, second item, 9.5, 9.6 and 9.11: a source that pushes what another object gives.

use super::table::check;

#[test]
fn what_a_new_replica_gets() {
    check(&[
        (
            "the other's data; the reference is resolved beside the source",
            "a/s #7 from=f to-ns=b :own; a/f #5 allowed :data",
            "b/s",
            "create NewTarget a/s {from=a/f by=a/s version=5 origin=a/f chain=.*} Opaque data ← a/s a/f",
        ),
        (
            "the source's type",
            "a/s #7 from=f to-ns=b type:x/y; a/f #5 allowed :data",
            "b/s",
            "create NewTarget a/s {from=a/f by=a/s version=5 origin=a/f chain=.*} x/y data ← a/s a/f",
        ),
        (
            "once and consent from the source, the once-version from the other; no origin under once",
            "a/s from=c/f to-ns=b once=1 once-v=s allowed=true allowed-ns=a :own; c/f #5 allowed-ns=b,d once-v=f :data",
            "b/s",
            "create NewTarget a/s {from=c/f once=1 once-v=f allowed=true allowed-ns=a by=a/s version=5 chain=b,d} \
             Opaque data ← a/s c/f",
        ),
        (
            "of a chain",
            "a/s from=c/f to-ns=b; c/f #5 from=a/o allowed version=3 origin=a/o chain=b :data",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s version=5 origin=a/o chain=b} Opaque data ← a/s c/f",
        ),
        (
            "a ConfigMap",
            "configmaps; a/s from=c/f to-ns=b :own; c/f #5 allowed :+data",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s version=5 origin=c/f chain=.*} +data ← c/f",
        ),
        (
            "the keys that are asked for",
            "a/s from=c/f to-ns=b keys=x; c/f #5 allowed :x~1,y~2",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s version=5 origin=c/f chain=.* had-keys=x} Opaque x~1 ← a/s c/f:keys c/f",
        ),
        (
            "empty, since the other is missing",
            "a/s from=c/f to-ns=b once allowed once-v=s :own",
            "b/s",
            "create NewTarget a/s {from=c/f once=true allowed=true by=a/s} Opaque - ← a/s ?c/f",
        ),
        (
            "minimal, since the other is missing",
            "a/s from=c/f to-ns=b type:tls :own",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s} kubernetes.io/tls minimal ← a/s ?c/f",
        ),
        (
            "empty, since the other is ill-formed",
            "a/s from=c/f to-ns=b :own; c/f allowed once=x :data",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s",
        ),
        (
            "empty, since the other forbids it",
            "a/s from=c/f to-ns=b :own; c/f allowed=false :data",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s",
        ),
        (
            "empty, since the chain above the other forbids it",
            "a/s from=c/f to-ns=b :own; c/f from=a/o allowed version=1 chain=c :data",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s",
        ),
        (
            "empty, since the other is cleared",
            "a/s from=c/f to-ns=b :own; c/f from=a/o allowed",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s",
        ),
        (
            "empty, since the other's data came from the very replica",
            "a/s from=c/f to-ns=b :own; c/f from=b/s allowed version=1 origin=b/s chain=.* :data",
            "b/s",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s",
        ),
        (
            "empty, since the replica itself is the other",
            "a/s from=c/f to=c/f :own",
            "c/f",
            "create NewTarget a/s {from=c/f by=a/s} Opaque - ← a/s ?c/f",
        ),
        (
            "not made: the source's type is protected",
            "a/s from=c/f to-ns=b type:token :own; c/f allowed :data",
            "b/s",
            "refuse ProtectedType a/s (a/s is a bootstrap.kubernetes.io/token) ← a/s",
        ),
        (
            "not made: the other's type is protected",
            "a/s from=c/f to-ns=b :own; c/f allowed type:token :data",
            "b/s",
            "refuse ProtectedType c/f (c/f is a bootstrap.kubernetes.io/token) ← a/s c/f",
        ),
        (
            "not made: the source pushes to the other, which is there",
            "a/s from=c/f to=c/f :own; c/f allowed :data",
            "c/f",
            "refuse NotCreatedBySource a/s",
        ),
    ]);
}

#[test]
fn what_an_existing_replica_gets() {
    check(&[
        (
            "up to date",
            "a/s from=c/f to-ns=b :own; c/f #5 allowed :data; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "nothing UpToDate c/f ← a/s",
        ),
        (
            "the other's annotations changed (9.3)",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed once-v=1 :data; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "update InheritedChanged c/f +once-v=1 ← a/s c/f b/s",
        ),
        (
            "the source's annotations changed",
            "a/s from=c/f to-ns=b allowed :own; c/f #5 allowed :data; b/s from=c/f by=a/s version=5 origin=c/f chain=.* allowed-ns=x :data",
            "b/s",
            "update InheritedChanged c/f +allowed=true -allowed-ns ← a/s c/f b/s",
        ),
        (
            "a reference written shorter by hand is written in full again",
            "a/s from=b/f to-ns=b :own; b/f #5 allowed :data; b/s from=f by=a/s version=5 origin=b/f chain=.* :data",
            "b/s",
            "update InheritedChanged b/f +from=b/f ← a/s b/f b/s",
        ),
        (
            "the other's data changed",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed :new; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "update SourceChanged c/f +version=6 data=new as Opaque ← a/s c/f b/s",
        ),
        (
            "edited",
            "a/s from=c/f to-ns=b :own; c/f #5 allowed :data; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :edited suspect",
            "b/s",
            "update Drift c/f data=data as Opaque ← a/s c/f b/s",
        ),
        (
            "not filled yet",
            "a/s from=c/f to-ns=b :own; c/f #5 allowed :data; b/s from=c/f by=a/s",
            "b/s",
            "update FirstCopy c/f +version=5 +origin=c/f +chain=.* data=data as Opaque ← a/s c/f",
        ),
        (
            "its own push is ignored, its replicate-from is not (3, not 2)",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed :new; b/s from=c/f by=a/s to=x version=5 origin=c/f chain=.* :data",
            "b/s",
            "update SourceChanged c/f +version=6 -to data=new as Opaque ← a/s c/f b/s",
        ),
        (
            "the other is ill-formed: its data stays",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed=x :new; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "refuse SourceIllFormed c/f (replication-allowed: \"x\" is not a boolean; expected \"true\" or \"false\") ← a/s",
        ),
        (
            "the other is ill-formed: what the source says follows",
            "a/s from=c/f to-ns=b allowed :own; c/f #6 allowed=x :new; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "update InheritedChanged c/f +allowed=true ← a/s b/s",
        ),
        (
            "a ring: its data stays",
            "a/s from=c/f to-ns=b :own; c/f from=b/s allowed version=1 origin=c/x chain=.* :new; \
             b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "refuse Ring c/f ← a/s",
        ),
        (
            "a loop: its data stays",
            "a/s from=c/f to-ns=b :own; c/f from=b/s allowed version=1 origin=b/s chain=.* :new; \
             b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "refuse Loop c/f ← a/s",
        ),
    ]);
}

#[test]
fn another_reference_or_once_begins_anew() {
    check(&[
        (
            "another reference",
            "a/s from=c/g to-ns=b :own; c/g #6 allowed :new; b/s from=c/f by=a/s version=5 once-v=1 origin=c/f chain=b :data",
            "b/s",
            "update FirstCopy c/g +from=c/g +version=6 +origin=c/g +chain=.* -once-v data=new as Opaque ← a/s c/g",
        ),
        (
            "another reference, under once",
            "a/s from=c/g to-ns=b once :own; c/g #6 allowed once-v=1 :new; b/s from=c/f by=a/s once version=5 once-v=1 chain=.* :data",
            "b/s",
            "update FirstCopy c/g +from=c/g +version=6 data=new as Opaque ← a/s c/g",
        ),
        (
            "another reference, which is missing: emptied, also under once",
            "a/s from=c/g to-ns=b once :own; b/s from=c/f by=a/s once version=5 once-v=1 chain=.* :data",
            "b/s",
            "clear SourceMissing c/g +from=c/g -once-v -version -chain data=- as Opaque ← a/s ?c/g",
        ),
        (
            "another reference, which is ill-formed: it holds no copy any more, its data stays for now",
            "a/s from=c/g to-ns=b :own; c/g typo=x; b/s from=c/f by=a/s version=5 once-v=1 origin=c/f chain=.* :data",
            "b/s",
            "update InheritedChanged c/g +from=c/g -once-v -version -origin -chain ← a/s b/s",
        ),
        (
            "the source became a combined one",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed :new; b/s by=a/s version=5 once-v=1 :own",
            "b/s",
            "update FirstCopy c/f +from=c/f +version=6 +origin=c/f +chain=.* -once-v data=new as Opaque ← a/s c/f",
        ),
        (
            "the source became a combined one, under once",
            "a/s from=c/f to-ns=b once :own; c/f #6 allowed :new; b/s by=a/s once version=5 :own",
            "b/s",
            "update FirstCopy c/f +from=c/f +version=6 +chain=.* data=new as Opaque ← a/s c/f",
        ),
        (
            "once is switched on",
            "a/s from=c/f to-ns=b once :own; c/f #5 allowed :data; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "update FirstCopy c/f +once=true -origin data=data as Opaque ← a/s c/f",
        ),
        (
            "once is switched off",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed :new; b/s from=c/f by=a/s once version=5 chain=.* :data",
            "b/s",
            "update FirstCopy c/f +version=6 +origin=c/f -once data=new as Opaque ← a/s c/f",
        ),
        (
            "once is spelled differently: that is no change of it",
            "a/s from=c/f to-ns=b once=T :own; c/f #6 allowed :new; b/s from=c/f by=a/s once version=5 chain=.* :data",
            "b/s",
            "update InheritedChanged c/f +once=T ← a/s c/f b/s",
        ),
    ]);
}

#[test]
fn the_source_drops_its_reference() {
    check(&[
        (
            "its own data is pushed",
            "a/s #7 to-ns=b :own; b/s from=c/f by=a/s version=5 once-v=1 origin=c/f chain=.* :data",
            "b/s",
            "update FirstCopy a/s +version=7 -from -once-v -origin -chain data=own as Opaque ← a/s",
        ),
        (
            "also under once",
            "a/s #7 to-ns=b once :own; b/s from=c/f by=a/s once version=5 chain=.* :data",
            "b/s",
            "update FirstCopy a/s +version=7 -from -chain data=own as Opaque ← a/s",
        ),
        (
            "also when it happens to hold the same data: the version is the new source's",
            "a/s #7 to-ns=b :data known; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data known",
            "b/s",
            "update FirstCopy a/s +version=7 -from -origin -chain data=data as Opaque",
        ),
        (
            "it held nothing",
            "a/s #7 to-ns=b :own; b/s from=c/f by=a/s",
            "b/s",
            "update FirstCopy a/s +version=7 -from data=own as Opaque ← a/s",
        ),
    ]);
}

#[test]
fn nothing_to_give_empties_the_replica() {
    check(&[
        (
            "the other is gone (9.6)",
            "a/s from=c/f to-ns=b :own; b/s from=c/f by=a/s version=5 once-v=1 origin=c/f chain=.* :data",
            "b/s",
            "clear SourceMissing c/f -once-v -version -origin -chain data=- as Opaque ← a/s ?c/f",
        ),
        (
            "the other is gone, once",
            "a/s from=c/f to-ns=b once :own; b/s from=c/f by=a/s once version=5 chain=.* :data",
            "b/s",
            "clear SourceMissing c/f -version -chain data=- as Opaque ← a/s ?c/f",
        ),
        (
            "of a type with required keys",
            "a/s from=c/f to-ns=b type:ssh-auth :own; b/s from=c/f by=a/s version=5 chain=.* type:ssh-auth :data",
            "b/s",
            "clear SourceMissing c/f -version -chain data=minimal as kubernetes.io/ssh-auth ← a/s ?c/f",
        ),
        (
            "it holds no copy, and is empty as far as it is known: that is read",
            "a/s from=c/f to-ns=b :own; b/s from=c/f by=a/s",
            "b/s",
            "refuse SourceMissing c/f ← a/s ?c/f b/s",
        ),
        (
            "whatever it held before: filled by hand",
            "a/s from=c/f to-ns=b :own; b/s from=c/f by=a/s :data suspect",
            "b/s",
            "clear SourceMissing c/f data=- as Opaque ← a/s ?c/f b/s",
        ),
        (
            "verified, and empty",
            "a/s from=c/f to-ns=b :own; b/s from=c/f by=a/s suspect",
            "b/s",
            "refuse SourceMissing c/f ← a/s ?c/f b/s",
        ),
        (
            "a minimal value is not written again",
            "a/s from=c/f to-ns=b type:basic-auth :own; b/s from=c/f by=a/s type:basic-auth suspect",
            "b/s",
            "refuse SourceMissing c/f ← a/s ?c/f b/s",
        ),
        (
            "known to be empty: only the annotations go",
            "a/s from=c/f to-ns=b :own; b/s from=c/f by=a/s version=5 origin=c/f chain=.* known",
            "b/s",
            "update InheritedChanged c/f -version -origin -chain ← a/s ?c/f",
        ),
        (
            "empty, and what the source says follows",
            "a/s from=c/f to-ns=b allowed :own; b/s from=c/f by=a/s",
            "b/s",
            "update InheritedChanged c/f +allowed=true ← a/s ?c/f b/s",
        ),
        (
            "the other is cleared",
            "a/s from=c/f to-ns=b :own; c/f from=a/o allowed; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "clear ChainBroken c/f -version -origin -chain data=- as Opaque ← a/s",
        ),
        (
            "the other pulls, and its chain does not allow it",
            "a/s from=c/f to-ns=b :own; c/f from=a/o allowed version=1 chain=c :x; b/s from=c/f by=a/s version=5 chain=.* :data",
            "b/s",
            "clear ChainNotAllowed c/f -version -chain data=- as Opaque ← a/s",
        ),
        (
            "the other's type is protected: nothing is cleared",
            "a/s from=c/f to-ns=b :own; c/f allowed type:token :x; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "refuse ProtectedType c/f (c/f is a bootstrap.kubernetes.io/token) ← a/s c/f",
        ),
    ]);
}

#[test]
fn what_cannot_be_changed_is_made_again() {
    check(&[
        (
            "another type",
            "a/s from=c/f to-ns=b type:x/y :own; c/f #5 allowed :data; b/s from=c/f by=a/s version=5 origin=c/f chain=.* :data known",
            "b/s",
            "recreate TypeChanged a/s ← a/s",
        ),
        (
            "another type, under once",
            "a/s from=c/f to-ns=b once type:x/y :own; c/f #5 allowed :data; b/s from=c/f by=a/s once version=5 chain=.* :data known",
            "b/s",
            "recreate TypeChanged a/s ← a/s",
        ),
        (
            "another type, and nothing to give",
            "a/s from=c/f to-ns=b type:x/y :own; b/s from=c/f by=a/s known",
            "b/s",
            "recreate TypeChanged a/s ← a/s",
        ),
        (
            "another type: the source was made again while nobody looked, and is younger than its replica",
            "a/s @9 from=c/f to-ns=b type:x/y :own; c/f #5 allowed :data; b/s @8 from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "recreate TypeChanged a/s ← a/s b/s",
        ),
        (
            "another type: the source was made again within the second",
            "a/s @8 from=c/f to-ns=b type:x/y :own; c/f #5 allowed :data; b/s @8 from=c/f by=a/s version=5 origin=c/f chain=.* :data",
            "b/s",
            "recreate TypeChanged a/s ← a/s b/s",
        ),
        (
            "the same, under once",
            "a/s @9 from=c/f to-ns=b once type:x/y :own; c/f #5 allowed :data; b/s @8 from=c/f by=a/s once version=5 chain=.* :data",
            "b/s",
            "recreate TypeChanged a/s ← a/s b/s",
        ),
        (
            "the same, empty",
            "a/s @9 from=c/f to-ns=b type:x/y :own; b/s @8 from=c/f by=a/s",
            "b/s",
            "recreate TypeChanged a/s ← a/s b/s",
        ),
        (
            "immutable, and new data",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed :new; b/s from=c/f by=a/s version=5 origin=c/f chain=.* immutable :data",
            "b/s",
            "recreate ReplicaImmutable a/s ← a/s c/f b/s",
        ),
        (
            "immutable, and the same data",
            "a/s from=c/f to-ns=b allowed :own; c/f #6 allowed :data; b/s from=c/f by=a/s version=5 origin=c/f chain=.* immutable :data",
            "b/s",
            "update InheritedChanged c/f +allowed=true ← a/s c/f b/s",
        ),
        (
            "immutable, and to be emptied",
            "a/s from=c/f to-ns=b :own; b/s from=c/f by=a/s version=5 origin=c/f chain=.* immutable :data known",
            "b/s",
            "recreate ReplicaImmutable a/s ← a/s ?c/f",
        ),
        (
            "immutable, and empty",
            "a/s from=c/f to-ns=b :own; b/s from=c/f by=a/s immutable known",
            "b/s",
            "refuse SourceMissing c/f ← a/s ?c/f",
        ),
        (
            "the replica's type is protected",
            "a/s from=c/f to-ns=b :own; c/f #6 allowed :new; b/s from=c/f by=a/s version=5 origin=c/f chain=.* type:token :data known",
            "b/s",
            "refuse ProtectedType a/s (b/s is a bootstrap.kubernetes.io/token) ← a/s",
        ),
    ]);
}
