//! What the audit logs of all API servers say was asked, by whom.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_replicator_sim::api::object::{Id, Resource};
use serde_json::Value;

/// How each line begins.
const BEGINS: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1""#;

/// One request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Who asked.
    pub(crate) user: String,
    pub(crate) verb: String,
    /// As in URLs, with the subresource.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    /// Empty for lists and watches, and for creates whose bodies the server has not read.
    pub(crate) name: String,
    /// When it came in, by the clock of the machine, since 1970.
    pub(crate) received: Duration,
    /// When it was answered, and by which code. `None`: the server was killed before.
    pub(crate) answered: Option<(Duration, u16)>,
    /// The resourceVersion that it asked to replace or delete.
    pub(crate) based_on: Option<u64>,
    /// The resourceVersion that it was answered with.
    pub(crate) became: Option<u64>,
    /// Its body, if it was refused. Null: the server has not read it.
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn is_write(&self) -> bool {
        !matches!(&*self.verb, "get" | "list" | "watch")
    }

    /// Whether the answer said that it was done.
    pub(crate) fn is_done(&self) -> bool {
        self.answered.is_some_and(|(_, code)| (200..300).contains(&code))
    }

    /// Whether nobody can know from the log alone if it was done: it was not answered, or by an error of the server's own, or the log does
    /// not say by what.
    pub(crate) fn is_open(&self) -> bool {
        self.answered.is_none_or(|(_, code)| code == 0 || code >= 500)
    }

    /// Whether it certainly was not done.
    pub(crate) fn is_refused(&self) -> bool {
        !self.is_done() && !self.is_open()
    }

    /// The version that it made, where it certainly did: what changes nothing is answered with the version that there was.
    pub(crate) fn made(&self) -> Option<u64> {
        let is_change = self.verb == "create" || self.based_on.is_some_and(|version| Some(version) != self.became);
        self.became.filter(|_| is_change && self.is_done() && self.verb != "delete")
    }

    /// The version that it took away.
    pub(crate) fn deleted(&self) -> Option<u64> {
        self.based_on.filter(|_| self.is_done() && self.verb == "delete")
    }

    /// The version of which the log has to know, so that what was done is found in etcd: each write of the controller has a precondition.
    pub(crate) fn known(&self) -> Option<u64> {
        match &*self.verb {
            "create" => self.became,
            "delete" => self.based_on,
            _ => self.based_on.and(self.became),
        }
    }

    /// The object that it was about.
    pub(crate) fn id(&self) -> Option<Id> {
        Some(Id::new(Resource::from_plural(&self.resource)?, &self.namespace, &self.name))
    }

    fn hear(&mut self, event: &Value) -> Result<()> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = &event["objectRef"];
        self.user = text(&event["user"]["username"]);
        self.verb = text(&event["verb"]);
        self.resource = text(&of["resource"]);
        if let Some(subresource) = of["subresource"].as_str() {
            self.resource = format!("{}/{subresource}", self.resource);
        }
        (self.namespace, self.name) = (text(&of["namespace"]), text(&of["name"]));
        self.received = time(&event["requestReceivedTimestamp"])?;
        if event["stage"] != "RequestReceived" {
            let code = event["responseStatus"]["code"].as_u64().unwrap_or(0);
            self.answered = Some((time(&event["stageTimestamp"])?, u16::try_from(code)?));
            self.based_on = based_on(&event["requestObject"]);
            if self.is_refused() {
                self.body = event["requestObject"].clone();
            }
            self.became = version(&event["responseObject"]["metadata"]["resourceVersion"]);
        }
        Ok(())
    }
}

/// The precondition of an update, a JSON Patch, an apply or a delete.
fn based_on(body: &Value) -> Option<u64> {
    let of_patch = body.as_array().into_iter().flatten().find(|step| step["path"] == "/metadata/resourceVersion");
    let of_object = &body["metadata"]["resourceVersion"];
    let of_delete = &body["preconditions"]["resourceVersion"];
    of_patch.map(|step| &step["value"]).into_iter().chain([of_object, of_delete]).find_map(version)
}

fn version(text: &Value) -> Option<u64> {
    text.as_str()?.parse().ok()
}

