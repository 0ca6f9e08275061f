//! Requests and answers as they go over the wire.

use http::{HeaderMap, HeaderValue, header};
use k8s_replicator_controller::wire::{Expects, HttpRequest};

use super::object::{Id, Resource};
pub use super::refusal::Refusal;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// The header `Accept`.
    pub accept: String,
    /// The header `Content-Type`; empty: none.
    pub content_type: String,
    /// What is sent.
    pub body: Vec<u8>,
    /// The longest answer that is taken in one piece; `None`: the answer is taken as it comes.
    pub whole: Option<usize>,
}

impl Request {
    /// A controller's request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        Self {
            method: request.method.as_str().to_owned(),
            uri: request.path.clone(),
            accept: request.accept.to_owned(),
            content_type: request.content_type.unwrap_or_default().to_owned(),
            body: request.body.to_vec(),
            whole: match request.expects {
                Expects::Whole(longest) => Some(longest),
                Expects::Stream => None,
            },
        }
    }

    /// The object that a request is about.
    #[must_use]
    pub fn about(&self) -> Option<Id> {
        let parts: Vec<&str> = self.path().split('/').skip(1).collect();
        match *parts.as_slice() {
            ["api", "v1", "namespaces", namespace, plural, name] => {
                Some(Id::new(Resource::from_plural(plural)?, namespace, name))
            }
            ["api", "v1", "namespaces", namespace, plural] => {
                let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
                Some(Id::new(Resource::from_plural(plural)?, namespace, body["metadata"]["name"].as_str()?))
            }
            _ => None,
        }
    }

    /// What it lists: which resource, and in which namespace; empty: everywhere.
    #[must_use]
    pub fn lists(&self) -> Option<(Resource, String)> {
        let parts: Vec<&str> = self.path().split('/').skip(1).collect();
        let (plural, namespace) = match *parts.as_slice() {
            ["api", "v1", plural] => (plural, ""),
            ["api", "v1", "namespaces", namespace, plural] => (plural, namespace),
            _ => return None,
        };
        let is_list = self.method == "GET" && !self.is_watch();
        Some((Resource::from_plural(plural).filter(|_| is_list)?, namespace.to_owned()))
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded; empty: it is not there.
    #[must_use]
    pub fn parameter(&self, name: &str) -> String {
        let query = self.uri.split_once('?').map_or("", |(_, query)| query);
        let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        pair.map(|(_, value)| decoded(value)).unwrap_or_default()
    }

    /// Whether it asks for a stream of watch events.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        matches!(&*self.parameter("watch"), "true" | "1")
    }

    /// Whether it changes something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }

    /// Whether protobuf may be answered.
    #[must_use]
    pub fn takes_protobuf(&self) -> bool {
        self.accept.contains("vnd.kubernetes.protobuf")
    }

    /// Whether metadata alone is asked for.
    #[must_use]
    pub fn metadata_only(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata")
    }
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let code: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&code, 16).unwrap_or(b'%'));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The header `Retry-After`.
    pub retry_after: Option<u64>,
    /// What is sent.
    pub body: Vec<u8>,
}

/// The headers of an answer.
#[must_use]
pub fn headers(content_type: &'static str, retry_after: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers
}

/// `Content-Type` of protobuf.
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// `Content-Type` of JSON.
pub const JSON: &str = "application/json";
