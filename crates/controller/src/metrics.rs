//! The metrics: the table of all of them, and the samples that are collected.
//!
//! The machines count into plain numbers; [`Controller::metrics`](crate::controller::Controller::metrics) collects them as [`Samples`]
//! when somebody asks, and [`edge::metrics`](crate::edge::metrics) writes them down. `docs/metrics.md` is made from this table, and
//! promises that names and labels stay.
//!
//! The number of series is bounded whatever happens in the cluster: labels are words of closed lists, never names of objects.

mod docs;
mod histogram;

pub use docs::docs;
pub use histogram::Histogram;

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Only grows, and begins at 0 when the program starts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// The distribution of durations.
    Histogram,
    /// Always 1; its labels hold the information.
    Info,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Its name, as queries write it, but for `_total` of a counter and `_info`.
    pub name: &'static str,
    /// Its kind.
    pub type_: Type,
    /// Its labels, in the order of each sample's values.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($variant:ident $type_:ident $name:literal [$($label:literal)*] $help:literal)+) => {
        /// Each metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(
                #[doc = $help]
                $variant,
            )+
        }

        impl Metric {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Metric] = &[$(Metric::$variant),+];

            /// What it is.
            #[must_use]
            pub fn family(self) -> Family {
                match self {
                    $(Metric::$variant => Family {
                        name: $name,
                        type_: Type::$type_,
                        labels: &[$($label),*],
                        help: $help,
                    },)+
                }
            }
        }
    };
}

metrics! {
    Targets Gauge "k8s_replicator_targets" ["kind" "state"]
        "Targets by state. Those in namespaces that do not exist are not among them."
    NotCurrent Gauge "k8s_replicator_targets_not_current" ["kind" "reason"]
        "Targets that are waiting, held, refused or failing, by the reason for it."
    OldestPending Gauge "k8s_replicator_oldest_pending_seconds" ["kind"]
        "For how long the oldest pending target has been pending: the controller still has to decide about it, read or write something for it, or an attempt failed. 0: none is pending, or this is a standby."
    Propagation Histogram "k8s_replicator_propagation_seconds" ["kind"]
        "From when the controller saw a change of an object until a target was written because of it."
    EndToEnd Histogram "k8s_replicator_end_to_end_seconds" ["kind"]
        "From when the source's data was written, as its managedFields say (in whole seconds of the API server's clock), until the target had it."
    Writes Counter "k8s_replicator_writes" ["kind" "verb" "outcome"]
        "Writes of targets that were answered: what was tried, and Done or the reason why it failed."
    Decisions Counter "k8s_replicator_decisions" ["kind" "reason"]
        "Decisions about targets, by the reason. Each look at a target counts."
    Retries Counter "k8s_replicator_retries" ["kind" "reason"]
        "Attempts that failed, or had to wait, and are repeated after a pause, by the reason."
    RemovalsWaiting Gauge "k8s_replicator_removals_waiting" ["kind"]
        "Replicas whose removal waits for the removal delay."
    RemovalsHeld Gauge "k8s_replicator_removals_held" ["kind"]
        "Replicas whose removal is held by --removal-limit until each is approved or the cause goes."
    QueueDepth Gauge "k8s_replicator_queue_depth" ["kind" "class"]
        "Targets in the queue: urgent (something changed), ready (the object that they waited for was read), verify, handed_out (a request is under way for them), waiting (for a time), parked (for room in their namespace)."
    WindowSize Gauge "k8s_replicator_window_size" ["kind"]
        "How many requests may be under way at once: adapted to how fast the API server answers."
    InFlight Gauge "k8s_replicator_requests_in_flight" ["kind"]
        "Requests for targets that are under way."
    ApiRequests Histogram "k8s_replicator_api_request_seconds" ["verb" "code"]
        "How long the API server took to answer, by verb and HTTP status; of a watch until it began. Code none: there was no answer."
    WatchRestarts Counter "k8s_replicator_watch_restarts" ["resource" "cause"]
        "Watches that ended and were begun again, by the cause: Closed (as servers do every few minutes), Expired, Verification, MissedEvent, WentBack, Silent, or the reason of a failure."
    WatchProgress Gauge "k8s_replicator_watch_last_progress_timestamp_seconds" ["resource"]
        "When a watch last got anything from the API server; of several of one resource the one that has waited longest."
    EventsWritten Counter "k8s_replicator_events_written" []
        "Kubernetes Events that were written."
    EventsDropped Counter "k8s_replicator_events_dropped" ["cause"]
        "Kubernetes Events that were not written: TooMany (of one object), Full (too many waited), Forbidden, Failed."
    Ready Gauge "k8s_replicator_ready" ["kind"]
        "1 when every first list is complete, else 0."
    Leader Gauge "k8s_replicator_leader" []
        "1 if this program writes, 0 if it is a standby; 1 without --leader-elect."
    Build Info "k8s_replicator_build" ["version"]
        "The program's version."
    ProcessCpu Counter "process_cpu_seconds" []
        "Processor time that the program has used."
    ProcessMemory Gauge "process_resident_memory_bytes" []
        "Resident memory of the program."
    ProcessVirtualMemory Gauge "process_virtual_memory_bytes" []
        "Virtual memory of the program."
    ProcessFiles Gauge "process_open_fds" []
        "Open files and connections."
    ProcessMostFiles Gauge "process_max_fds" []
        "How many files and connections may be open."
    ProcessStart Gauge "process_start_time_seconds" []
        "When the program started."
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a counter, a gauge or an info.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
}