fn time(text: &Value) -> Result<Duration> {
    let time: jiff::Timestamp = text.as_str().context("no time")?.parse()?;
    Ok(Duration::from_nanos(u64::try_from(time.as_nanosecond())?))
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, verb, resource, namespace, name, received, answered, .. } = self;
        let code = answered.map_or_else(|| "nothing".to_owned(), |(_, code)| code.to_string());
        write!(f, "{:.3} {user}: {verb} {resource} {namespace}/{name}, answered by {code}", received.as_secs_f64())
    }
}

/// What a line of a log holds. A server that is killed leaves a part of one, at whose end it goes on when it is back; and the last line may be
/// under way. An error: it cannot be read, for another reason.
fn events(line: &str, is_last: bool) -> Result<Vec<Value>> {
    let begins: Vec<usize> = line.match_indices(BEGINS).map(|(begin, _)| begin).collect();
    let ends = begins.iter().skip(1).copied().chain([line.len()]);
    let mut events = Vec::new();
    for (begin, end) in begins.iter().zip(ends) {
        match serde_json::from_str(&line[*begin..end]) {
            Ok(event) => events.push(event),
            Err(_) if is_last || end < line.len() => {}
            Err(error) => return Err(error).with_context(|| format!("the audit log holds {line}")),
        }
    }
    ensure!(is_last || !begins.is_empty() || line.is_empty(), "the audit log holds {line}");
    Ok(events)
}

/// All that was asked of all servers whose logs are in this folder, in the order in which it came in.
pub(crate) fn read(folder: &Path) -> Result<Vec<Asked>> {
    let mut all: HashMap<String, Asked> = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.to_string_lossy().ends_with("-audit.log") {
            continue;
        }
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = BufReader::new(file).split(b'\n').peekable();
        while let Some(line) = lines.next() {
            for event in events(&String::from_utf8_lossy(&line?), lines.peek().is_none())? {
                // A request has a line when it comes in and one when it is answered, with the same id.
                let id = event["auditID"].as_str().context("a request has an id")?.to_owned();
                let asked = all.entry(id).or_default();
                if asked.answered.is_none() {
                    asked.hear(&event).with_context(|| format!("the audit log holds {event}"))?;
                }
            }
        }
    }
    let mut all: Vec<Asked> = all.into_values().collect();
    all.sort_by_key(|asked| asked.received);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn preconditions_are_found() {
        let patch = json!([{ "op": "replace", "path": "/metadata/resourceVersion", "value": "7" }]);
        let (apply, delete) = (
            json!({ "metadata": { "resourceVersion": "7" } }),
            json!({ "kind": "DeleteOptions", "preconditions": { "resourceVersion": "7", "uid": "u" } }),
        );
        assert_eq!([&patch, &apply, &delete].map(based_on), [Some(7); 3]);
        assert_eq!(based_on(&json!({ "metadata": { "name": "x" } })), None);
    }

    #[test]
    fn only_what_a_kill_cut_is_not_read() {
        let whole = format!(r#"{BEGINS},"auditID":"x"}}"#);
        let half = &whole[..whole.len() - 4];
        let count = |line: &str, is_last: bool| events(line, is_last).ok().map(|events| events.len());
        assert_eq!([count(&whole, false), count("", false)], [Some(1), Some(0)]);
        for cut in [half, &whole[..9]] {
            assert_eq!(count(&format!("{cut}{whole}"), false), Some(1), "the server went on there: {cut}");
            assert_eq!(count(cut, true), Some(0), "it may go on there: {cut}");
            assert_eq!(count(cut, false), None, "nothing says why: {cut}");
            assert_eq!(count(&format!("{whole}{cut}"), false).filter(|_| cut == half), None);
        }
        assert_eq!(count(&format!("{whole}{whole}"), false), Some(2), "no end of the line was written");
    }

    #[test]
    fn a_code_that_is_not_known_says_nothing() {
        let asked = |code: u16| Asked { answered: Some((Duration::ZERO, code)), ..Asked::default() };
        for (code, is_open, is_refused) in
            [(0, true, false), (200, false, false), (409, false, true), (500, true, false)]
        {
            assert_eq!((asked(code).is_open(), asked(code).is_refused()), (is_open, is_refused), "{code}");
        }
    }
}
