//! The contract once more, as a naive check of a settled world: the state of every object when nothing is left to do. It shares no
//! code with the decisions but the parsing of annotations.

use std::collections::BTreeMap;

use super::super::*;
use super::world::{Object, World};
use crate::annotations::{Marks, RemovalDelay};
use crate::managers::Owners;
use crate::pattern::narrow;

/// SPEC 11.1.
fn never(delay: Option<RemovalDelay>) -> bool {
    delay == Some(RemovalDelay::Never)
}

const PULLED: [&str; 4] = ["version", "once-v", "origin", "chain"];

/// SPEC 5, 2.
pub(super) fn consents(source: Option<&Marks>, namespace: &str, allow_all: bool) -> bool {
    let Some(source) = source else { return allow_all };
    let says_something = source.allowed.is_some() || source.allowed_namespaces.is_some();
    (says_something || allow_all)
        && source.allowed != Some(false)
        && source
            .allowed_namespaces
            .as_ref()
            .is_none_or(|list| list.names(namespace, crate::namespace::NamespaceFacts::UNKNOWN))
}

struct Oracle<'w> {
    world: &'w World,
    annotated: BTreeMap<&'w Key, Annotated>,
    wrong: Vec<String>,
}

/// Everything that is wrong with a settled world.
pub(super) fn complaints(world: &World) -> Vec<String> {
    let annotated = world.objects.iter().map(|(key, object)| (key, object.annotated(key))).collect();
    let mut oracle = Oracle { world, annotated, wrong: Vec::new() };
    for (key, object) in &world.objects {
        oracle.object(key, object);
        oracle.push(key);
    }
    oracle.wrong
}

fn is_protected(world: &World, object: &Object) -> bool {
    object.type_.as_deref().is_some_and(|type_| world.kind.is_protected(type_))
}

impl<'w> Oracle<'w> {
    fn expect(&mut self, holds: bool, key: &Key, what: &str) {
        if !holds {
            self.wrong.push(format!("{key}: {what}"));
        }
    }

    fn find(&self, key: &Key) -> Option<(&'w Object, &Annotated)> {
        Some((self.world.objects.get(key)?, self.annotated.get(key)?))
    }

    /// SPEC 3, 0 to 3.
    fn object(&mut self, key: &Key, object: &'w Object) {
        let Some(marks) = self.annotated[key].marks().cloned() else { return };
        if is_protected(self.world, object) {
            return;
        }
        if object.deleting {
            return self.terminating(key, object, &marks);
        }
        match (&marks.replicated_by, &marks.replicate_from) {
            (Some(creator), _) => self.made(key, object, creator),
            (None, Some(from)) if marks.push.is_none() => self.pulled(key, object, from, marks.once, false),
            _ => {}
        }
    }

    /// SPEC 3, 1 and 4.
    fn made(&mut self, key: &Key, object: &'w Object, creator: &Key) {
        let by_others = object.managers.replicated_by == Owners::Others;
        let own = self.annotated[key].marks().and_then(|marks| marks.removal_delay);
        let Some((source, annotated)) = self.find(creator) else {
            return self.expect(by_others || never(own), key, "its creator is gone");
        };
        if matches!(annotated, Annotated::Ill(_)) {
            return;
        }
        let marks = annotated.marks().cloned();
        let push = marks.as_ref().filter(|marks| marks.replicated_by.is_none()).and_then(|marks| marks.push.as_ref());
        if creator == key || !push.is_some_and(|push| push.names(key, crate::namespace::NamespaceFacts::UNKNOWN)) {
            let says_nothing = marks.as_ref().is_none_or(|marks| !marks.asks_for_a_push());
            let delay = marks.as_ref().and_then(|marks| marks.removal_delay).or(own);
            let stays = by_others || says_nothing && never(delay);
            return self.expect(stays, key, "its creator does not push to it");
        }
        let Some(marks) = marks.filter(|_| !is_protected(self.world, source)) else { return };
        if let Some((other, _)) = marks.replicate_from.as_ref().and_then(|from| self.find(from))
            && is_protected(self.world, other)
        {
            return;
        }
        self.expect(!by_others, key, "it is not adopted");
        for inherited in ["once", "allowed", "allowed-ns", "delay"] {
            let same = object.annotation(inherited) == source.annotation(inherited);
            self.expect(same, key, &format!("{inherited} is not its creator's"));
        }
        self.expect(object.annotation("by") == Some(creator.as_str()), key, "by is not in full");
        self.expect(object.annotation("to").is_none() && object.annotation("to-ns").is_none(), key, "it pushes");
        let from = marks.replicate_from.as_ref();
        let same_from = object.annotation("from") == from.map(|from| from.as_str());
        self.expect(same_from, key, "from is not its creator's");
        match from {
            None => {
                self.expect(object.annotation("version").is_some(), key, "it holds no copy");
                self.expect(object.annotation("once-v") == source.annotation("once-v"), key, "once-v");
                self.expect(
                    object.annotation("chain").is_none() && object.annotation("origin").is_none(),
                    key,
                    "pulled",
                );
                let same = object.payload == source.payload && object.type_ == source.type_;
                self.expect(marks.once || same, key, "its content is not its creator's");
                self.not_emptied(key, object, source);
            }
            Some(from) => {
                self.expect(object.type_ == source.type_, key, "its type is not its creator's");
                self.pulled(key, object, from, marks.once, true);
            }
        }
    }

