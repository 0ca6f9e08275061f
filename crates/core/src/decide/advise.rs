//! Advice about an object that follows from other objects, from the namespaces, or from the object's content (SPEC 8, 11.9, 11.10).
//! Advice that follows from its annotations alone is found where they are parsed.

use crate::advice::Advice;
use crate::annotations::{Annotation, Marks, PUSH};
use crate::certificate::Completeness;
use crate::graph::{Graph, Knowledge, Node};
use crate::kind::Kind;
use crate::managers::{Claim, FIELD_MANAGER, Owners};
use crate::names::{Key, SourceKey};
use crate::push::{Part, Push};
use crate::reason::Reason;

/// The most names of `replicate-to` that are compared with the namespaces: a list of names of namespaces is written by hand.
const MOST_NAMES: usize = 100;

/// The advice about an object, in the order of [`Reason`], each reason at most once. It blocks nothing.
#[must_use]
pub fn advise(graph: &Graph, kind: &dyn Kind, key: &Key) -> Vec<Advice> {
    let Some(node) = graph.node(key) else { return Vec::new() };
    let marks = node.marks();
    let source = SourceKey::from(key.clone());
    let push = marks.and_then(|marks| Some((marks, marks.effective_push()?)));
    let of_push = [
        push.and_then(|(marks, push)| reaches_no_namespace(graph, &source, marks, push)),
        push.and_then(|(marks, _)| names_are_namespaces(graph, marks)),
        push.and_then(|(marks, _)| pushes_own_data(kind, node, marks)),
    ];
    let others = [marks.and_then(|marks| stub_will_conflict(kind, node, marks)), certificate_unreadable(node)];
    of_push.into_iter().chain(others).flatten().collect()
}

fn advice(reason: Reason, detail: String) -> Option<Advice> {
    Some(Advice { reason, detail })
}

/// A push that names no object in a namespace that exists today.
fn reaches_no_namespace(graph: &Graph, source: &SourceKey, marks: &Marks, push: &Push) -> Option<Advice> {
    let names_nothing = push.literal_count() == 0 && push.parts().iter().all(Part::is_empty);
    if names_nothing || graph.reaches_a_namespace(source) {
        return None;
    }
    let named: Vec<&str> = PUSH.into_iter().filter(|by| marks.has(*by)).map(Annotation::name).collect();
    let names = format!("no namespace that exists is named by {}", named.join(" and "));
    advice(Reason::NoNamespaceReached, format!("{names}; a replica is made as soon as one is"))
}

/// `replicate-to: ns1,ns2`: in mittwald's replicator this annotation lists namespaces, here names of objects.
fn names_are_namespaces(graph: &Graph, marks: &Marks) -> Option<Advice> {
    if marks.text(Annotation::ReplicateToNamespaces).is_some() {
        return None;
    }
    let text = marks.text(Annotation::ReplicateTo)?;
    let mut items = text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).peekable();
    let first = *items.peek()?;
    let mut count = 0;
    let all = items.all(|item| {
        count += 1;
        count <= MOST_NAMES && graph.namespace(item).is_some()
    });
    if !all {
        return None;
    }
    let meant = "to push into these namespaces, list them in replicate-to-namespaces";
    advice(
        Reason::NamesAreNamespaces,
        format!("replicate-to names objects such as {first:?}, which is a namespace; {meant}"),
    )
}

/// A combined object that has data of its own: its replicas get the other object's data, and its own data is neither copied nor
/// replaced (SPEC 3, 2).
fn pushes_own_data(kind: &dyn Kind, node: &Node, marks: &Marks) -> Option<Advice> {
    let from = marks.replicate_from.as_ref()?;
    let has_data = match node.knowledge {
        Knowledge::Known(facts) => facts.gives_something(),
        // An object with a type is read for its type before anything is pushed, so that its data is known. Of the others,
        // `managedFields` show whether there is data.
        _ => !kind.is_typed() && node.managers.data != Owners::Nobody,
    };
    if !has_data {
        return None;
    }
    let detail = format!(
        "the data of {from} is pushed, and this object's own data stays here; without replicate-to and \
         replicate-to-namespaces it would itself be filled from {from}, without replicate-from its own data would be pushed"
    );
    advice(Reason::PushesOwnData, detail)
}

/// A pulling object with keys that another field manager wrote, and will write again at its next upgrade (SPEC 11.10).
fn stub_will_conflict(kind: &dyn Kind, node: &Node, marks: &Marks) -> Option<Advice> {
    let from = marks.replicate_from.as_ref().filter(|_| marks.is_target() && marks.replicated_by.is_none())?;
    let has_required_keys = || node.type_.as_deref().is_some_and(|type_| kind.has_required_keys(type_));
    let managers = &node.managers;
    let what_follows = match (managers.claim, managers.data) {
        // Where the controller owns keys as well, the other manager applied the same values: the next apply does not conflict.
        (Claim::Applied, Owners::Others) => {
            "once they are copied, its next server-side apply (helm 4's upgrade is one) is refused as a conflict, and a forced one \
             undoes the copy until the controller makes it again"
        }
        // An object of a type without required keys may have been created by anyone, who will not write it again.
        (Claim::Updated, Owners::Others | Owners::Shared) if has_required_keys() => {
            "each time it applies its manifest again, it undoes the copy until the controller makes it again"
        }
        _ => return None,
    };
    let other = match &managers.other {
        Some(other) if managers.is_others_claim => format!("the field manager {other}"),
        _ => "another field manager".to_owned(),
    };
    let detail = format!(
        "{other} gives keys to this object, which {from} fills; {what_follows}; let a source with both replicate-from and \
         replicate-to push it, or leave the keys out of the manifest, or let the tool ignore what the field manager \
         {FIELD_MANAGER} owns (docs/gitops.md)"
    );
    advice(Reason::StubWillConflict, detail)
}

/// SPEC 11.9.
fn certificate_unreadable(node: &Node) -> Option<Advice> {
    let Knowledge::Known(facts) = node.knowledge else { return None };
    if facts.completeness != Completeness::Unreadable {
        return None;
    }
    advice(Reason::CertificateUnreadable, "tls.crt or tls.key cannot be parsed; it is copied as it is".to_owned())
}
