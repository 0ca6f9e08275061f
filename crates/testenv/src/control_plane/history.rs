//! What etcd remembers: every state that there was.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ControlPlane;

/// How long etcd may be silent.
const LIMIT: Duration = Duration::from_secs(120);
/// Where all that Kubernetes stores begins.
const FIRST: &str = "/registry/";
/// Comes after all of it, and is written to mark where the history ends now. Kubernetes knows nothing of it.
const MARK: &str = "/registry0";

/// One change of what etcd holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Etcd's revision, which is the object's resourceVersion from then on.
    pub revision: u64,
    /// `/registry/secrets/NAMESPACE/NAME`, and so on.
    pub key: String,
    /// The object from then on, without its resourceVersion; none: it is gone.
    pub object: Option<Value>,
}

impl ControlPlane {
    /// Every change until now of what lies below `/registry/` and these names (such as `secrets`), in order, since the first start, or, where
    /// etcd was restored, up to its backup and since. Etcd has to run; an API server need not.
    ///
    /// # Errors
    /// When etcd does not answer, or the control plane was not started with [`super::Settings::keeps_history`].
    pub fn history(&self, names: &[&str], mut take: impl FnMut(Change) -> Result<()>) -> Result<()> {
        ensure!(self.site.keeps_history, "this control plane keeps no history");
        let put = json!({ "key": STANDARD.encode(MARK), "value": "" });
        let mut answer = String::new();
        self.ask_etcd("/v3/kv/put", &put)?.read_to_string(&mut answer)?;
        let end = number(&serde_json::from_str::<Value>(&answer)?["header"]["revision"])?;
        let watch = json!({ "create_request": { "start_revision": "1", "fragment": true,
            "key": STANDARD.encode(FIRST), "range_end": STANDARD.encode(format!("{MARK}\0")) } });
        for line in self.ask_etcd("/v3/watch", &watch)?.lines() {
            let said: Value = serde_json::from_str(&line?)?;
            let result = &said["result"];
            ensure!(result.is_object() && result["canceled"] != true, "etcd does not tell its history: {said}");
            for event in result["events"].as_array().into_iter().flatten() {
                let key = String::from_utf8(decoded(&event["kv"]["key"])?)?;
                let revision = number(&event["kv"]["mod_revision"])?;
                if key == MARK && revision >= end {
                    return Ok(());
                }
                let kind = key.strip_prefix(FIRST).and_then(|rest| rest.split('/').next());
                if kind.is_none_or(|kind| !names.contains(&kind)) {
                    continue;
                }
                let object = match event["type"] == "DELETE" {
                    true => None,
                    false => Some(serde_json::from_slice(&decoded(&event["kv"]["value"])?).context("no JSON")?),
                };
                take(Change { revision, key, object })?;
            }
        }
        anyhow::bail!("etcd's history broke off")
    }

    /// One request to etcd's gateway, without any library: HTTP 1.0, where the answer ends with the connection. Answers its body.
    pub(super) fn ask_etcd(&self, path: &str, body: &Value) -> Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.site.etcd_port)).context("etcd is away")?;
        stream.set_read_timeout(Some(LIMIT))?;
        let body = body.to_string();
        write!(stream, "POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        ensure!(line.contains(" 200 "), "etcd answers {path} with {line:?}");
        while !line.trim().is_empty() {
            line.clear();
            answer.read_line(&mut line)?;
        }
        Ok(answer)
    }
}

fn decoded(text: &Value) -> Result<Vec<u8>> {
    Ok(STANDARD.decode(text.as_str().unwrap_or_default())?)
}

/// Etcd's gateway writes numbers as text.
fn number(text: &Value) -> Result<u64> {
    text.as_str().context("etcd names no revision")?.parse().context("a revision")
}
