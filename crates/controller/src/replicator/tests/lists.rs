//! The first lists, the later ones, and what comes while requests are under way; when there is nothing to do.

use super::*;

/// A list that shows these objects.
fn list(it: &mut Loop, objects: &[Value]) {
    it.object(ObjectEvent::ListBegins(Part::Cluster));
    objects.iter().for_each(|object| it.seen(object));
    it.object(ObjectEvent::ListEnds(Part::Cluster, ResourceVersion::new("9")));
}

fn list_of_namespaces(it: &mut Loop) {
    it.namespace(NamespaceEvent::ListBegins);
    for name in ["a", "b", "c", "d"] {
        it.namespace(NamespaceEvent::Seen { name: name.into(), facts: NamespaceFacts::new(false) });
    }
    it.namespace(NamespaceEvent::ListEnds);
}

/// Whichever list is the last one.
#[test]
fn it_is_ready_when_every_first_list_is_complete() {
    for objects_come_first in [true, false] {
        let settings =
            Settings { rules: Rules::default(), scope: Scope::default(), entropy: Box::new(|| 0), tells_all: true };
        let mut it = Loop { replicator: Replicator::new(&Secret, settings), moment: Moment::ZERO };
        assert!(!it.replicator.is_ready());
        for is_of_objects in [objects_come_first, !objects_come_first] {
            assert!(!it.replicator.is_ready());
            match is_of_objects {
                true => list(&mut it, &[source(1, "v1")]),
                false => list_of_namespaces(&mut it),
            }
        }
        assert!(it.replicator.is_ready());
        it.asks_for("read a/src");
    }
}

/// SPEC 9.15: whatever a watch has missed a list shows, of objects as of namespaces. The first ones have nothing to verify.
#[test]
fn each_later_list_has_all_targets_verified() {
    let objects = [source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)];
    let mut it = Loop::with(&objects);
    let verified = |it: &Loop| it.replicator.queue.depth().classes[2];
    assert_eq!(verified(&it), ("verify", 0));
    it.asks_nothing();
    for is_of_objects in [true, false] {
        match is_of_objects {
            true => list(&mut it, &objects),
            false => list_of_namespaces(&mut it),
        }
        assert_eq!(verified(&it), ("verify", 4), "of objects: {is_of_objects}");
        it.asks_nothing();
        assert!(it.replicator.is_idle());
    }
}

/// What a write is answered counts, though a list comes meanwhile: that shows the object.
#[test]
fn a_list_that_shows_an_object_does_not_overtake_a_write_of_it() {
    let replicas = [replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)];
    let mut it = Loop::with(&[source(1, "v1"), replicas[0].clone(), replicas[1].clone(), replicas[2].clone()]);
    it.asks_nothing();
    it.seen(&source(5, "v2"));
    let read = it.asks_for("read a/src");
    it.answer(read, content(&source(5, "v2")));
    let (_, reads) = it.asks();
    reads.into_iter().zip(&replicas).for_each(|(read, replica)| it.answer(read, content(replica)));
    let (asked, writes) = it.asks();
    assert_eq!(asked, ["update b/src at 2", "update c/src at 3", "update d/src at 4"]);
    list(&mut it, &[source(5, "v2"), replicas[0].clone(), replicas[1].clone(), replicas[2].clone()]);
    for (write, (namespace, version)) in writes.into_iter().zip([("b", 10), ("c", 11), ("d", 12)]) {
        it.answer(write, Answer::Seen(observed(&replica(namespace, version, 5))));
    }
    it.asks_nothing();
    assert!(it.replicator.is_idle());
}

/// A 404 may be older than the change of the namespace which the watch has shown meanwhile: that object is looked up again. One in another
/// namespace is missing.
#[test]
fn a_404_that_a_change_of_its_namespace_overtook_is_not_believed() {
    let pulling = |name: &str, version, from: &str| object(name, version, &format!("replicate-from={from}"), json!({}));
    for change in [
        NamespaceEvent::Seen { name: "c".into(), facts: NamespaceFacts::new(true) },
        NamespaceEvent::Deleted { name: "c".into() },
    ] {
        let mut it = Loop::with(&[pulling("b/t", 2, "c/x"), pulling("b/u", 3, "d/x")]);
        let (asked, looks) = it.asks();
        assert_eq!(asked, ["look c/x", "look d/x"]);
        it.namespace(change);
        looks.into_iter().for_each(|look| it.answer(look, Answer::Missing));
        it.asks_for("look c/x");
        assert_eq!(it.reports(), ["b/u refused SourceMissing"]);
    }
}

/// A response that the watch has overtaken is not read again if it shows what the watch has shown.
#[test]
fn what_was_read_counts_also_where_the_watch_was_quicker() {
    let mut it = Loop::with(&[source(1, "v1")]);
    let read = it.asks_for("read a/src");
    it.seen(&source(2, "v2"));
    it.answer(read, content(&source(2, "v2")));
    assert_eq!(it.asks().0, ["create b/src", "create c/src", "create d/src"]);
}

/// It is idle when nothing is queued, under way, waits for a time, or for the end of a storm; and it is known when a target comes next.
#[test]
fn it_is_idle_when_there_is_nothing_to_do_now_or_later() {
    let pushing = |version, value: &str| object("a/src", version, "replicate-to-namespaces=b", json!({ "k": value }));
    let mut it = Loop::with(&[pushing(1, "v1")]);
    let next_at = |it: &Loop| it.replicator.next_at(&key("b/src").into());
    assert_eq!((it.replicator.is_idle(), next_at(&it)), (false, Some(Moment::ZERO)), "it is queued");
    let read = it.asks_for("read a/src");
    it.answer(read, content(&pushing(1, "v1")));
    let create = it.asks_for("create b/src");
    assert_eq!((it.replicator.is_idle(), next_at(&it)), (false, Some(Moment::ZERO)), "a write is under way");
    it.fails(create, FailureKind::Forbidden);
    it.asks_nothing();
    let again_at = Some(Duration::from_millis(100));
    assert_eq!((it.replicator.is_idle(), next_at(&it)), (false, again_at), "it waits for a time");
    it.wait();
    let create = it.asks_for("create b/src");
    it.answer(create, Answer::Seen(observed(&replica("b", 2, 1))));
    it.asks_nothing();
    assert_eq!((it.replicator.is_idle(), next_at(&it)), (true, None));
    // The source changes, and changes again before that was followed; the data is as it was.
    it.seen(&pushing(10, "v1"));
    let read = it.asks_for("read a/src");
    it.seen(&pushing(11, "v1"));
    it.answer(read, content(&pushing(11, "v1")));
    it.asks_nothing();
    assert_eq!((it.replicator.is_idle(), next_at(&it)), (false, None), "a storm");
    it.moment += Duration::from_secs(1);
    it.asks_nothing();
    assert!(it.replicator.is_idle());
}