/// One series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The values of its labels.
    pub labels: Vec<&'static str>,
    /// What was measured.
    pub value: Value,
}

/// What was measured at one time, of all metrics.
#[derive(Debug, Clone, Default)]
pub struct Samples(std::collections::BTreeMap<Metric, Vec<Sample>>);

impl Samples {
    /// Adds a number.
    pub fn number(&mut self, metric: Metric, labels: &[&'static str], number: f64) {
        self.add(metric, labels, Value::Number(number));
    }

    /// Adds a count.
    pub fn count(&mut self, metric: Metric, labels: &[&'static str], count: impl TryInto<u64>) {
        self.number(metric, labels, count.try_into().unwrap_or(u64::MAX) as f64);
    }

    /// Adds a histogram.
    pub fn histogram(&mut self, metric: Metric, labels: &[&'static str], histogram: &Histogram) {
        self.add(metric, labels, Value::Histogram(histogram.clone()));
    }

    fn add(&mut self, metric: Metric, labels: &[&'static str], value: Value) {
        debug_assert_eq!(labels.len(), metric.family().labels.len(), "{metric:?}");
        self.0.entry(metric).or_default().push(Sample { labels: labels.to_vec(), value });
    }

    /// The series of a metric.
    #[must_use]
    pub fn of(&self, metric: Metric) -> &[Sample] {
        self.0.get(&metric).map_or(&[], Vec::as_slice)
    }

    /// The number of one series; `None`: there is no such series.
    #[must_use]
    pub fn get(&self, metric: Metric, labels: &[&str]) -> Option<f64> {
        let sample = self.of(metric).iter().find(|sample| sample.labels == labels)?;
        match &sample.value {
            Value::Number(number) => Some(*number),
            Value::Histogram(histogram) => Some(histogram.count() as f64),
        }
    }

    /// How many series there are.
    #[must_use]
    pub fn series(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prometheus' rules of naming.
    #[test]
    fn names_follow_the_rules() {
        let mut names: Vec<_> = Metric::ALL.iter().map(|metric| metric.family().name).collect();
        for metric in Metric::ALL {
            let Family { name, type_, labels, help } = metric.family();
            assert!(name.starts_with("k8s_replicator_") || name.starts_with("process_"), "{name}");
            assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}: that is added");
            assert!(name.ends_with("_seconds") || type_ != Type::Histogram, "{name}: in base units");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}: {help}");
            for label in labels {
                assert!(
                    ["kind", "state", "reason", "verb", "outcome", "class", "resource", "cause", "code", "version"]
                        .contains(label)
                );
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Metric::ALL.len());
    }
}
