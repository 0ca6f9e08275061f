//! The picture: objects in columns, the sources on the left, and an edge for each target.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_replicator_core::names::Key;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use serde_json::json;

use crate::commands::options::json as written;
use crate::entry::{Entry, Standing};

/// An object.
pub(super) struct Node {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) key: Key,
    /// How it stands, and why, if it is a target.
    pub(super) standing: Option<Standing>,
    pub(super) reason: Option<Reason>,
}

/// A source gives to a target.
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) standing: Standing,
    pub(super) reason: Option<Reason>,
}

pub(super) struct Picture {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

impl Picture {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut found: BTreeMap<(&'static str, Key), Option<&Entry>> = BTreeMap::new();
        for entry in entries {
            if let Some(source) = &entry.source {
                found.entry((entry.kind, source.clone().into())).or_default();
            }
            found.insert((entry.kind, entry.target.clone()), Some(entry));
        }
        let ids: BTreeMap<_, _> = found.keys().cloned().enumerate().map(|(at, key)| (key, format!("n{at}"))).collect();
        let id = |kind, key: &Key| ids.get(&(kind, key.clone())).cloned().unwrap_or_default();
        let nodes = found.iter().map(|((kind, key), entry)| Node {
            id: id(kind, key),
            kind,
            key: key.clone(),
            standing: entry.map(|entry| entry.standing),
            reason: entry.and_then(|entry| entry.reason),
        });
        let edges = entries.iter().filter_map(|entry| {
            Some(Edge {
                from: id(entry.kind, entry.source.as_ref()?),
                to: id(entry.kind, &entry.target),
                standing: entry.standing,
                reason: entry.reason,
            })
        });
        let mut edges: Vec<Edge> = edges.collect();
        edges.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
        Self { nodes: nodes.collect(), edges }
    }

    pub(super) fn dot(&self) -> String {
        let mut out = "digraph replicas {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\", style=filled, fillcolor=white];\n".to_owned();
        for (at, (namespace, nodes)) in self.by_namespace().into_iter().enumerate() {
            let _ = writeln!(out, "  subgraph cluster_{at} {{\n    label=\"{namespace}\"; color=gray;");
            for node in nodes {
                let _ = writeln!(
                    out,
                    "    {} [label=\"{}\\n{}\", color=\"{}\"];",
                    node.id,
                    node.key.name(),
                    node.kind,
                    colour(node.standing)
                );
            }
            out.push_str("  }\n");
        }
        for edge in &self.edges {
            let label = edge.label().map_or(String::new(), |label| format!(", label=\"{label}\""));
            let style = if edge.is_good() { "solid" } else { "dashed" };
            let _ = writeln!(
                out,
                "  {} -> {} [style={style}, color=\"{}\"{label}];",
                edge.from,
                edge.to,
                colour(Some(edge.standing))
            );
        }
        out.push_str("}\n");
        out
    }

    pub(super) fn mermaid(&self) -> String {
        let mut out = "flowchart LR\n".to_owned();
        for (at, (namespace, nodes)) in self.by_namespace().into_iter().enumerate() {
            let _ = writeln!(out, "  subgraph s{at}[\"{namespace}\"]");
            for node in nodes {
                let _ = writeln!(out, "    {}[\"{}<br/>{}\"]", node.id, node.key.name(), node.kind);
            }
            out.push_str("  end\n");
        }
        for edge in &self.edges {
            let arrow = match edge.label() {
                None => "-->".to_owned(),
                Some(label) => format!("-.->|{label}|"),
            };
            let _ = writeln!(out, "  {} {arrow} {}", edge.from, edge.to);
        }
        out
    }

    pub(super) fn json(&self, notes: &[String]) -> String {
        let node = |node: &Node| {
            json!({
                "id": node.id,
                "kind": node.kind,
                "object": node.key.as_str(),
                "state": node.standing.map(Standing::word),
            })
        };
        let edge = |edge: &Edge| {
            json!({
                "from": edge.from,
                "to": edge.to,
                "state": edge.standing.word(),
                "reason": edge.reason.map(Reason::code),
            })
        };
        written(&json!({
            "nodes": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "edges": self.edges.iter().map(edge).collect::<Vec<_>>(),
            "notes": notes,
        }))
    }

