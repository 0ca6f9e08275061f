//! HTTP requests and responses, as the state machines of this crate exchange them with the code that drives them.
//!
//! The machines do no IO. [`edge`](crate::edge) sends their requests by way of `kube`; a simulator can answer them instead,
//! byte for byte as an API server would.
//!
//! No `Debug` here prints a body: it can hold a Secret.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};

use crate::cluster::Failure;
use crate::event::Moment;

/// The media type of Kubernetes' protobuf, before `;as=`.
const PROTOBUF: &[u8] = b"application/vnd.kubernetes.protobuf";
/// The media type of JSON.
pub const JSON: &str = "application/json";

/// One request to the API server.
pub struct HttpRequest {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: Method,
    /// Path and query: `/api/v1/secrets?limit=500`.
    pub path: String,
    /// The header `Accept`.
    pub accept: &'static str,
    /// The header `Content-Type`; `None`: there is no body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
    /// How the response is delivered.
    pub expects: Expects,
}

/// How a response is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expects {
    /// In one piece, [`Received::Response`]; one with a body of more bytes than this is [`Received::TooLong`].
    Whole(usize),
    /// As it comes: [`Received::Head`], then [`Received::Data`], then [`Received::Closed`].
    Stream,
}

impl HttpRequest {
    /// A `GET`.
    #[must_use]
    pub fn get(path: String, accept: &'static str, expects: Expects) -> Self {
        Self { method: Method::GET, path, accept, content_type: None, body: Bytes::new(), expects }
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes, expects {:?})", self.method, self.path, self.body.len(), self.expects)
    }
}

/// A whole response, of whatever status.
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// Whether the body is in Kubernetes' protobuf.
    #[must_use]
    pub fn is_protobuf(&self) -> bool {
        is_protobuf(&self.headers)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.status, self.body.len())
    }
}

/// A response, or a piece of one, as the request's [`Expects`] says; or a failure.
pub enum Received {
    /// The whole response.
    Response(Response),
    /// The response is longer than the request allows. The rest of it was not taken.
    TooLong,
    /// The beginning of a response that is delivered as it comes.
    Head(StatusCode, HeaderMap),
    /// More of its body, in pieces of any size.
    Data(Bytes),
    /// The body is complete.
    Closed,
    /// There is no response, or no more of it: the connection could not be made, or broke.
    Failed(Failure),
}

impl Received {
    /// Whether this is the last piece of the response.
    #[must_use]
    pub fn is_last(&self) -> bool {
        !matches!(self, Self::Head(..) | Self::Data(_))
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => write!(f, "Response({response:?})"),
            Self::TooLong => f.write_str("TooLong"),
            Self::Head(status, _) => write!(f, "Head({status})"),
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::Closed => f.write_str("Closed"),
            Self::Failed(failure) => write!(f, "Failed({failure:?})"),
        }
    }
}

/// What a [`Watch`](crate::watch::Watch) or a [`Poll`](crate::poll::Poll) asks for when it is polled. It has at most one request
/// under way.
#[derive(Debug)]
pub enum Next {
    /// Send this request, and deliver its response. Then poll again.
    Request(HttpRequest),
    /// Cancel the request under way. Then poll again.
    Cancel,
    /// It has more to do: poll again after others had a turn.
    Yield,
    /// It has nothing to do before this time, unless something is delivered.
    WaitUntil(Moment),
    /// It cannot go on, for this reason. The program has to be restarted.
    End(String),
}

/// Whether these are the headers of a body in Kubernetes' protobuf.
#[must_use]
pub fn is_protobuf(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|type_| type_.as_bytes().starts_with(PROTOBUF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::FailureKind;

    /// After which piece nothing more comes; and that no body is printed, but its length (SPEC 8).
    #[test]
    fn what_is_received_is_printed_without_its_body() {
        let body = || Bytes::from("hunter2");
        let response = Response { status: StatusCode::OK, headers: HeaderMap::new(), body: body() };
        let failure = Failure::new(FailureKind::Unreachable, "broken");
        for (received, printed, is_last) in [
            (Received::Response(response), "Response(200 OK (7 bytes))", true),
            (Received::TooLong, "TooLong", true),
            (Received::Head(StatusCode::OK, HeaderMap::new()), "Head(200 OK)", false),
            (Received::Data(body()), "Data(7 bytes)", false),
            (Received::Closed, "Closed", true),
            (Received::Failed(failure.clone()), format!("Failed({failure:?})").as_str(), true),
        ] {
            assert_eq!((format!("{received:?}").as_str(), received.is_last()), (printed, is_last));
        }
        let get = HttpRequest::get("/x".to_owned(), JSON, Expects::Whole(9));
        let patch = HttpRequest { method: Method::PATCH, body: body(), ..get };
        assert_eq!(format!("{patch:?}"), "PATCH /x (7 bytes, expects Whole(9))");
    }
}
