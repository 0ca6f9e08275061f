//! A small blocking client of an API server, for what tests and the demo do as the administrator.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::{Method, Request, Response, header};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::runtime::block_on;

/// For a connection, its TLS handshake included.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Speaks plain JSON with an API server, as the user of one kubeconfig. Nothing is tried twice.
#[derive(Clone)]
pub struct Client {
    inner: kube::Client,
}

impl Client {
    /// A client for `kubeconfig`. The server need not be up yet.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        let file = Kubeconfig::read_from(kubeconfig).with_context(|| format!("cannot use {}", kubeconfig.display()))?;
        block_on(async {
            let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
            // Callers want to see every answer, 429 and 503 too.
            config.default_retry = false;
            // Servers here are near; another process that holds the port must not be waited for.
            config.connect_timeout = Some(CONNECT_LIMIT);
            Ok(Self { inner: kube::Client::try_from(config)? })
        })
    }

    pub(crate) fn inner(&self) -> &kube::Client {
        &self.inner
    }

    /// One request, and the answer's status code and text. A `body` is sent as JSON (PATCH: as a JSON merge patch).
    ///
    /// # Errors
    /// When no answer comes.
    pub fn send(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
        let content = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, content);
        }
        let request = request.body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())?;
        let response = self.exchange(request)?;
        Ok((response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned()))
    }

    /// A request with its own headers, and the whole response: of a watch all that comes until the server ends it.
    ///
    /// # Errors
    /// When no response comes, or not all of it.
    pub fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>> {
        let client = self.inner.clone();
        block_on(async move {
            let (head, body) = client.send(request.map(Into::into)).await?.into_parts();
            Ok(Response::from_parts(head, body.collect_bytes().await?.to_vec()))
        })
    }

    /// As [`Client::send`], and the JSON of an answer that says yes.
    ///
    /// # Errors
    /// When there is no response, or one that is not a success. The error has the server's message, and nothing of `body`.
    pub fn request(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (code, text) = self.send(method, path, body)?;
        let answer: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if !(200..300).contains(&code) {
            bail!("{method} {path}: {code} {}", answer["message"].as_str().unwrap_or(""));
        }
        Ok(answer)
    }

    /// The object or list at `path`.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn get(&self, path: &str) -> Result<Value> {
        self.request(&Method::GET, path, None)
    }
}
