//! `/metrics`: collects the metrics from the task that owns the controller, and renders them for Prometheus.

use std::fmt;

use axum::http::{HeaderMap, header};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::clock::Clock;
use super::look::Looks;
use super::process;
use crate::health::Health;
use crate::metrics::{Family, Metric, Sample, Samples, Type, Value};

/// Collects and renders the metrics. Cheap to clone.
#[derive(Clone)]
pub struct Scraper(Looks);

impl Scraper {
    /// By which the controller is read.
    #[must_use]
    pub fn new(looks: Looks) -> Self {
        Self(looks)
    }

    /// The metrics in this format; `None`: the controller has ended.
    pub(super) async fn exposition(&self, health: &Health, clock: Clock, format: Format) -> Option<String> {
        let mut samples = self.0.ask(|controller, now| controller.metrics(now)).await?;
        measure(health, clock, &mut samples);
        Some(render(samples, format))
    }
}

/// The metrics that are not the controller's own: readiness, watches' progress, the process.
fn measure(health: &Health, clock: Clock, samples: &mut Samples) {
    let now = clock.now();
    let started = unix(now.time) - now.moment.as_secs_f64();
    for (resource, last) in health.last_progress() {
        samples.number(Metric::WatchProgress, &[resource], started + last.as_secs_f64());
    }
    samples.number(Metric::Leader, &[], f64::from(!health.is_standby().unwrap_or(false)));
    samples.number(Metric::Build, &[env!("CARGO_PKG_VERSION")], 1.0);
    samples.number(Metric::ProcessStart, &[], started);
    process::measure(samples);
}

fn unix(time: jiff::Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

/// The format of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format that the client prefers by `Accept`: OpenMetrics only where it is asked for.
    pub(super) fn asked_for(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
        let items = accepted.flat_map(|accept| accept.split(','));
        let (mut open_metrics, mut text) = (0.0, 0.0);
        for item in items {
            let mut parts = item.split(';').map(str::trim);
            let quality = |part: &str| part.strip_prefix("q=")?.parse::<f32>().ok();
            let best = match parts.next() {
                Some("application/openmetrics-text") => &mut open_metrics,
                Some("text/plain") => &mut text,
                _ => continue,
            };
            *best = f32::max(*best, parts.find_map(quality).unwrap_or(1.0));
        }
        if open_metrics > 0.0 && open_metrics >= text { Self::OpenMetrics } else { Self::Text }
    }
}

/// Renders the samples.
#[must_use]
pub fn render(samples: Samples, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposition(samples)));
    let mut written = String::with_capacity(64 << 10);
    // It cannot fail: it is written into memory.
    let _ = match format {
        Format::Text => prometheus_text::encode(&mut written, &registry),
        Format::OpenMetrics => text::encode(&mut written, &registry),
    };
    written
}

#[derive(Debug)]
struct Exposition(Samples);

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in Metric::ALL {
            let (samples, Family { name, type_, labels, help }) = (self.0.of(*metric), metric.family());
            if samples.is_empty() {
                continue;
            }
            let type_ = match type_ {
                Type::Counter => MetricType::Counter,
                Type::Gauge => MetricType::Gauge,
                Type::Histogram => MetricType::Histogram,
                Type::Info => MetricType::Info,
            };
            let mut family = encoder.encode_descriptor(name, help, None, type_)?;
            for Sample { labels: values, value } in samples {
                let pairs: Vec<(&str, &str)> = labels.iter().copied().zip(values.iter().copied()).collect();
                match (type_, pairs.is_empty()) {
                    (MetricType::Info, _) => family.encode_info(&pairs)?,
                    (_, true) => write(&mut family, type_, value)?,
                    (_, false) => write(&mut family.encode_family(&pairs)?, type_, value)?,
                }
            }
        }
        Ok(())
    }
}

fn write(series: &mut MetricEncoder<'_>, type_: MetricType, value: &Value) -> fmt::Result {
    match value {
        Value::Histogram(histogram) => {
            series.encode_histogram::<NoLabelSet>(histogram.sum(), histogram.count(), &histogram.buckets(), None)
        }
        Value::Number(number) => match type_ {
            MetricType::Counter => series.encode_counter::<NoLabelSet, f64, f64>(number, None),
            _ => series.encode_gauge(number),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Histogram;

    fn samples() -> Samples {
        let mut samples = Samples::default();
        samples.count(Metric::Writes, &["Secret", "create", "Done"], 3_u64);
        samples.number(Metric::Leader, &[], 1.0);
        samples.number(Metric::Build, &["1.2.3"], 1.0);
        let mut histogram = Histogram::new(&[0.5, 1.0]);
        [100, 700, 5_000].map(Duration::from_millis).into_iter().for_each(|took| histogram.observe(took));
        samples.histogram(Metric::Propagation, &["Secret"], &histogram);
        samples
    }

    #[test]
    fn both_formats() {
        let text = render(samples(), Format::Text);
        for line in [
            "# TYPE k8s_replicator_writes_total counter",
            "k8s_replicator_writes_total{kind=\"Secret\",verb=\"create\",outcome=\"Done\"} 3.0",
            "# TYPE k8s_replicator_leader gauge",
            "k8s_replicator_leader 1.0",
            "k8s_replicator_build_info{version=\"1.2.3\"} 1",
            "k8s_replicator_propagation_seconds_bucket{kind=\"Secret\",le=\"1\"} 2",
            "k8s_replicator_propagation_seconds_bucket{kind=\"Secret\",le=\"+Inf\"} 3",
            "k8s_replicator_propagation_seconds_sum{kind=\"Secret\"} 5.8",
            "k8s_replicator_propagation_seconds_count{kind=\"Secret\"} 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        let open_metrics = render(samples(), Format::OpenMetrics);
        for line in [
            "# TYPE k8s_replicator_writes counter",
            "# TYPE k8s_replicator_build info",
            "k8s_replicator_writes_total{kind=\"Secret\",verb=\"create\",outcome=\"Done\"} 3.0",
            "k8s_replicator_propagation_seconds_bucket{le=\"1.0\",kind=\"Secret\"} 2",
        ] {
            assert!(open_metrics.lines().any(|it| it == line), "{line}\n{open_metrics}");
        }
        assert!(open_metrics.ends_with("# EOF\n") && !text.contains("EOF"));
    }

    #[test]
    fn what_is_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;\
                          version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (None, Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Format::Text),
            (Some("application/openmetrics-text; version=1.0.0"), Format::OpenMetrics),
            (Some("text/plain;version=0.0.4, application/openmetrics-text;q=0.5"), Format::Text),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some("application/openmetrics-text;q=nonsense"), Format::OpenMetrics),
            (Some(prometheus), Format::OpenMetrics),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (header::ACCEPT, accept.parse().unwrap())));
            assert_eq!(Format::asked_for(&headers), format, "{accept:?}");
        }
    }
}
