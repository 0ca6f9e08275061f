//! TRUSTED: which keys are given, and under which names (SPEC 11.5, 11.8); globs, also for labels and annotations (SPEC 11.6).

use super::asks::{Read, items, read};
use super::{Cluster, Flags};
use crate::api::object::{Data, Id};
use crate::api::write::missing;

/// A list of globs and `!` globs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Globs {
    named: Vec<String>,
    taken_away: Vec<String>,
}

impl Globs {
    /// Reads one. `None`: it is ill-formed.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut globs = Self::default();
        for item in items(text) {
            match item.strip_prefix('!') {
                Some(item) => globs.taken_away.push(item.trim().to_owned()),
                None => globs.named.push(item),
            }
        }
        let all = || globs.named.iter().chain(&globs.taken_away);
        let stars = |item: &String| item.matches('*').count();
        let is_of_letters = |item: &String| item.chars().all(|c| c.is_ascii_alphanumeric() || ".-_/*".contains(c));
        // The bounds of docs/annotations.md.
        let is_bounded = all().filter(|item| stars(item) > 0).count() <= 8 && all().all(|item| stars(item) <= 3);
        (is_bounded && all().all(is_of_letters)).then_some(globs)
    }

    /// Whether it names this.
    #[must_use]
    pub fn name(&self, text: &str) -> bool {
        self.named.iter().any(|glob| matches(glob, text)) && !self.takes_away(text)
    }

    fn takes_away(&self, text: &str) -> bool {
        self.taken_away.iter().any(|glob| matches(glob, text))
    }
}

fn matches(glob: &str, text: &str) -> bool {
    match glob.split_once('*') {
        None => glob == text,
        Some((first, rest)) => text
            .strip_prefix(first)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))),
    }
}

/// A list of `key`, `key:new-name`, glob and `!glob`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Keys {
    literals: Vec<(String, String)>,
    globs: Globs,
}

impl Keys {
    /// Reads one. `None`: it is ill-formed.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (plain, literals): (Vec<String>, Vec<String>) =
            items(text).into_iter().partition(|item| item.starts_with('!') || item.contains('*'));
        let globs = Globs::read(&plain.join(","))?;
        let literals: Vec<(String, String)> = literals
            .iter()
            .map(|item| {
                let (key, name) = item.split_once(':').unwrap_or((item, item));
                (key.trim().to_owned(), name.trim().to_owned())
            })
            .collect();
        let is_key = |text: &String| {
            let is_of_letters = text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
            !text.is_empty() && is_of_letters && text != "." && !text.starts_with("..")
        };
        // Two items with one name.
        let meets =
            |(key, name): &(String, String)| literals.iter().any(|(other, its_name)| its_name == name && other != key);
        let is_fine = |item: &(String, String)| is_key(&item.0) && is_key(&item.1) && !meets(item);
        if !literals.iter().all(is_fine) {
            return None;
        }
        Some(Self { literals, globs })
    }

    /// The names that a key gets: a literal item decides about its key alone.
    fn names_of(&self, key: &str) -> Vec<String> {
        let mut names: Vec<String> =
            self.literals.iter().filter(|(literal, _)| literal == key).map(|(_, name)| name.clone()).collect();
        if names.is_empty() && self.globs.name(key) {
            names.push(key.to_owned());
        }
        names.sort();
        names.dedup();
        if self.globs.takes_away(key) { Vec::new() } else { names }
    }

    /// The key that has this name here.
    fn origin(&self, name: &str) -> Option<String> {
        let literal = self.literals.iter().find(|(_, its_name)| its_name == name).map(|(key, _)| key.clone());
        let key = literal.unwrap_or_else(|| name.to_owned());
        self.names_of(&key).contains(&name.to_owned()).then_some(key)
    }
}

/// What one object of a chain says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Limit {
    /// `replication-allowed-keys`.
    allowed: Option<Globs>,
    /// What it asked for when its copy was made.
    asked: Option<Keys>,
}

/// What somebody gets of a source's data.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Part {
    asked: Option<(String, Keys)>,
    limits: Vec<Limit>,
    /// The type of the target, if it matters.
    type_: Option<String>,
}

impl Part {
    /// `asked`: the text of `replicate-keys`; `type_`: the type of the target, with another one than the source's if that was asked for.
    #[must_use]
    pub fn new(asked: Option<&String>, type_: Option<&str>, is_retyped: bool) -> Self {
        let asked = asked.and_then(|text| Some((text.clone(), Keys::read(text)?)));
        let type_ = type_.filter(|_| is_retyped || asked.is_some()).map(str::to_owned);
        Self { asked, limits: Vec::new(), type_ }
    }

