//! What happens to control planes: their processes are killed and come back, and their content is restored from a backup.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::launch::{ETCD_DATA, FIRST};
use super::{ControlPlane, Processes};
use crate::{Child, scratch};

/// How long etcd may take to end in order.
const GRACE: Duration = Duration::from_secs(10);

/// A control plane's content at one moment: see [`ControlPlane::snapshot`].
#[derive(Debug)]
pub struct Snapshot {
    folder: PathBuf,
}

impl ControlPlane {
    /// Ends the API server at once (SIGKILL). It is away until [`ControlPlane::bring_back`].
    pub fn kill_api_server(&self) {
        kill(&mut self.processes().api_server);
    }

    /// Ends etcd at once (SIGKILL). It is away until [`ControlPlane::bring_back`].
    pub fn kill_etcd(&self) {
        kill(&mut self.processes().etcd);
    }

    /// etcd drops all revisions before its current one, as it does every five minutes in a cluster because the API server asks for it.
    ///
    /// # Errors
    /// When etcd does not answer.
    pub fn compact(&self) -> Result<()> {
        // A key that does not exist: only the revision is asked for.
        let now: Value = serde_json::from_reader(self.ask_etcd("/v3/kv/range", &json!({ "key": "AA==" }))?)?;
        let revision = now["header"]["revision"].as_str().context("etcd says no revision")?;
        let compaction = json!({ "revision": revision, "physical": true });
        // It is done when the whole answer is there.
        self.ask_etcd("/v3/kv/compaction", &compaction)?.read_to_end(&mut Vec::new())?;
        Ok(())
    }

    /// Starts what was killed, on the same ports, and waits until the API server is ready.
    ///
    /// # Errors
    /// When something does not start: then with the end of its log.
    pub fn bring_back(&self) -> Result<()> {
        self.start_what_is_away(&mut self.processes())
    }

    /// Keeps the content as it is now. The API server loses its etcd for a moment.
    ///
    /// # Errors
    /// When etcd's files cannot be copied, or etcd does not come back.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let snapshot = Snapshot { folder: scratch::folder("snapshot")?.join(ETCD_DATA) };
        let mut processes = self.processes();
        let mut etcd = processes.etcd.take().context("etcd was killed")?;
        etcd.terminate(GRACE);
        let copied = copy(&self.data(), &snapshot.folder);
        self.start_what_is_away(&mut processes)?;
        copied.map(|()| snapshot)
    }

    /// Puts the content back to what it was at the snapshot, as one restores a backup of etcd: with the API server ended meanwhile.
    /// All that was written since is gone, and resourceVersions count from there again.
    ///
    /// # Errors
    /// When etcd's files cannot be replaced, or something does not come back.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        let mut processes = self.processes();
        kill(&mut processes.api_server);
        kill(&mut processes.etcd);
        let data = self.data();
        fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        copy(&snapshot.folder, &data)?;
        self.start_what_is_away(&mut processes)
    }

    fn data(&self) -> PathBuf {
        self.site.dir.join(ETCD_DATA)
    }

    fn start_what_is_away(&self, processes: &mut Processes) -> Result<()> {
        let Processes { api_server, etcd, .. } = processes;
        let etcd = match etcd {
            Some(running) => running,
            None => etcd.insert(self.site.start_etcd()?),
        };
        let api_server = match api_server {
            Some(running) => running,
            None => api_server.insert(self.site.start_api_server(&self.server, &self.server)?),
        };
        let mut both = [("etcd", etcd), (FIRST, api_server)];
        self.site.wait_ready(&self.server, &self.users.admin_token, &mut both).map(drop)
    }
}

fn kill(process: &mut Option<Child>) {
    if let Some(mut process) = process.take() {
        process.kill();
    }
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    ensure!(from.is_dir(), "{} is no folder", from.display());
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    Ok(())
}
