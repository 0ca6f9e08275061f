//! The list of scenarios.

mod appear;
mod beside;
mod fan_out;
mod latency;
mod many_sources;
mod restart;
mod start;
mod storm;

use std::future::Future;
use std::pin::Pin;

use anyhow::Result;

use super::figure::Figure;
use super::lab::Lab;
use super::subject::Subject;

/// The figures, as soon as they are measured.
pub(super) type Measuring<'a> = Pin<Box<dyn Future<Output = Result<Vec<Figure>>> + 'a>>;

/// One of them.
pub(super) struct Scenario {
    /// As `--only` calls it.
    pub(super) name: &'static str,
    /// For a person.
    pub(super) what: &'static str,
    pub(super) run: for<'a> fn(&'a Lab, &'a Subject) -> Measuring<'a>,
}

/// All, in the order in which they are run.
pub(super) const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "fan-out",
        what: "one source is replicated to many namespaces, then updated",
        run: |lab, subject| Box::pin(fan_out::run(lab, subject)),
    },
    Scenario {
        name: "many-sources",
        what: "many sources are replicated to many namespaces, then all updated at once",
        run: |lab, subject| Box::pin(many_sources::run(lab, subject)),
    },
    Scenario {
        name: "appear",
        what: "many namespaces appear at once",
        run: |lab, subject| Box::pin(appear::run(lab, subject)),
    },
    Scenario {
        name: "latency",
        what: "one source with one replica is updated now and then",
        run: |lab, subject| Box::pin(latency::run(lab, subject)),
    },
    Scenario {
        name: "start",
        what: "a start beside many Secrets without annotations",
        run: |lab, subject| Box::pin(start::run(lab, subject)),
    },
    Scenario {
        name: "restart",
        what: "a restart with all replicas in place, then nothing happens",
        run: |lab, subject| Box::pin(restart::run(lab, subject)),
    },
    Scenario {
        name: "storm",
        what: "one source is updated 50 times in a second",
        run: |lab, subject| Box::pin(storm::run(lab, subject)),
    },
    Scenario {
        name: "beside",
        what: "small sources are created while a source with very many replicas is copied",
        run: |lab, subject| Box::pin(beside::run(lab, subject)),
    },
];
