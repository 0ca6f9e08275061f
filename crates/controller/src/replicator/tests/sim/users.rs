//! What others than the replicator do, at random.

use super::*;

impl Sim {
    pub(super) fn user(&mut self) {
        let name = self.dice.pick(&KEYS);
        let ns = name.split('/').next().unwrap();
        match self.dice.roll(12) {
            0 | 1 if self.objects.contains_key(name) => {
                self.trace.push(format!("user deletes {name}"));
                self.removed(name);
            }
            2 => {
                let ns = self.dice.pick(&["b", "c"]).to_owned();
                match self.namespaces.get(&ns).copied() {
                    Some(false) => {
                        self.namespaces.insert(ns.clone(), true);
                        self.trace.push(format!("ns {ns} terminates"));
                        self.ns_log.push(NamespaceEvent::Seen { name: ns, facts: NamespaceFacts::new(true) });
                    }
                    Some(true) => {
                        for name in KEYS.iter().filter(|k| k.starts_with(&format!("{ns}/"))) {
                            self.removed(name);
                        }
                        self.namespaces.remove(&ns);
                        self.trace.push(format!("ns {ns} gone"));
                        self.ns_log.push(NamespaceEvent::Deleted { name: ns });
                    }
                    None => {
                        self.namespaces.insert(ns.clone(), false);
                        self.trace.push(format!("ns {ns} made"));
                        self.ns_log.push(NamespaceEvent::Seen { name: ns, facts: NamespaceFacts::new(false) });
                    }
                }
            }
            3 | 4 if self.objects.contains_key(name) => {
                let data = self.dice.pick(&[None, Some("one"), Some("two")]);
                let o = self.objects.get_mut(name).unwrap();
                if !o.immutable {
                    o.data = data.map(|d| format!("{{\"k\":\"{d}\"}}"));
                    self.trace.push(format!("user fills {name} {data:?}"));
                    self.changed(name);
                }
            }
            5..=8 if self.objects.contains_key(name) => {
                let (n, v) = self.annotation();
                let remove = self.dice.roll(3) == 0;
                let o = self.objects.get_mut(name).unwrap();
                if remove {
                    let Some(n) = o.annotations.keys().next().cloned() else { return };
                    o.annotations.remove(&n);
                    self.trace.push(format!("user strips {name} {n}"));
                } else {
                    self.trace.push(format!("user annotates {name} {n}={v}"));
                    o.annotations.insert(n, v);
                }
                self.changed(name);
            }
            _ if self.namespaces.get(ns) == Some(&false) => {
                let mut annotations = BTreeMap::new();
                for _ in 0..self.dice.roll(4) {
                    let (n, v) = self.annotation();
                    annotations.insert(n, v);
                }
                if self.objects.contains_key(name) {
                    self.removed(name);
                }
                let data = self.dice.pick(&[None, Some("one"), Some("two"), Some("three")]);
                let data = data.map(|d| format!("{{\"k\":\"{d}\"}}"));
                let type_ = self.dice.pick(&["Opaque", "Opaque", "Opaque", "x/y", "bootstrap.kubernetes.io/token"]);
                let immutable = self.dice.roll(10) == 0;
                let data = if immutable { Some(format!("{{\"k\":\"own-{name}\"}}")) } else { data };
                self.rv += 1;
                let (uid, created) = (self.rv, self.rv);
                let o = Obj { uid, version: 0, created, type_: type_.to_owned(), immutable, annotations, data };
                self.trace.push(format!("user makes {name} {type_} {immutable} {:?}", o.annotations));
                self.objects.insert(name.to_owned(), o);
                self.changed(name);
            }
            _ => {}
        }
    }

    fn annotation(&mut self) -> (String, String) {
        let r = self.dice.pick(&KEYS);
        let (n, v) = match self.dice.roll(14) {
            0..=3 => ("replicate-from", r),
            4 | 5 => ("replicate-to", self.dice.pick(&["x", "y", "b/x", "c/y,x", "[ab]/y", ".*/x"])),
            6 => ("replicate-to-namespaces", self.dice.pick(&["b", "b,c", "[bc]", ".*"])),
            7 => ("replicate-once", self.dice.pick(&["true", "true", "false", "maybe"])),
            8 => ("replicate-once-version", self.dice.pick(&["1", "2"])),
            9..=11 => ("replication-allowed", self.dice.pick(&["true", "true", "true", "false", "maybe"])),
            12 => ("replication-allowed-namespaces", self.dice.pick(&[".*", "b", "b,c", "("])),
            _ => ("replicated-by", r),
        };
        (n.to_owned(), v.to_owned())
    }
}
