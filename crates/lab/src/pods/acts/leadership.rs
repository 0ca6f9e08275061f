//! Two pods that elect the one that writes: the leader is killed, then the next one is evicted as `kubectl drain` does it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::Acts;
use crate::pods::release::{NAME, NAMESPACE, Pod, process_of};
use crate::pods::trail::{Write, seconds};

/// Leases run for so long, and a standby looks and writes.
const TAKEN_WITHIN: f64 = 17.0;
/// After an eviction, the kubelet's part of it included: far less than a lease lasts, so it was released. (How long it takes from then
/// is a figure, since it depends on how busy the machine is.)
const HANDED_OVER_WITHIN: f64 = 5.0;
const QUIET: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(120);

/// How long it took, in seconds.
struct TakeOver {
    /// Until another pod held the Lease.
    lease: f64,
    /// The part of it since the old pod's last write of the Lease.
    released: Option<f64>,
    /// From then to the new leader's first write, and how much of a processor's time it had meanwhile.
    write: String,
}

impl Acts<'_> {
    pub(super) fn leadership(&mut self) -> Result<()> {
        self.release.helm("upgrade", &["replicaCount=2"])?;
        self.release.ready(2)?;
        self.trail.until_quiet(QUIET, LIMIT)?;

        let leader = self.leader()?;
        let id = Pid::from_raw(process_of(&leader)?.id.try_into()?).context("a process")?;
        let killed = Timestamp::now();
        kill_process(id, Signal::KILL)?;
        self.delete(&leader, 0)?;
        let TakeOver { lease, write, .. } = self.take_over(&leader, killed)?;
        ensure!(lease < TAKEN_WITHIN, "the Lease was taken {lease:.2} s after the leader was killed");
        self.figure(
            "leadership",
            "leader killed (SIGKILL, pod deleted), until the Lease is taken",
            format!("{lease:.2} s"),
        );
        self.figure("leadership", "from then to the first write of the new leader", write);

        self.release.ready(2)?;
        let leader = self.leader()?;
        let others = self.release.pods()?.into_iter().filter(|pod| pod.uid != leader.uid);
        let standby = others.into_iter().next().context("a standby")?;
        let began = self.evict_when_allowed(&leader)?;
        // As long as it is away nobody may take the other one, as the chart's PodDisruptionBudget says.
        let (code, answer) = self.evict(&standby)?;
        ensure!(code == 429, "the other pod's eviction is answered {code} {answer}");
        let TakeOver { lease, released, write } = self.take_over(&leader, began)?;
        let since =
            released.map_or("nobody released it".to_owned(), |time| format!("{time:.2} s since it was released"));
        self.figure("leadership", "leader evicted, until the Lease is taken", format!("{lease:.2} s, {since}"));
        self.figure("leadership", "from then to the first write of the new leader", write);
        self.figure("leadership", "eviction of the other one meanwhile", code);
        ensure!(lease < HANDED_OVER_WITHIN, "the Lease was handed over {lease:.2} s after the eviction");
        self.release.ready(2)?;
        self.people.all_right()?;
        self.figure("leadership", "replicas as wanted", self.people.replicas_wanted());
        self.release.helm("upgrade", &["replicaCount=1"])?;
        self.release.only().map(drop)
    }

    /// The pod that holds the Lease. Its record begins with the pod's name.
    fn leader(&self) -> Result<Pod> {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{NAME}");
        let begun = Instant::now();
        loop {
            let lease = self.client().get(&path)?;
            let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
            let is_holder = |pod: &Pod| holder.split_once('_').is_some_and(|(name, _)| name == pod.name);
            if let Some(pod) = self.release.pods()?.into_iter().find(is_holder) {
                return Ok(pod);
            }
            ensure!(begun.elapsed() < LIMIT, "the Lease is held by {holder:?}, which is no pod");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// People change sources until another pod than `old` writes.
    fn take_over(&mut self, old: &Pod, begun: Timestamp) -> Result<TakeOver> {
        let mut before = Vec::new();
        for pod in self.release.pods()?.into_iter().filter(|pod| pod.uid != old.uid && pod.is_ready) {
            before.push((pod.name.clone(), process_of(&pod)?.processor_time()?));
        }
        let (started, mut turn, mut writes, mut release) = (Instant::now(), 0, Vec::<Write>::new(), None);
        loop {
            self.people.change(turn)?;
            turn += 1;
            let (of_old, of_others): (Vec<_>, Vec<_>) = self
                .trail
                .news()?
                .into_iter()
                .filter(|write| write.begun > begun)
                .partition(|write| write.pod == old.name);
            release = of_old.iter().filter(|write| write.is_of_leases()).map(|write| write.done).max().max(release);
            writes.extend(of_others);
            let taken = writes.iter().filter(|write| write.is_of_leases()).map(|write| write.done).min();
            let first = writes.iter().filter(|write| write.is_of_replicas()).min_by_key(|write| write.begun);
            if let (Some(taken), Some(first)) = (taken, first) {
                ensure!(first.begun > taken, "the pod {} wrote before it held the Lease", first.pod);
                let pod = self.release.pods()?.into_iter().find(|pod| pod.name == first.pod).context("its pod")?;
                let before = before.iter().find(|(name, _)| *name == pod.name).map_or(0.0, |(_, time)| *time);
                let worked = process_of(&pod)?.processor_time()? - before;
                let wrote = seconds(taken, first.begun);
                let write = format!("{wrote:.3} s, with {worked:.2} s of a processor");
                let released = release.map(|release| seconds(release, taken));
                return Ok(TakeOver { lease: seconds(begun, taken), released, write });
            }
            ensure!(started.elapsed() < LIMIT, "nobody takes over");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn delete(&self, pod: &Pod, grace: u32) -> Result<()> {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{}?gracePeriodSeconds={grace}", pod.name);
        self.client().request(&Method::DELETE, &path, None).map(drop)
    }

    /// Evicts a pod as soon as the PodDisruptionBudget lets it, and answers when it was asked.
    fn evict_when_allowed(&self, pod: &Pod) -> Result<Timestamp> {
        let begun = Instant::now();
        loop {
            let asked = Timestamp::now();
            match self.evict(pod)? {
                (201, _) => return Ok(asked),
                (429, _) if begun.elapsed() < LIMIT => thread::sleep(Duration::from_millis(100)),
                (code, answer) => anyhow::bail!("the eviction of {}: {code} {answer}", pod.name),
            }
        }
    }

    fn evict(&self, pod: &Pod) -> Result<(u16, String)> {
        let eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "name": pod.name, "namespace": NAMESPACE },
        });
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{}/eviction", pod.name);
        self.client().send(&Method::POST, &path, Some(&eviction))
    }
}
