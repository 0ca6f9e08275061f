//! Faults that concern a whole controller or server.

use super::World;
use super::network::Progress;

impl World {
    /// A controller is killed; its requests may still reach the server. Another one takes its place at once.
    pub(super) fn crash(&mut self, slot: usize) {
        let slot = slot % self.processes.len();
        let Some(process) = self.processes[slot].take() else { return };
        self.tell(|| format!("kill -9: controller {slot}"));
        self.pipes.retain(|pipe| pipe.sender.start != process.start);
        self.flights.retain(|flight| flight.sender.start != process.start || matches!(flight.progress, Progress::Sent));
        self.stimulus();
        self.start_all();
    }

    /// A controller gets SIGTERM: it lets its requests end, and releases its lease. Then another one takes its place.
    pub(super) fn terminate(&mut self, slot: usize) {
        let slot = slot % self.processes.len();
        let Some(process) = &mut self.processes[slot] else { return };
        process.controller.stop();
        process.is_stirred = true;
        self.tell(|| format!("kill -TERM: controller {slot}"));
        self.stimulus();
    }

    pub(super) fn cut_off(&mut self, slot: usize) {
        let slot = slot % self.processes.len();
        let Some(process) = &mut self.processes[slot] else { return };
        process.is_cut_off = !process.is_cut_off;
        let is_cut_off = process.is_cut_off;
        self.tell(|| format!("controller {slot} {}", if is_cut_off { "is cut off" } else { "is connected again" }));
        self.stimulus();
    }

    pub(super) fn switch(&mut self, slot: usize) {
        let slot = slot % self.processes.len();
        if let Some(process) = &mut self.processes[slot] {
            process.server = 1 - process.server;
        }
    }

    /// Versions after a restore can be newer or older than those that are lost with it. In the first case only lists show what is
    /// lost; without a resync period there are none, so that no backup is made.
    pub(super) fn back_up(&mut self) {
        let is_young = !self.setting.resync_period.is_zero() && self.setting.seed.is_multiple_of(2);
        let Some(snapshot) = self.store.snapshot(is_young) else { return };
        self.snapshot = Some((snapshot, self.leases.clone(), self.events.clone()));
        self.tell(|| "etcdctl snapshot save".to_owned());
    }

    /// etcd goes back to the last backup; the API servers start anew on it, and all connections end.
    ///
    /// `again`: versions are given a second time. Clients have to be restarted then (docs/reliability.md).
    pub(super) fn restore(&mut self, again: bool) {
        let Some((snapshot, leases, events)) = self.snapshot.clone() else { return };
        let how = if again { "" } else { " --bump-revision" };
        self.tell(|| format!("etcdutl snapshot restore{how}; the API servers are restarted"));
        self.store.restore(self.now, &snapshot, again);
        self.leases.restore(&leases);
        self.events = events;
        self.restored = Some(self.now);
        for server in &mut self.servers {
            server.restart(&self.store);
        }
        while !self.pipes.is_empty() {
            self.cut(0);
        }
        // A watch that is ahead of the restored state delivers nothing, so that what it delivered before is all that they know.
        self.processes.iter_mut().flatten().for_each(|process| process.misses_events = true);
        if again {
            // Versions after another restore of this backup would be newer than those that are written from now on, so that only lists
            // would show it.
            self.snapshot = None;
            // Nothing that was sent before arrives after the servers' restart.
            self.flights.clear();
            (0..self.processes.len()).for_each(|slot| self.crash(slot));
        }
        self.stimulus();
    }
}
