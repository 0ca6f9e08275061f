//! `helm install` under Pod Security *restricted*: the pod gets ready, its probes are asked, and it replicates.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::Acts;
use crate::pods::release::refuses_an_ordinary_pod;

/// For sources and namespaces that are there from the beginning.
const FEW: usize = 5;

impl Acts<'_> {
    pub(super) fn installation(&mut self) -> Result<()> {
        self.people.populate(FEW, FEW)?;
        let refused = refuses_an_ordinary_pod(self.client())?;
        self.figure("install", "a pod without a security context, in the chart's namespace", refused);
        let took = self.release.helm("install", &[])?;
        self.figure("install", "`helm install --wait`, until the pod is ready", format!("{:.1} s", took.as_secs_f64()));
        let (pod, process) = self.release.only()?;
        for (field, wanted) in [("Uid", "65532"), ("CapEff", "0000000000000000"), ("NoNewPrivs", "1"), ("Seccomp", "2")]
        {
            let is = process.status(field)?;
            ensure!(is.split_whitespace().next() == Some(wanted), "{field} of the process is {is}, not {wanted}");
        }
        self.figure("install", "its process", "user 65532, no capabilities, no new privileges, seccomp's filter");
        self.people.all_right()?;
        self.figure("install", "replicas as wanted", self.people.replicas_wanted());
        // A program that does not answer is taken out, and put back when it does.
        let id = Pid::from_raw(process.id.try_into()?).context("a process")?;
        let begun = Instant::now();
        kill_process(id, Signal::STOP)?;
        let out = self.release.until("the stopped pod is not ready", |pods| {
            pods.iter().any(|pod| !pod.is_ready).then(|| begun.elapsed())
        });
        kill_process(id, Signal::CONT)?;
        let out = out?;
        let begun = Instant::now();
        let (back, _) = self.release.only()?;
        let figures = format!("{:.1} s, {:.1} s", out.as_secs_f64(), begun.elapsed().as_secs_f64());
        self.figure("install", "stopped (SIGSTOP), until not ready; and goes on, until ready", figures);
        ensure!((&back.uid, back.restarts) == (&pod.uid, 0), "the pod was restarted");
        // So that what follows does not begin in the middle of a probe.
        thread::sleep(Duration::from_secs(1));
        Ok(())
    }
}
