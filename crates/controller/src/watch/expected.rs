//! Versions that a watch still has to show.
//!
//! A watch has an event for every change of its resource, in the order of versions. If it passes a version that the response to a
//! read or a write has shown, without an event for it, that change is gone: etcd was restored from a backup. Later writes can have
//! newer versions, so that a version that goes back need not be seen.

use std::collections::BTreeSet;

use k8s_replicator_core::observed::ResourceVersion;

/// More are not kept: the oldest go first.
const MOST: usize = 10_000;

/// See the [module](self). Versions that are no numbers are ignored.
#[derive(Debug, Default)]
pub(super) struct Expected(BTreeSet<u64>);

impl Expected {
    /// A response showed this version. Ignored if the watch is at `position`, which is not older, already.
    pub(super) fn add(&mut self, version: &ResourceVersion, position: &ResourceVersion) {
        if let ResourceVersion::Number(number) = version
            && position.is_older_than(version)
        {
            self.0.insert(*number);
            if self.0.len() > MOST {
                self.0.pop_first();
            }
        }
    }

    /// The watch reached this version, by an event or a bookmark. Returns a version that it has passed without an event.
    pub(super) fn came_to(&mut self, version: &str) -> Option<u64> {
        let oldest = *self.0.first()?;
        let ResourceVersion::Number(number) = ResourceVersion::new(version) else { return None };
        self.0.remove(&number);
        (oldest < number).then_some(oldest)
    }

    /// A list shows everything up to this version.
    pub(super) fn were_listed(&mut self, version: &ResourceVersion) {
        match version {
            ResourceVersion::Number(number) => self.0 = self.0.split_off(&number.saturating_add(1)),
            ResourceVersion::Text(_) => self.0.clear(),
        }
    }
}