    /// The same, limited by what this object and those above it allow.
    #[must_use]
    pub fn within(mut self, cluster: &Cluster, flags: &Flags, from: &Id, type_: Option<&str>) -> Self {
        let (mut next, mut seen) = (Some(from.clone()), Vec::new());
        while let Some(id) = next.take().filter(|id| !seen.contains(id)) {
            let asks = match cluster.get(&id).map(|object| read(object, flags)) {
                Some(Read::Well(asks)) if !asks.unsure => asks,
                _ => break,
            };
            let allowed = asks.texts.get("replication-allowed-keys").and_then(|text| Globs::read(text));
            let asked = asks.texts.get("replicated-keys").filter(|_| asks.holds_a_copy());
            self.limits.push(Limit { allowed, asked: asked.and_then(|text| Keys::read(text)) });
            next = asks.from.as_ref().map(|(namespace, name)| Id::new(id.resource, namespace, name));
            seen.push(id);
        }
        // What is above the last one that says something does not matter.
        while self.limits.last().is_some_and(|limit| limit.allowed.is_none()) {
            self.limits.pop();
        }
        if self.is_limited() {
            self.type_ = type_.map(str::to_owned);
        }
        self
    }

    /// Whether an object of the chain limits the keys.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        !self.limits.is_empty()
    }

    /// What `replicated-keys` says of it. `None`: it is not there.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        self.asked.as_ref().map(|(text, _)| text.clone()).or_else(|| self.is_limited().then(|| "*".to_owned()))
    }

    /// Whether this key of the source is among it.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.allows(key) && self.asked.as_ref().is_none_or(|(_, keys)| !keys.names_of(key).is_empty())
    }

    fn allows(&self, key: &str) -> bool {
        let mut key = key.to_owned();
        for limit in &self.limits {
            if limit.allowed.as_ref().is_some_and(|allowed| !allowed.name(&key)) {
                return false;
            }
            match limit.asked.as_ref().map(|asked| asked.origin(&key)) {
                None => {}
                Some(Some(origin)) => key = origin,
                Some(None) => return false,
            }
        }
        true
    }

    /// This part of `data` and `binaryData`. `None`: it is not given.
    #[must_use]
    pub fn of(&self, data: &Data, binary_data: &Data) -> Option<(Data, Data)> {
        for (key, _) in self.asked.iter().flat_map(|(_, keys)| &keys.literals) {
            let is_meant = self.asked.as_ref().is_some_and(|(_, keys)| !keys.globs.takes_away(key));
            let is_there = data.contains_key(key) || binary_data.contains_key(key);
            if is_meant && !(is_there && self.allows(key)) {
                return None;
            }
        }
        let mut given = (Data::new(), Data::new());
        for (from, is_binary) in [(data, false), (binary_data, true)] {
            for (key, value) in from.iter().filter(|(key, _)| self.allows(key)) {
                let names = self.asked.as_ref().map_or_else(|| vec![key.clone()], |(_, keys)| keys.names_of(key));
                for name in names {
                    if given.0.contains_key(&name) || given.1.contains_key(&name) {
                        return None;
                    }
                    let map = if is_binary { &mut given.1 } else { &mut given.0 };
                    map.insert(name, value.clone());
                }
            }
        }
        // Keys that the target's type requires: without those that were not asked for nothing is given; those that are not allowed
        // get minimal values.
        while let Some(keys) = self.type_.as_deref().and_then(|type_| missing(type_, &given.0)) {
            if !self.is_limited() {
                return None;
            }
            let minimal = match keys[0] {
                "ssh-privatekey" => "ZW1wdHk=",
                ".dockercfg" | ".dockerconfigjson" => "e30=",
                _ => "",
            };
            given.0.insert(keys[0].to_owned(), minimal.to_owned());
        }
        Some(given)
    }

    /// What of a target's own data it may keep, by the names that it has it under (SPEC 11.8). `noted`: its `replicated-keys`.
    #[must_use]
    pub fn kept(&self, noted: Option<&String>, data: &Data, binary_data: &Data) -> (Data, Data) {
        let own = Limit { allowed: None, asked: noted.and_then(|text| Keys::read(text)) };
        let mut limits = vec![own];
        limits.extend(self.limits.iter().cloned());
        let part = Self { asked: None, limits, type_: self.type_.clone() };
        part.of(data, binary_data).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_data() {
        let data: Data = ["a", "b", "c"].iter().map(|key| ((*key).to_owned(), key.to_uppercase())).collect();
        let given = |asked: &str, allowed: Option<&str>| {
            let mut part = Part::new(Some(&asked.to_owned()), None, false);
            part.limits.extend(allowed.map(|text| Limit { allowed: Globs::read(text), asked: None }));
            let (given, _) = part.of(&data, &Data::new())?;
            Some(given.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(given("a", None).as_deref(), Some("a=A"));
        assert_eq!(given("a:x,*", None).as_deref(), Some("b=B c=C x=A"));
        assert_eq!(given("*,!b", None).as_deref(), Some("a=A c=C"));
        assert_eq!(given("z", None), None);
        assert_eq!(given("a:b,*", None), None);
        assert_eq!(given("*", Some("a,c")).as_deref(), Some("a=A c=C"));
        assert_eq!(given("b", Some("a")), None);
        assert!(Globs::read("a*b*c*").is_some() && Globs::read("a*b*c*d*").is_none());
        assert!(
            Globs::read("a*,b*,c*,d*,e*,f*,!g*,!h*").is_some() && Globs::read("a*,b*,c*,d*,e*,f*,!g*,!h*,i*").is_none()
        );
        assert!(Keys::read("a:b,b").is_none() && Keys::read("a:").is_none() && Keys::read("a,a").is_some());
    }
}
