//! The API server: what it makes of a request.

use super::*;

impl Sim {
    pub(super) fn carry_out(&mut self, request: &Request) -> Result<Answer, Failure> {
        let fail = |kind| Err(failure(kind));
        match request {
            Request::Look(k) => Ok(match self.objects.get(k.as_str()) {
                None => Answer::Missing,
                Some(o) => Answer::Seen(observed(&value(k.as_str(), o))),
            }),
            Request::Read(k) => Ok(match self.objects.get(k.as_str()) {
                None => Answer::Missing,
                Some(o) => content(&value(k.as_str(), o)),
            }),
            Request::Write(Action::Create(c)) => {
                let name = c.target().as_str();
                match self.namespaces.get(c.target().namespace()) {
                    None => return fail(FailureKind::Gone),
                    Some(true) => return fail(FailureKind::NamespaceTerminating),
                    Some(false) => {}
                }
                if self.objects.contains_key(name) {
                    return fail(FailureKind::Conflict);
                }
                self.rv += 1;
                let annotations = c.annotations().iter().map(|(a, t)| (a.name().to_owned(), t.to_string())).collect();
                let data = c.payload().fields().next().flatten().map(str::to_owned);
                let type_ = c.type_().map(ToString::to_string).unwrap_or_default();
                let o = Obj { uid: self.rv, version: 0, created: self.rv, type_, immutable: false, annotations, data };
                self.objects.insert(name.to_owned(), o);
                self.changed(name);
                self.writes += 1;
                Ok(Answer::Seen(observed(&value(name, &self.objects[name]))))
            }
            // This server keeps no managedFields, so that nothing is there to be adopted.
            Request::Write(Action::Adopt(_)) => fail(FailureKind::Invalid),
            Request::Write(Action::Update(update)) => {
                let (annotations, data, precondition) = (update.annotations(), update.data(), update.precondition());
                let name = update.target().as_str();
                let Some(o) = self.objects.get_mut(name) else { return fail(FailureKind::Gone) };
                if let Some(d) = data
                    && d.expected_type.as_deref() != Some(&*o.type_)
                {
                    return fail(FailureKind::Invalid);
                }
                if annotations.remove.iter().any(|a| !o.annotations.contains_key(a.name())) {
                    return fail(FailureKind::Invalid);
                }
                if ResourceVersion::new(&o.version.to_string()) != precondition.resource_version
                    || Uid::new(&o.uid.to_string()) != precondition.uid
                {
                    return fail(FailureKind::Conflict);
                }
                if let Some(d) = data {
                    let new = d.payload.fields().next().flatten().map(str::to_owned);
                    if o.immutable && new != o.data {
                        return fail(FailureKind::Invalid);
                    }
                    o.data = new;
                }
                for a in &annotations.remove {
                    o.annotations.remove(a.name());
                }
                for (a, t) in &annotations.set {
                    o.annotations.insert(a.name().to_owned(), t.to_string());
                }
                self.changed(name);
                self.writes += 1;
                Ok(Answer::Seen(observed(&value(name, &self.objects[name]))))
            }
            Request::Write(Action::Delete(d)) => {
                let name = d.target().as_str();
                let Some(o) = self.objects.get(name) else { return fail(FailureKind::Gone) };
                if ResourceVersion::new(&o.version.to_string()) != d.precondition().resource_version
                    || Uid::new(&o.uid.to_string()) != d.precondition().uid
                {
                    return fail(FailureKind::Conflict);
                }
                self.removed(name);
                self.writes += 1;
                Ok(Answer::Deleted)
            }
        }
    }
}
