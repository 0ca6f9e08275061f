//! What a watch has still to show.
//!
//! A watch shows every change of its resource, in the order of their versions. One that has passed a version which the response to a
//! read or a write showed, and did not show it, misses what is there: after etcd was restored from a backup that write is gone, and
//! others may have had newer versions since, so that no version that goes back gives it away.

use std::collections::BTreeSet;

use k8s_replicator_core::observed::ResourceVersion;

/// More are not kept: the oldest go first.
const MOST: usize = 10_000;

/// See the [module](self). Versions that are no numbers are not among them.
#[derive(Debug, Default)]
pub(super) struct Expected(BTreeSet<u64>);

impl Expected {
    /// A response showed this version. A watch that is at `position` already has shown it.
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

    /// The watch came to this version, by an event or a bookmark. Answers one that it has passed and did not show.
    pub(super) fn came_to(&mut self, version: &str) -> Option<u64> {
        let oldest = *self.0.first()?;
        let ResourceVersion::Number(number) = ResourceVersion::new(version) else { return None };
        self.0.remove(&number);
        (oldest < number).then_some(oldest)
    }

    /// A list shows all up to this version.
    pub(super) fn were_listed(&mut self, version: &ResourceVersion) {
        match version {
            ResourceVersion::Number(number) => self.0 = self.0.split_off(&number.saturating_add(1)),
            ResourceVersion::Text(_) => self.0.clear(),
        }
    }
}
