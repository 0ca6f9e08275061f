//! Judges the controller by the audit logs of all API servers.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_replicator_testenv::Client;
use serde_json::Value;

use super::{BYSTANDER, namespaces};

/// One request, as an API server wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    /// When it came in, by the clock of the machine: as text it sorts.
    at: String,
    verb: String,
    /// `secrets b/x`
    object: String,
    name: String,
}

impl Asked {
    pub(crate) fn is_write(&self) -> bool {
        !matches!(&*self.verb, "get" | "list" | "watch")
    }

    /// Seconds of its minute and hour: enough for windows of some seconds.
    fn seconds(&self) -> u64 {
        let number = |from: usize| self.at.get(from..from + 2).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        number(11) * 3_600 + number(14) * 60 + number(17)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.at, self.verb, self.object)
    }
}

/// All that a user asked, of all servers, in order, but for Kubernetes Events.
pub(crate) fn requests(folder: &Path, user: &str) -> Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.to_string_lossy().ends_with("-audit.log") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // A server that is killed leaves half a line.
        let lines = text.lines().filter(|line| line.contains(user));
        let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        // Kubernetes Events are what it says, not what it does.
        let is_asked = |event: &Value| event["user"]["username"] == user && event["objectRef"]["resource"] != "events";
        asked.extend(events.filter(is_asked).map(|event| read(&event)));
    }
    asked.sort();
    Ok(asked)
}

fn read(event: &Value) -> Asked {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = &event["objectRef"];
    let name = text(&of["name"]);
    Asked {
        at: text(&event["requestReceivedTimestamp"]),
        verb: text(&event["verb"]),
        object: format!("{} {}/{name}", text(&of["resource"]), text(&of["namespace"])),
        name,
    }
}

/// No write outside of the objects that anybody speaks of, and nothing in a hot loop. Answers what to print.
pub(crate) fn judge(asked: &[Asked]) -> Result<String> {
    /// In ten seconds, of one object. People edit each a few times in that time, and each edit of a source is a write; whatever goes
    /// round in circles comes to hundreds.
    const MOST: usize = 120;
    const WINDOW: u64 = 10;
    // People's annotations, and those of the corpus, name objects by one letter.
    let outside = asked.iter().find(|request| request.is_write() && request.name.len() > 1);
    if let Some(outside) = outside {
        bail!("outside of what anybody asks for: {outside}");
    }
    let mut by_object: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for request in asked.iter().filter(|request| !request.name.is_empty()) {
        by_object.entry(&request.object).or_default().push(request.seconds());
    }
    let mut hottest = (0, "");
    for (object, times) in &by_object {
        for (number, begin) in times.iter().enumerate() {
            let within = times[number..].iter().take_while(|time| time.saturating_sub(*begin) < WINDOW).count();
            hottest = hottest.max((within, object));
        }
    }
    ensure!(hottest.0 <= MOST, "{} was asked for {} times within {WINDOW} s", hottest.1, hottest.0);
    let writes = asked.iter().filter(|request| request.is_write()).count();
    Ok(format!(
        "{} requests of the controller, {writes} of them writes, all about what people speak of; the most about one object within \
         {WINDOW} s: {} ({})",
        asked.len(),
        hottest.0,
        hottest.1
    ))
}

/// The objects that nobody speaks of are as they were made.
pub(crate) fn bystanders(client: &Client) -> Result<()> {
    // People delete these namespaces, with all that is in them.
    for namespace in namespaces().filter(|name| !["a", "b", "team-1"].contains(&&**name)) {
        let object = client.get(&format!("/api/v1/namespaces/{namespace}/configmaps/{BYSTANDER}"))?;
        let managers = object["metadata"]["managedFields"].as_array().map_or(0, Vec::len);
        ensure!(managers == 1 && object["data"]["k"] == BYSTANDER, "somebody wrote {namespace}/{BYSTANDER}");
    }
    Ok(())
}
