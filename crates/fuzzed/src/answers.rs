//! Answers that no API server gives, to the whole controller.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use k8s_replicator_controller::cluster::{Failure, FailureKind};
use k8s_replicator_controller::controller::{Controller, Options, RequestId, Want};
use k8s_replicator_controller::event::Now;
use k8s_replicator_controller::health::Health;
use k8s_replicator_controller::wire::{Expects, Received, Response};
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind;
use k8s_replicator_core::scope::Scope;
use k8s_replicator_sim::dice::Dice;

/// More requests than that after one answer are a hot loop.
const MOST_REQUESTS: usize = 600;
/// The longest input that is looked at.
const LONGEST: usize = 64 << 10;

/// Answers one after the other: what kind of answer, to which request, how long, and its bytes. The controller takes them without a
/// panic and without a hot loop.
pub(crate) fn answers(data: &[u8]) {
    let data = &data[..data.len().min(LONGEST)];
    let mut dice = Dice::new(1);
    let mut entropy = || -> Box<dyn FnMut() -> u8 + Send + Sync> {
        let mut own = Dice::new(dice.number());
        Box::new(move || own.number().to_le_bytes()[0])
    };
    let options = Options {
        kinds: kind::ALL.to_vec(),
        scope: Scope::Cluster,
        dialect: Dialect::new("k8s-replicator/", false),
        rules: Rules::default(),
        resync_period: Duration::from_secs(60),
    };
    let health = Health::default();
    let mut world = World {
        controller: Controller::new(options, "https://server".to_owned(), &health, &mut entropy),
        moment: Duration::ZERO,
        open: VecDeque::new(),
    };
    world.poll();
    let mut rest = data;
    while let [what, which, low, high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (body, after) = after.split_at(length);
        rest = after;
        world.answer(*what, *which, body);
        // Half a second, so that whatever backs off has its turn some answers later.
        world.moment += Duration::from_millis(500);
        world.poll();
    }
}

struct World {
    controller: Controller,
    moment: Duration,
    /// The requests under way, and whether they take an answer as it comes.
    open: VecDeque<(RequestId, bool)>,
}

impl World {
    fn now(&self) -> Now {
        Now { moment: self.moment, time: jiff::Timestamp::from_second(1_700_000_000).expect("a time") }
    }

    fn poll(&mut self) {
        let mut requests = 0;
        loop {
            let mut again = false;
            for want in self.controller.poll(self.now()) {
                match want {
                    Want::Request(id, request) => {
                        requests += 1;
                        assert!(requests < MOST_REQUESTS, "{} is asked for in a hot loop", request.path);
                        self.open.push_back((id, request.expects == Expects::Stream));
                    }
                    Want::Cancel(id) => self.open.retain(|(open, _)| *open != id),
                    Want::WaitUntil(at) => again = at <= self.moment,
                }
            }
            drop(self.controller.take_messages());
            if !again {
                return;
            }
        }
    }

    fn answer(&mut self, what: u8, which: u8, body: &[u8]) {
        if self.open.is_empty() {
            return;
        }
        let at = usize::from(which) % self.open.len();
        let Some((id, is_stream)) = self.open.get(at).copied() else { return };
        let content_type = if what & 1 == 0 { "application/json" } else { "application/vnd.kubernetes.protobuf" };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let codes = [200, 200, 200, 200, 400, 403, 404, 409, 410, 422, 429, 500, 503, 504, 301, 201];
        let status = StatusCode::from_u16(codes[usize::from(what >> 4)]).expect("a status");
        let received = match (what >> 1) & 3 {
            0 if is_stream => vec![Received::Head(status, headers), Received::Data(Bytes::copy_from_slice(body))],
            1 if is_stream => {
                let pieces = body.chunks(7).map(|piece| Received::Data(Bytes::copy_from_slice(piece)));
                std::iter::once(Received::Head(status, headers)).chain(pieces).chain([Received::Closed]).collect()
            }
            2 => vec![Received::Failed(Failure::new(FailureKind::Unreachable, "connection reset by peer"))],
            _ if is_stream => vec![Received::Head(status, headers), Received::Closed],
            3 => vec![Received::TooLong],
            _ => vec![Received::Response(Response { status, headers, body: Bytes::copy_from_slice(body) })],
        };
        for part in received {
            // It may have given up the request because of what came before.
            if !self.open.iter().any(|(open, _)| *open == id) {
                return;
            }
            if part.is_last() {
                self.open.retain(|(open, _)| *open != id);
            }
            self.controller.deliver(self.now(), id, part);
        }
    }
}
