//! Passes the objects and namespaces of the watches to the control loops.

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::observed::{ReadError, ResourceVersion};
use k8s_replicator_core::scope::Part;

use super::Loop;
use crate::event::{NamespaceEvent, Now, ObjectEvent, SeenNamespace};
use crate::replicator::Replicator;
use crate::watch::{Change, Consumer};

/// Takes the objects of one kind in one part of the scope.
pub(super) struct Objects<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) part: &'a Part,
    pub(super) replicator: &'a mut Replicator,
    pub(super) now: Now,
}

impl Consumer for Objects<'_> {
    fn take(&mut self, change: Change<'_>) -> Result<(), ReadError> {
        let event = match change {
            Change::Begins => ObjectEvent::ListBegins(self.part.clone()),
            Change::Seen(object) => ObjectEvent::Seen(object.observed(self.dialect)?),
            Change::Ends(version) => ObjectEvent::ListEnds(self.part.clone(), ResourceVersion::new(version)),
            Change::Deleted(object) => {
                let object = object.observed(self.dialect)?;
                ObjectEvent::Deleted(object.key, object.uid)
            }
        };
        self.replicator.object(self.now, event);
        Ok(())
    }
}

/// Takes namespaces, for all kinds.
pub(super) struct Namespaces<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) loops: &'a mut [Loop],
    pub(super) now: Now,
}

impl Consumer for Namespaces<'_> {
    fn take(&mut self, change: Change<'_>) -> Result<(), ReadError> {
        let event = match change {
            Change::Begins => NamespaceEvent::ListBegins,
            Change::Seen(object) => {
                let SeenNamespace { name, facts } = SeenNamespace::read(object, self.dialect)?;
                NamespaceEvent::Seen { name, facts }
            }
            Change::Ends(_) => NamespaceEvent::ListEnds,
            Change::Deleted(object) => {
                NamespaceEvent::Deleted { name: SeenNamespace::read(object, self.dialect)?.name }
            }
        };
        for Loop { replicator, .. } in self.loops.iter_mut() {
            replicator.namespace(self.now, event.clone());
        }
        Ok(())
    }
}
