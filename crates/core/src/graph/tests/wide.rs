//! What names very many targets touches them in one piece, and they are the same ones.

use super::*;

/// Issue 9: an event's time does not grow with the number of names times namespaces.
#[test]
fn a_push_of_many_names_into_many_namespaces_touches_one_piece() {
    let mut graph = graph(&[]);
    let new = graph.observe(object("a/s to=x,y,s to-ns=.*"));
    assert_eq!((new.targets.as_slice(), new.wide.len(), new.len()), ([key("a/s").into()].as_slice(), 1, 1 + 9));
    let all = "a/s a/x a/y b/s b/x b/y c/s c/x c/y";
    assert_eq!(touched(&mut graph, |_| new), all);
    let replaced = graph.observe(object("a/s #2 to=v,w,x to-ns=.*"));
    assert_eq!((replaced.wide.len(), replaced.len()), (2, 1 + 9 + 9), "those that it named, and those that it names");
    let both = "a/s a/v a/w a/x a/y b/s b/v b/w b/x b/y c/s c/v c/w c/x c/y";
    assert_eq!(touched(&mut graph, |_| replaced), both);
    let few = graph.observe(object("a/s #3 to=x to-ns=.*"));
    assert_eq!((few.wide.len(), few.targets.len()), (1, 4), "what is few is said one by one");
}

/// Each part of a push may name a few targets less than what is one piece, and there may be sixteen of them.
#[test]
fn parts_that_name_many_together_touch_pieces_too() {
    let mut graph = graph(&[]);
    let new = graph.observe(object("a/s to=[a-c]/u,[a-c].?/v,[a-c]-?/w,[a-c]x?/x"));
    assert_eq!((new.targets.len(), new.wide.len(), new.len()), (6 + 1, 2, 12 + 1));
    assert_eq!(touched(&mut graph, |_| new), "a/s a/u a/v a/w a/x b/u b/v b/w b/x c/u c/v c/w c/x");
}

#[test]
fn targets_are_taken_out_by_the_namespace_of_those_that_exist_by_then() {
    let mut graph = graph(&[]);
    let mut wide = graph.observe(object("a/s to=x,y,z to-ns=.*")).wide.remove(0);
    let mut take = |graph: &mut Graph, most| {
        graph.take_targets(&mut wide, most).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(take(&mut graph, 4), ["a/x", "a/y", "a/z", "b/x", "b/y", "b/z"], "whole namespaces");
    drop(graph.forget_namespace("c"));
    assert!(take(&mut graph, 4).is_empty() && take(&mut graph, 4).is_empty());
    assert!(wide.is_empty());
}

#[test]
fn plain_objects_that_a_wide_push_referred_to_are_let_go_when_they_are_taken_out() {
    let mut graph = graph(&["a/s to=x,y,z to-ns=.*", "b/x", "c/z"]);
    assert_eq!((graph.len(), graph.plain.len()), (3, 2));
    let gone = graph.forget(&key("a/s"), &uid("1"));
    assert_eq!(graph.plain.len(), 2);
    drop(graph.take_all_targets(gone));
    assert_eq!((graph.len(), graph.plain.len()), (0, 0));
    // A standby takes nothing out, and lets go of all at once: of those that something else refers to, none.
    let mut graph = self::graph(&["a/s to=x,y,z to-ns=.*", "b/x", "c/t from=a/f", "a/f"]);
    drop(graph.forget(&key("a/s"), &uid("1")));
    assert_eq!((graph.len(), graph.plain.len()), (3, 2));
    graph.let_go_of_plain();
    assert_eq!((graph.len(), graph.plain.len(), presence(&graph, "a/f")), (2, 1, "present"));
    // Before the first lists are complete nobody takes anything out.
    let mut graph = Graph::default();
    drop(graph.observe_namespace("b", NamespaceFacts::default()));
    for line in ["a/s to=t,u,v,w,x,y,z to-ns=.*", "b/x", "a/s #2"] {
        assert!(graph.observe(object(line)).is_empty());
    }
    assert_eq!((graph.len(), graph.plain.len()), (0, 0));
}
