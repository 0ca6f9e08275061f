//! `helm uninstall`, and the installation again: nothing is lost.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Acts;

/// Longer than the removal delay, should anybody still remove.
const AWAY: Duration = Duration::from_secs(8);
const QUIET: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(120);

impl Acts<'_> {
    pub(super) fn again(&mut self) -> Result<()> {
        self.trail.until_quiet(QUIET, LIMIT)?;
        let before = self.people.replicas()?;
        let took = self.release.uninstall()?;
        self.figure("again", "`helm uninstall --wait`", format!("{:.1} s", took.as_secs_f64()));
        self.people.change(0)?;
        thread::sleep(AWAY);
        ensure!(self.people.replicas()? == before, "replicas are not what they were, while nothing was installed");
        self.figure("again", "replicas changed or lost while nothing was installed", 0);
        self.trail.news()?;
        self.release.helm("install", &[])?;
        let took = self.people.all_right()?;
        let written = self.trail.until_quiet(QUIET, LIMIT)?.len();
        let after = self.people.replicas()?;
        let made_anew =
            before.iter().filter(|(key, (uid, _))| after.get(*key).is_none_or(|(other, _)| other != uid)).count();
        ensure!(made_anew == 0 && after.len() == before.len(), "{made_anew} of {} replicas are others", before.len());
        self.figure("again", "replicas made anew after the installation", made_anew);
        let figure = format!("{written} writes, {:.1} s after the installation", took.as_secs_f64());
        self.figure("again", "one source had changed meanwhile: its replicas follow", figure);
        Ok(())
    }
}
