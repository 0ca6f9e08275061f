//! Who wrote what and when, by the API server's audit log.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use k8s_replicator_testenv::ControlPlane;
use serde_json::Value;

/// What the log says of each request with a pod's token.
const POD: &str = "authentication.kubernetes.io/pod-name";
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A write of a pod that the server granted.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) pod: String,
    pub(super) resource: String,
    /// When the server received it, and when it answered.
    pub(super) begun: Timestamp,
    pub(super) done: Timestamp,
}

/// Reads on in the log where it ended.
pub(super) struct Trail {
    log: PathBuf,
    read: u64,
}

impl Trail {
    /// From now on.
    pub(super) fn begin(plane: &ControlPlane) -> Result<Self> {
        let log = plane.audit_log().to_owned();
        let read = log.metadata().context("no audit log")?.len();
        Ok(Self { log, read })
    }

    /// The writes since the last call.
    pub(super) fn news(&mut self) -> Result<Vec<Write>> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // The last line may be being written.
        let end = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += end as u64;
        let lines = text[..end].lines().filter(|line| line.contains(POD));
        let writes = lines.map(write).collect::<Result<Vec<_>>>()?;
        Ok(writes.into_iter().flatten().collect())
    }

    /// Waits until nothing has been written for so long, and answers all that was.
    pub(super) fn until_quiet(&mut self, quiet: Duration, limit: Duration) -> Result<Vec<Write>> {
        let (begun, mut last) = (Instant::now(), Instant::now());
        let mut all = Vec::new();
        while last.elapsed() < quiet {
            ensure!(begun.elapsed() < limit, "it is still written after {} s", limit.as_secs());
            thread::sleep(LOOK_AGAIN);
            let news = self.news()?.into_iter().filter(Write::is_of_replicas);
            let before = all.len();
            all.extend(news);
            if all.len() > before {
                last = Instant::now();
            }
        }
        Ok(all)
    }
}

impl Write {
    /// Not of Leases and Events.
    pub(super) fn is_of_replicas(&self) -> bool {
        matches!(&*self.resource, "secrets" | "configmaps")
    }

    pub(super) fn is_of_leases(&self) -> bool {
        self.resource == "leases"
    }
}

fn write(line: &str) -> Result<Option<Write>> {
    let event: Value = serde_json::from_str(line).context("the audit log holds a line that is no JSON")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let code = event["responseStatus"]["code"].as_u64().unwrap_or(0);
    if !matches!(event["verb"].as_str(), Some("create" | "update" | "patch" | "delete")) || !(200..300).contains(&code)
    {
        return Ok(None);
    }
    let time = |field: &str| text(&event[field]).parse::<Timestamp>().context("a time");
    Ok(Some(Write {
        pod: text(&event["user"]["extra"][POD][0]),
        resource: text(&event["objectRef"]["resource"]),
        begun: time("requestReceivedTimestamp")?,
        done: time("stageTimestamp")?,
    }))
}

/// Seconds from one moment to a later one.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
