//! Chains and rings of pulls (SPEC 5.6, 9.12).

use super::*;

/// `a/c0` pulls from `a/c1`, and so on; the last from nobody, or from `a/c{close}`.
fn chain(pulls: usize, close: Option<usize>) -> Graph {
    let mut lines: Vec<String> = (0..pulls).map(|n| format!("a/c{n} #1 from=a/c{}", n + 1)).collect();
    lines.push(match close {
        Some(close) => format!("a/c{pulls} #1 from=a/c{close}"),
        None => format!("a/c{pulls} #1 allowed=true"),
    });
    graph(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn leads(graph: &Graph, from: &str, target: &str) -> Chain {
    graph.chain(&key(from).into(), &key(target).into())
}

#[test]
fn where_a_chain_leads() {
    let graph = chain(3, None);
    assert_eq!(leads(&graph, "a/c1", "a/c0"), Chain::Ends);
    assert_eq!(leads(&graph, "a/c0", "a/c3"), Chain::Ring, "if c3 pulled from c0");
    assert_eq!(leads(&graph, "a/c0", "a/c0"), Chain::Ring, "from itself");
    assert_eq!(leads(&graph, "a/none", "a/c0"), Chain::Ends);
    // 100 pulls are served, 101 are not.
    let graph = chain(LONGEST_CHAIN + 1, None);
    assert_eq!(leads(&graph, "a/c2", "a/c1"), Chain::Ends);
    assert_eq!(leads(&graph, "a/c1", "a/c0"), Chain::TooLong);
    // A ring of just the length, and one that is longer: its members are refused as well.
    let graph = chain(LONGEST_CHAIN - 1, Some(0));
    assert_eq!(leads(&graph, "a/c1", "a/c0"), Chain::Ring);
    let graph = chain(LONGEST_CHAIN, Some(0));
    assert_eq!(leads(&graph, "a/c1", "a/c0"), Chain::TooLong);
    // A ring of others, above the target.
    let graph = chain(5, Some(4));
    assert_eq!(leads(&graph, "a/c1", "a/c0"), Chain::Ends);
}

#[test]
fn the_objects_above_are_those_of_a_chain_that_is_served() {
    let above = |graph: &Graph, from: &str| -> Vec<String> {
        let from = key(from).into();
        graph.above(&from).map(|(key, node)| format!("{key}{}", if node.is_some() { "" } else { "?" })).collect()
    };
    assert_eq!(above(&chain(3, None), "a/c1"), ["a/c1", "a/c2", "a/c3"]);
    assert_eq!(above(&graph(&["a/c0 from=a/none"]), "a/c0"), ["a/c0", "a/none?"]);
    assert_eq!(above(&chain(2, Some(1)), "a/c0"), ["a/c0", "a/c1", "a/c2"], "round a ring once");
    let far = above(&chain(2 * LONGEST_CHAIN, None), "a/c1");
    assert_eq!((far.len(), far.last().map(String::as_str)), (LONGEST_CHAIN, Some("a/c100")));
}

#[test]
fn who_hangs_on_a_chain_is_touched_as_far_as_it_looks_up() {
    let mut graph = chain(3 * LONGEST_CHAIN, None);
    let top = 3 * LONGEST_CHAIN;
    let touched = graph.observe(object(&format!("a/c{top} #2 from=a/c0")));
    let touched: BTreeSet<_> = graph.take_all_targets(touched).iter().map(ToString::to_string).collect();
    let expected = (top - LONGEST_CHAIN..=top).map(|n| format!("a/c{n}"));
    assert_eq!(touched, expected.collect());
}
