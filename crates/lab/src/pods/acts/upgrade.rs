//! `helm upgrade` with other flags, while people work: never two with different flags, and no replica missed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use super::Acts;
use crate::pods::process::{Sentry, at_odds};
use crate::pods::trail::seconds;

/// So often people change a source.
const BETWEEN_CHANGES: Duration = Duration::from_millis(200);
const QUIET: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(120);
/// Times that flags change.
const UPGRADES: usize = 3;

impl Acts<'_> {
    pub(super) fn upgrade(&mut self) -> Result<()> {
        let mut gaps = Vec::new();
        let (mut silences, mut changes) = (Vec::new(), 0);
        self.trail.until_quiet(QUIET, LIMIT)?;
        for turn in 0..UPGRADES {
            let (old, _) = self.release.only()?;
            let set = format!("resyncPeriod={}m", 20 + turn);
            let sentry = Sentry::begin();
            let (release, people, ends) = (&self.release, &mut self.people, AtomicBool::new(false));
            let upgraded = thread::scope(|scope| {
                let working = scope.spawn(|| {
                    let mut count = 0;
                    while !ends.load(Ordering::Relaxed) {
                        people.change(count)?;
                        count += 1;
                        thread::sleep(BETWEEN_CHANGES);
                    }
                    anyhow::Ok(count)
                });
                let upgraded = release.helm("upgrade", &[&set]).and_then(|_| release.only());
                ends.store(true, Ordering::Relaxed);
                changes += working.join().map_err(|_| anyhow!("people broke off"))??;
                upgraded
            });
            let (new, process) = upgraded?;
            ensure!(process.flags.iter().any(|flag| flag.ends_with(&set[13..])), "the flags are {:?}", process.flags);
            self.people.all_right()?;
            let writes = self.trail.until_quiet(QUIET, LIMIT)?;
            let lives = sentry.end()?;
            let odd = at_odds(&lives);
            ensure!(odd.is_empty() && lives.len() == 2, "ran at once with different flags: {odd:?} of {lives:?}");
            gaps.push((lives[1].first - lives[0].last).as_secs_f64());
            let of = |pod: &str| writes.iter().filter(|write| write.pod == pod).cloned().collect::<Vec<_>>();
            let last = of(&old.name).iter().map(|write| write.done).max().context("the old pod wrote nothing")?;
            let first = of(&new.name).iter().map(|write| write.begun).min().context("the new pod wrote nothing")?;
            let silence = seconds(last, first);
            ensure!(silence > 0.0, "the old pod wrote {:.3} s after the new one had begun to", -silence);
            silences.push(silence);
        }
        self.figure("upgrade", format!("{UPGRADES} upgrades with other flags, people's changes meanwhile"), changes);
        self.figure("upgrade", "moments at which two processes had different flags", 0);
        self.figure("upgrade", "from the old process' end to the new one's beginning", list(&gaps));
        self.figure("upgrade", "from the old pod's last write to the new one's first", list(&silences));
        let missed = self.people.wrong()?;
        ensure!(missed == 0, "{missed} replicas were missed");
        self.figure("upgrade", format!("replicas missed, of {}", self.people.replicas_wanted()), missed);
        Ok(())
    }
}

/// Seconds.
pub(super) fn list(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.2} s")).collect::<Vec<_>>().join(", ")
}
