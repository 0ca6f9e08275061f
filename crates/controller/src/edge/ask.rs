//! Requests of the commands for people: one request, one response; no queue and no retries.
//!
//! The control loop does not use this. A command has the same connection and reads responses by the same code, so that it
//! understands what the controller would understand.

use std::time::Duration;

use k8s_replicator_core::observed::ReadError;
use k8s_replicator_core::scope::Part;

use super::connect::Connection;
use super::http::whole;
use crate::cluster::object::Object;
use crate::cluster::status::refusal;
use crate::cluster::{Failure, FailureKind};
use crate::watch::page::{self, FIRST_PAGE};
use crate::wire::{Expects, HttpRequest, Received, Response};

/// A person does not wait longer than this.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest response that a command accepts.
const LONGEST_RESPONSE: usize = 64 << 20;

impl Connection {
    /// Sends a request, and waits for its whole response.
    pub async fn ask(&self, request: HttpRequest) -> Received {
        match tokio::time::timeout(TIMEOUT, whole(self, request)).await {
            Ok(received) => received,
            Err(_) => Received::Failed(Failure::new(
                FailureKind::Unreachable,
                format!("no answer within {} s", TIMEOUT.as_secs()),
            )),
        }
    }

    /// The response to a request, which the server granted.
    ///
    /// # Errors
    /// When the request was refused, or there was no response.
    pub async fn granted(&self, request: HttpRequest) -> Result<Response, Failure> {
        granted(self.ask(request).await)
    }

    /// The response to a `GET`, which the server granted.
    ///
    /// # Errors
    /// When the request was refused, or there was no response.
    pub async fn get(&self, path: String, accept: &'static str) -> Result<Response, Failure> {
        self.granted(HttpRequest::get(path, accept, Expects::Whole(LONGEST_RESPONSE))).await
    }

    /// Lists the metadata of a resource of the core API group, page by page, and gives each object to `take`. Answers the version
    /// that the list shows.
    ///
    /// # Errors
    /// When the server refuses the list, or an object cannot be read, so that the list would be incomplete.
    pub async fn list(
        &self,
        resource: &str,
        part: &Part,
        take: &mut impl FnMut(Object<'_>) -> Result<(), ReadError>,
    ) -> Result<String, Failure> {
        let (mut limit, mut position, mut version) = (FIRST_PAGE, String::new(), None);
        loop {
            let response = self.granted(page::request(resource, part, limit, &position)).await?;
            let size = response.body.len();
            let mut read = page::Page::read(response)?;
            while !read.give(|object| take(object).map_err(crate::watch::unreadable))? {}
            let of_first = version.get_or_insert(read.version);
            if read.continue_.is_empty() {
                return Ok(of_first.clone());
            }
            position = read.continue_;
            limit = page::next_page(limit, size);
        }
    }
}

fn granted(received: Received) -> Result<Response, Failure> {
    match received {
        Received::Response(response) if response.status.is_success() => Ok(response),
        Received::Response(response) => Err(refusal(response.status, &response.headers, &response.body)),
        Received::TooLong => Err(Failure::unreadable("it is too long")),
        Received::Failed(failure) => Err(failure),
        Received::Head(..) | Received::Data(_) | Received::Closed => Err(Failure::unreadable("it came in pieces")),
    }
}