    /// SPEC 5.
    fn pulled(&mut self, key: &Key, object: &'w Object, from: &Key, once: bool, has_creator: bool) {
        let own = self.annotated[key].marks().and_then(|marks| marks.removal_delay);
        let received = PULLED.iter().any(|pulled| object.annotation(pulled).is_some());
        let holds = if has_creator { object.annotation("version").is_some() } else { received };
        let kept = |delay| holds && never(delay);
        let Some((source, annotated)) = self.find(from) else {
            if !kept(own) {
                self.empty(key, object, has_creator);
            }
            return;
        };
        if matches!(annotated, Annotated::Ill(_)) {
            return;
        }
        let marks = annotated.marks().cloned();
        // An annotation about who may have the data is ill-formed.
        if marks.as_ref().is_some_and(|marks| marks.unsure) {
            return;
        }
        let pulls = marks.as_ref().is_some_and(|marks| marks.replicate_from.is_some());
        let chain = marks.as_ref().and_then(|marks| marks.from_allowed.as_deref()).filter(|_| pulls);
        let chain_allows = !pulls || chain.is_some_and(|chain| chain.matches(key.namespace()));
        let says_nothing =
            marks.as_ref().is_none_or(|marks| marks.allowed.is_none() && marks.allowed_namespaces.is_none());
        let theirs = marks.as_ref().and_then(|marks| marks.removal_delay);
        if says_nothing && !self.world.rules.allow_all && kept(own.or(theirs)) {
            return;
        }
        if !consents(marks.as_ref(), key.namespace(), self.world.rules.allow_all) || !chain_allows {
            return self.empty(key, object, has_creator);
        }
        if source.annotation("origin") == Some(key.as_str()) {
            return;
        }
        if pulls && source.annotation("version").is_none() {
            return self.empty(key, object, has_creator);
        }
        if self.is_ring(key, from) || is_protected(self.world, source) || (object.immutable && !has_creator) {
            return;
        }
        self.expect(object.annotation("version").is_some(), key, "it holds no copy");
        let own =
            marks.as_ref().and_then(|marks| marks.allowed_namespaces.as_deref()).map(crate::selection::Selection::list);
        let allowed = narrow(own, chain).to_string();
        self.expect(object.annotation("chain") == Some(&allowed), key, "the chain's permission");
        if once || marks.as_ref().is_some_and(|marks| marks.once) {
            return self.not_emptied(key, object, source);
        }
        self.expect(object.payload == source.payload, key, "its data is not its source's");
        self.expect(object.annotation("once-v") == source.annotation("once-v"), key, "once-v is not its source's");
        let origin = source.annotation("origin").filter(|_| pulls).unwrap_or(from.as_str());
        self.expect(object.annotation("origin") == Some(origin), key, "the origin");
    }

    /// SPEC 6: once does not keep a replica empty, where its source has something.
    fn not_emptied(&mut self, key: &Key, object: &'w Object, source: &'w Object) {
        let is_empty =
            |object: &Object| !Facts::of(self.world.kind, object.type_.as_deref(), &object.payload).gives_something();
        let by_others = object.managers.data != Owners::Controller;
        self.expect(!(by_others && is_empty(object)) || is_empty(source), key, "it was emptied");
    }

    /// SPEC 9.16: it holds nothing of what was withdrawn outright.
    fn terminating(&mut self, key: &Key, object: &'w Object, marks: &Marks) {
        let Some(from) =
            marks.replicate_from.as_ref().filter(|_| marks.replicated_by.is_none() && marks.push.is_none())
        else {
            return;
        };
        let refuses =
            self.find(from).is_some_and(|(_, annotated)| annotated.marks().is_some_and(|m| m.allowed == Some(false)));
        if refuses {
            self.empty(key, object, false);
        }
    }

    /// SPEC 7 and 9.6.
    fn empty(&mut self, key: &Key, object: &'w Object, has_creator: bool) {
        if object.immutable && !has_creator {
            return;
        }
        let received = PULLED.iter().any(|pulled| object.annotation(pulled).is_some());
        self.expect(!received, key, "it is not cleared");
        let is_cleared = self.world.kind.is_cleared(object.type_.as_deref(), &object.payload);
        self.expect(!has_creator || is_cleared, key, "it is not empty");
    }

    /// SPEC 5, 6.
    fn is_ring(&self, key: &Key, from: &Key) -> bool {
        let mut at = from.clone();
        for _ in 0..self.annotated.len() {
            let next =
                self.annotated.get(&at).and_then(Annotated::marks).and_then(|marks| marks.replicate_from.clone());
            match next {
                Some(next) if *next == *key => return true,
                Some(next) => at = next.into(),
                None => return false,
            }
        }
        false
    }

    /// SPEC 3, 4: what is pushed exists, as far as it can.
    fn push(&mut self, source: &'w Key) {
        let Some(marks) = self.annotated[source].marks() else { return };
        let Some(push) = marks.push.clone().filter(|_| marks.replicated_by.is_none()) else { return };
        if is_protected(self.world, &self.world.objects[source]) {
            return;
        }
        for (namespace, _) in self.world.namespaces.iter().filter(|(_, terminating)| !**terminating) {
            for name in ["x", "y"] {
                let target = Key::new(namespace, name).unwrap();
                let exists = target == *source
                    || !push.names(&target, crate::namespace::NamespaceFacts::UNKNOWN)
                    || self.world.objects.contains_key(&target);
                let exists = exists || self.waits_for_protected(&target);
                self.expect(exists, &target, "it is pushed, and does not exist");
            }
        }
    }

    /// Whether one of its sources is combined with an object of a protected type.
    fn waits_for_protected(&self, target: &Key) -> bool {
        self.annotated.values().filter_map(Annotated::marks).any(|marks| {
            let from = marks.replicate_from.as_ref().and_then(|from| self.world.objects.get(&**from));
            let pushes = marks
                .effective_push()
                .is_some_and(|push| push.names(target, crate::namespace::NamespaceFacts::UNKNOWN));
            pushes && from.is_some_and(|from| is_protected(self.world, from))
        })
    }
}
