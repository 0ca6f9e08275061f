//! What etcd holds: every object, one revision counter for all, and the log of changes that watches are served from.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::object::{Id, Object};

/// All objects of one moment.
pub type State = Rc<BTreeMap<Id, Rc<Object>>>;

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// The revision that it made.
    pub revision: u64,
    /// The object as it is since then, or (deleted) as it was last, at this revision.
    pub object: Rc<Object>,
    /// Whether it was there before.
    pub existed: bool,
    /// Whether it is gone.
    pub deleted: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Store {
    /// The newest revision.
    pub revision: u64,
    /// Nothing at or before this revision can be asked for any more.
    pub compacted: u64,
    /// What is there now.
    pub live: State,
    log: Vec<Change>,
    uids: u64,
    restores: u64,
    /// The newest revision that was lost with the last restore.
    lost: u64,
    snapshots: u32,
    /// Every state there ever was, with the time since the start at which it came, oldest first.
    pub history: Vec<(Duration, State)>,
    /// The revision of each of these states.
    revisions: Vec<u64>,
    keeps_history: bool,
}

impl Default for Store {
    fn default() -> Self {
        let live = State::default();
        let history = vec![(Duration::ZERO, live.clone())];
        // Far from 0, and with a digit more soon: versions are compared as numbers, not as texts.
        Self {
            revision: 95,
            compacted: 0,
            live,
            log: Vec::new(),
            uids: 0,
            restores: 0,
            lost: 0,
            snapshots: 0,
            history,
            revisions: vec![95],
            keeps_history: true,
        }
    }
}

/// A copy of all that etcd held at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    revision: u64,
    live: State,
}

impl Store {
    /// One without `history`: each state of it would be a copy, and a cluster may be large.
    #[must_use]
    pub fn without_history() -> Self {
        let mut store = Self::default();
        (store.history, store.revisions, store.keeps_history) = (Vec::new(), Vec::new(), false);
        store
    }

    /// An object that exists.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Rc<Object>> {
        self.live.get(id)
    }

    /// A uid that no object ever had.
    pub fn new_uid(&mut self) -> String {
        self.uids += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.uids)
    }

    /// Stores an object, at a new revision.
    pub fn put(&mut self, at: Duration, mut object: Object) -> Rc<Object> {
        self.revision += 1;
        object.version = self.revision;
        let object = Rc::new(object);
        let existed = Rc::make_mut(&mut self.live).insert(object.id.clone(), object.clone()).is_some();
        self.log.push(Change { revision: self.revision, object: object.clone(), existed, deleted: false });
        self.record(at);
        object
    }

    /// Removes an object, at a new revision.
    pub fn remove(&mut self, at: Duration, id: &Id) {
        let Some(old) = Rc::make_mut(&mut self.live).remove(id) else { return };
        self.revision += 1;
        let object = Rc::new(Object { version: self.revision, ..(*old).clone() });
        self.log.push(Change { revision: self.revision, object, existed: true, deleted: true });
        self.record(at);
    }

    fn record(&mut self, at: Duration) {
        if !self.keeps_history {
            return;
        }
        self.history.push((at, self.live.clone()));
        self.revisions.push(self.revision);
    }

    /// The position in the history of the newest state at this revision, or before it: other resources may have been written since.
    #[must_use]
    pub fn position_at(&self, revision: u64) -> usize {
        self.revisions.iter().rposition(|at| *at <= revision).unwrap_or(0)
    }

    /// The changes after a revision.
    pub fn changes_after(&self, revision: u64) -> &[Change] {
        let from = self.log.partition_point(|change| change.revision <= revision);
        &self.log[from..]
    }

    /// The state at a revision.
    #[must_use]
    pub fn at(&self, revision: u64) -> BTreeMap<Id, Rc<Object>> {
        let mut objects = BTreeMap::new();
        for change in self.log.iter().take_while(|change| change.revision <= revision) {
            match change.deleted {
                true => objects.remove(&change.object.id),
                false => objects.insert(change.object.id.clone(), change.object.clone()),
            };
        }
        objects
    }

    /// Compacts: drops all revisions before the current one.
    pub fn compact(&mut self) {
        self.compacted = self.revision;
    }

    /// Copies all of it. Then time passes, and other resources are written, as they are in every cluster: a backup is never as
    /// young as the next write. `None`: none is made, since after a restore these would come to the versions that were lost with it.
    #[must_use]
    pub fn snapshot(&mut self, is_young: bool) -> Option<Snapshot> {
        // Fewer and fewer: also what is written after a restore does not come to the versions that there were before it.
        let writes_of_others = (1_000_000 / 10_u64.pow(self.snapshots.min(6))).max(8_000);
        let writes_of_others = if is_young { 0 } else { writes_of_others };
        if self.revision < self.lost && self.revision + writes_of_others >= self.lost {
            return None;
        }
        self.snapshots += 1;
        let snapshot = Snapshot { revision: self.revision, live: self.live.clone() };
        self.revision += writes_of_others;
        Some(snapshot)
    }

    /// Brings back a copy: the revision goes back too. `again`: to that of the copy, so that the revisions after it are given again.
    pub fn restore(&mut self, at: Duration, snapshot: &Snapshot, again: bool) {
        // Other resources were written since, fewer after each restore: no version of an object is given twice, and versions go
        // back each time.
        let writes_of_others = if again { 0 } else { 7_000_u64.saturating_sub(400 * self.restores) };
        self.restores += 1;
        self.lost = self.revision;
        self.log.retain(|change| change.revision <= snapshot.revision);
        self.revision = snapshot.revision + writes_of_others;
        self.compacted = self.compacted.min(snapshot.revision);
        self.live = snapshot.live.clone();
        self.record(at);
    }
}
