//! How long the API server takes to answer: the metric `k8s_replicator_api_request_seconds`.

use std::collections::BTreeMap;

use http::{Method, StatusCode};

use super::RequestId;
use crate::event::Moment;
use crate::metrics::{Histogram, Metric, Samples};
use crate::wire::{Expects, HttpRequest, Received};

/// The HTTP status codes that have a series of their own, since the controller handles each in its own way. Others count as `2xx`,
/// `4xx` and the like, so that no server can make more series.
const CODES: [(u16, &str); 16] = [
    (200, "200"),
    (201, "201"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (409, "409"),
    (410, "410"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (429, "429"),
    (500, "500"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
];
/// There was no answer.
const NONE: &str = "none";

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Calls {
    sent: BTreeMap<RequestId, (Moment, &'static str)>,
    took: BTreeMap<(&'static str, &'static str), Histogram>,
}

impl Calls {
    pub(super) fn sent(&mut self, now: Moment, id: RequestId, request: &HttpRequest) {
        self.sent.insert(id, (now, verb(request)));
    }

    /// A response, or a failure, arrived. For a watch the first piece counts.
    pub(super) fn received(&mut self, now: Moment, id: RequestId, received: &Received) {
        let code = match received {
            Received::Response(response) => code(response.status),
            Received::Head(status, _) => code(*status),
            Received::TooLong => "200",
            Received::Data(_) | Received::Closed | Received::Failed(_) => NONE,
        };
        self.answered(now, id, code);
    }

    /// The request was cancelled without a response.
    pub(super) fn cancelled(&mut self, now: Moment, id: RequestId) {
        self.answered(now, id, NONE);
    }

    fn answered(&mut self, now: Moment, id: RequestId, code: &'static str) {
        if let Some((at, verb)) = self.sent.remove(&id) {
            let took = self.took.entry((verb, code)).or_insert_with(|| Histogram::new(Histogram::REQUEST));
            took.observe(now.saturating_sub(at));
        }
    }

    pub(super) fn metrics(&self, samples: &mut Samples) {
        for ((verb, code), took) in &self.took {
            samples.histogram(Metric::ApiRequests, &[verb, code], took);
        }
    }
}

/// The verb as RBAC calls it.
fn verb(request: &HttpRequest) -> &'static str {
    match request.method {
        _ if request.expects == Expects::Stream => "watch",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ if request.path.contains("?limit=") => "list",
        _ => "get",
    }
}

fn code(status: StatusCode) -> &'static str {
    let known = CODES.iter().find(|(code, _)| *code == status.as_u16());
    known.map_or_else(
        || match status.as_u16() / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
        |(_, text)| text,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wire::Response;

    /// Whatever a server answers, the number of series is bounded.
    #[test]
    fn a_server_cannot_make_more_series() {
        let mut calls = Calls::default();
        let get = |path: &str| HttpRequest::get(path.to_owned(), "", Expects::Whole(1));
        let requests = [get("/api/v1/secrets?limit=5"), get("/x"), HttpRequest { method: Method::PATCH, ..get("/x") }];
        for status in 100..=999 {
            for (n, request) in requests.iter().enumerate() {
                let id = RequestId(u64::from(status) * 10 + n as u64);
                calls.sent(Moment::ZERO, id, request);
                let status = StatusCode::from_u16(status).unwrap();
                let response = Response { status, headers: Default::default(), body: Default::default() };
                calls.received(Duration::from_millis(3), id, &Received::Response(response));
            }
        }
        let mut samples = Samples::default();
        calls.metrics(&mut samples);
        assert_eq!((calls.sent.len(), samples.series()), (0, 3 * (CODES.len() + 5)));
        assert_eq!(samples.get(Metric::ApiRequests, &["list", "200"]), Some(1.0));
        assert_eq!(samples.get(Metric::ApiRequests, &["patch", "4xx"]), Some(90.0));
    }

    /// As RBAC and the API server's own metrics call it.
    #[test]
    fn the_verb_of_a_request() {
        let of = |method: Method, path: &str, expects| {
            verb(&HttpRequest { method, ..HttpRequest::get(path.to_owned(), "", expects) })
        };
        let whole = || Expects::Whole(1);
        for (method, path, expects, expected) in [
            (Method::GET, "/x", whole(), "get"),
            (Method::GET, "/x?limit=5", whole(), "list"),
            (Method::GET, "/x?limit=5", Expects::Stream, "watch"),
            (Method::POST, "/x", whole(), "create"),
            (Method::PUT, "/x", whole(), "update"),
            (Method::PATCH, "/x", whole(), "patch"),
            (Method::DELETE, "/x", whole(), "delete"),
        ] {
            assert_eq!(of(method.clone(), path, expects), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_request_without_an_answer_counts_once() {
        let mut calls = Calls::default();
        calls.sent(Moment::ZERO, RequestId(1), &HttpRequest::get("/x?watch=true".to_owned(), "", Expects::Stream));
        calls.received(Duration::from_secs(1), RequestId(1), &Received::Head(StatusCode::OK, Default::default()));
        calls.received(Duration::from_secs(200), RequestId(1), &Received::Closed);
        calls.sent(Moment::ZERO, RequestId(2), &HttpRequest::get("/x".to_owned(), "", Expects::Whole(1)));
        calls.cancelled(Duration::from_secs(30), RequestId(2));
        let mut samples = Samples::default();
        calls.metrics(&mut samples);
        assert_eq!(samples.get(Metric::ApiRequests, &["watch", "200"]), Some(1.0));
        assert_eq!(samples.get(Metric::ApiRequests, &["get", "none"]), Some(1.0));
        assert_eq!(samples.series(), 2);
    }
}