    /// Columns by how far an object is from a source, rows in the order of the names: no crossing is avoided, no line is lost.
    pub(super) fn svg(&self) -> String {
        const WIDTH: usize = 300;
        const HEIGHT: usize = 54;
        const BOX: (usize, usize) = (220, 38);
        let depths = self.depths();
        let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
        let mut places: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for node in &self.nodes {
            let depth = depths.get(node.id.as_str()).copied().unwrap_or_default();
            let row = rows.entry(depth).or_default();
            places.insert(&node.id, (10 + depth * WIDTH, 10 + *row * HEIGHT));
            *row += 1;
        }
        let width = 20 + rows.keys().max().map_or(0, |depth| depth * WIDTH + BOX.0);
        let height = 20 + rows.values().max().map_or(0, |rows| rows * HEIGHT);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n"
        );
        for edge in &self.edges {
            let (Some((x1, y1)), Some((x2, y2))) = (places.get(edge.from.as_str()), places.get(edge.to.as_str()))
            else {
                continue;
            };
            let ((x1, y1), (x2, y2)) = ((x1 + BOX.0, y1 + BOX.1 / 2), (*x2, y2 + BOX.1 / 2));
            let (dash, title) = match edge.label() {
                None => ("", edge.standing.word()),
                Some(label) => (" stroke-dasharray=\"4 3\"", label),
            };
            let colour = colour(Some(edge.standing));
            let _ = writeln!(
                out,
                "  <g fill=\"none\" stroke=\"{colour}\"><title>{title}</title><path d=\"M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}\"{dash}/>\
                 <path d=\"M{} {} L{x2} {y2} L{} {}\"/></g>",
                x1 + 40,
                x2.saturating_sub(40),
                x2.saturating_sub(6),
                y2.saturating_sub(4),
                x2.saturating_sub(6),
                y2 + 4,
            );
        }
        for node in &self.nodes {
            let Some((x, y)) = places.get(node.id.as_str()) else { continue };
            let state = node.standing.map_or("source", Standing::word);
            let is_good = node.standing.is_none_or(|standing| standing == Standing::Known(State::Current));
            let why = node.reason.filter(|_| !is_good).map_or(String::new(), |reason| format!(": {reason}"));
            let _ = writeln!(
                out,
                "  <g><title>{} {}: {state}</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"white\" stroke=\"{}\"/>\
                 <text x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\" font-size=\"11\" fill=\"#616161\">{}</text></g>",
                node.kind,
                node.key,
                BOX.0,
                BOX.1,
                colour(node.standing),
                x + 8,
                y + 16,
                crate::table::shorten(node.key.as_str(), 32),
                x + 8,
                y + 31,
                crate::table::shorten(&format!("{} {state}{why}", node.kind), 38)
            );
        }
        out.push_str("</svg>\n");
        out
    }

    /// How many steps an object is below a source that is no target. Rings end.
    fn depths(&self) -> BTreeMap<&str, usize> {
        let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
        for _ in 0..self.nodes.len() {
            let mut changed = false;
            for edge in &self.edges {
                let next = depths.get(edge.from.as_str()).copied().unwrap_or_default() + 1;
                let own = depths.entry(&edge.to).or_default();
                if *own < next && next < self.nodes.len() {
                    *own = next;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        depths
    }

    fn by_namespace(&self) -> BTreeMap<&str, Vec<&Node>> {
        let mut all: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in &self.nodes {
            all.entry(node.key.namespace()).or_default().push(node);
        }
        all
    }
}

impl Edge {
    fn is_good(&self) -> bool {
        self.standing == Standing::Known(State::Current)
    }

    /// What is to be said where it is not as wanted.
    fn label(&self) -> Option<&'static str> {
        (!self.is_good()).then(|| self.reason.map_or_else(|| self.standing.word(), Reason::code))
    }
}

/// As the states' colours on the page: readable on white, and not the only sign.
fn colour(standing: Option<Standing>) -> &'static str {
    match standing {
        None | Some(Standing::Unread | Standing::Unseen) => "gray",
        Some(Standing::Known(State::Current)) => "#2e7d32",
        Some(Standing::Known(State::Waiting | State::Held)) => "#b26a00",
        Some(Standing::Known(State::Refused | State::Failing)) => "#c62828",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::Snapshots;

    fn entry(target: &str, source: &str, state: State, reason: Reason) -> Entry {
        Entry::secret(target, source, Standing::Known(state), Some(reason))
    }

    fn picture() -> Picture {
        Picture::of(&[
            entry("shop/db", "data/db", State::Current, Reason::UpToDate),
            entry("web/db", "shop/db", State::Refused, Reason::ConsentMissing),
            entry("late/db", "data/db", State::Waiting, Reason::NamespaceMissing),
        ])
    }

    #[test]
    fn outputs_are_as_they_were_looked_at() {
        let picture = picture();
        let mut snapshots = Snapshots::of("graph");
        snapshots.file("dot", &picture.dot());
        snapshots.file("mmd", &picture.mermaid());
        snapshots.file("svg", &picture.svg());
        snapshots.file("json", &picture.json(&["You may not list namespaces.".to_owned()]));
        snapshots.check();
    }

    #[test]
    fn a_ring_has_an_end() {
        let ring =
            [entry("a/x", "a/y", State::Refused, Reason::Ring), entry("a/y", "a/x", State::Refused, Reason::Ring)];
        assert!(Picture::of(&ring).svg().contains("a/y"));
    }
}
