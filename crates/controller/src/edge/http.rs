//! Sends requests, and delivers their responses to the task that owns the controller.

use ::http::header;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;
use tokio::sync::mpsc;

use super::causes::with_causes;
use super::connect::Connection;
use crate::cluster::{Failure, FailureKind};
use crate::controller::RequestId;
use crate::wire::{Expects, HttpRequest, Received, Response};

/// The `User-Agent`, which the API server's audit log shows.
const USER_AGENT: &str = concat!("k8s-replicator/", env!("CARGO_PKG_VERSION"));

/// Where responses are delivered: a bounded channel, so that the server has to wait while the controller is busy.
pub(super) type Inbox = mpsc::Sender<(RequestId, Received)>;

/// Sends the request, and delivers its response to the end. There is no time limit: the controller cancels it.
pub(super) async fn send(connection: Connection, id: RequestId, request: HttpRequest, inbox: Inbox) {
    let received = match exchange(&connection, request, id, &inbox).await {
        Ok(received) => received,
        Err(failure) => Received::Failed(failure),
    };
    // An error means that the receiver is gone, so that the response is not needed.
    let _ = inbox.send((id, received)).await;
}

/// Sends a request, and returns its whole response.
pub(super) async fn whole(connection: &Connection, request: HttpRequest) -> Received {
    let Expects::Whole(longest) = request.expects else {
        return Received::Failed(Failure::unreadable("it was to come in pieces"));
    };
    let sent = connection.send(|| http_request(&request)).await;
    let received = match sent {
        Ok(response) => collect(response, longest).await,
        Err(failure) => Err(failure),
    };
    received.unwrap_or_else(Received::Failed)
}

async fn collect(response: ::http::Response<Body>, longest: usize) -> Result<Received, Failure> {
    let (parts, body) = response.into_parts();
    match Limited::new(body, longest).collect().await {
        Ok(body) => {
            let body: Bytes = body.to_bytes();
            Ok(Received::Response(Response { status: parts.status, headers: parts.headers, body }))
        }
        Err(error) if error.is::<LengthLimitError>() => Ok(Received::TooLong),
        Err(error) => Err(unreachable(&*error)),
    }
}

/// Sends the request; delivers all pieces but the last, and returns the last.
async fn exchange(
    connection: &Connection,
    request: HttpRequest,
    id: RequestId,
    inbox: &Inbox,
) -> Result<Received, Failure> {
    let expects = request.expects;
    let response = connection.send(|| http_request(&request)).await?;
    match expects {
        Expects::Whole(longest) => collect(response, longest).await,
        Expects::Stream => {
            let (parts, mut body) = response.into_parts();
            if inbox.send((id, Received::Head(parts.status, parts.headers))).await.is_err() {
                return Ok(Received::Closed);
            }
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| unreachable(&error))?;
                if let Ok(data) = frame.into_data()
                    && inbox.send((id, Received::Data(data))).await.is_err()
                {
                    break;
                }
            }
            Ok(Received::Closed)
        }
    }
}

fn http_request(request: &HttpRequest) -> Result<::http::Request<Body>, Failure> {
    let HttpRequest { method, path, accept, content_type, body, .. } = request;
    let mut http = ::http::Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, *accept)
        .header(header::USER_AGENT, USER_AGENT);
    if let Some(content_type) = content_type {
        http = http.header(header::CONTENT_TYPE, *content_type);
    }
    http.body(Body::from(body.clone())).map_err(|error| unreachable(&error))
}

/// The request did not reach the server, or its response did not come back. The errors of `kube`, hyper, rustls and the operating system
/// say what failed in fixed words, with addresses and names of certificates, and quote no body: no server's words are in this.
pub(super) fn unreachable(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(FailureKind::Unreachable, with_causes(error))
}
