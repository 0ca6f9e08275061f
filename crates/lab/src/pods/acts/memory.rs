//! The chart's memory limit in a real cgroup: many replicas, and annotations that mean harm. Both stay for the acts that follow.

use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;

use super::Acts;
use crate::pods::release::{NAMESPACE, process_of};

/// So many sources, each into so many namespaces.
const SIDE: usize = 100;
const QUIET: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(300);
/// The chart's.
const MEMORY: u64 = 128 << 20;

impl Acts<'_> {
    pub(super) fn memory(&mut self) -> Result<()> {
        let (pod, process) = self.release.only()?;
        let limit = process.memory()?.limit()?;
        ensure!(limit == MEMORY, "the cgroup's limit is {limit}, not the chart's {MEMORY}");
        self.trail.news()?;
        self.people.populate(SIDE, SIDE)?;
        self.people.all_right()?;
        let count = self.people.replicas_wanted();
        self.figure("memory", format!("peak of the cgroup, of 128 MiB, with {count} replicas"), peak(&process)?);
        let (objects, bytes) = self.people.hostility()?;
        let written = self.trail.until_quiet(QUIET, LIMIT)?.len();
        let hostile = format!("{objects} hostile objects, {:.1} MiB of annotations", bytes as f64 / f64::from(1 << 20));
        self.figure("memory", format!("the same, and {hostile}"), peak(&process)?);
        self.figure("memory", "writes until nothing more was to do", written);
        self.figure("memory", "most that the program itself held (VmHWM)", process.status("VmHWM")?);
        self.survived(&pod.uid)?;

        // A start reads all of it at once.
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{}", pod.name);
        self.client().request(&Method::DELETE, &path, None)?;
        self.release.until("another pod is ready", |pods| {
            let other = pods.iter().any(|other| other.uid != pod.uid && other.is_ready);
            (other && pods.len() == 1).then_some(())
        })?;
        let (pod, process) = self.release.only()?;
        let written = self.trail.until_quiet(QUIET, LIMIT)?.len();
        self.figure("memory", "peak of a new pod that finds all of it", peak(&process)?);
        self.figure("memory", "its writes", written);
        self.survived(&pod.uid)?;
        self.people.all_right().map(drop)
    }

    /// The pod is the same, and nothing in it was killed.
    fn survived(&mut self, uid: &str) -> Result<()> {
        let (pod, _) = self.release.only()?;
        ensure!(pod.uid == uid && pod.restarts == 0, "the pod was restarted: {pod:?}");
        let kills = process_of(&pod)?.memory()?.kills()?;
        ensure!(kills == 0, "the kernel killed {kills} processes for want of memory");
        Ok(())
    }
}

fn peak(process: &crate::pods::process::Process) -> Result<String> {
    Ok(format!("{:.1} MiB", process.memory()?.peak()? as f64 / f64::from(1 << 20)))
}
