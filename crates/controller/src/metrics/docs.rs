//! `docs/metrics.md`, made from the table of metrics.

use std::fmt::Write as _;

use super::{Family, Histogram, Metric, Type};

const HEAD: &str = "\
# Metrics

`GET /metrics` on the status address (`--status-address`, port 9102), in Prometheus' text format 0.0.4 or as OpenMetrics 1.0.0, whichever
the `Accept` header likes better. This page is made from the code (`crates/controller/src/metrics.rs`), and a test compares the two.

**Stable**: names, labels and their meanings stay as they are within a major version; new metrics, and new values of labels, may come.
Buckets may change. **Bounded**: labels are words of closed lists, never names of objects; the number of series does not depend on how
many objects there are. `sum()` over any label makes sense.

`kind` is `Secret` or `ConfigMap`. `reason` is one of [the reasons](reasons.md). `state` is `current`, `waiting`, `held`, `refused` or
`failing`, as in `list` and on the page. `verb` of a write is what the log calls `action`; of a request it is the word of roles: `get`,
`list`, `watch`, `create`, `update`, `patch`, `delete`.

| name | type | labels | meaning |
|---|---|---|---|
";

const TAIL: &str = "
What to watch, and what to do: [the alerts and their runbook](runbook.md), with rules and a dashboard in `deploy/monitoring/`. A scrape
costs the controller about as much as deciding about a few targets.
";

/// The page.
#[must_use]
pub fn docs() -> String {
    let mut page = HEAD.to_owned();
    for metric in Metric::ALL {
        let Family { name, type_, labels, help } = metric.family();
        let (suffix, word) = match type_ {
            Type::Counter => ("_total", "counter"),
            Type::Gauge => ("", "gauge"),
            Type::Histogram => ("", "histogram"),
            Type::Info => ("_info", "info"),
        };
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        // It cannot fail: it is written into memory.
        let _ = writeln!(page, "| `{name}{suffix}` | {word} | {labels} | {help} |");
    }
    let _ = write!(page, "\nBuckets, in seconds:\n\n");
    for (metric, bounds) in [
        (Metric::Propagation, Histogram::PROPAGATION),
        (Metric::EndToEnd, Histogram::END_TO_END),
        (Metric::ApiRequests, Histogram::REQUEST),
    ] {
        let bounds = bounds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "- `{}`: {bounds}", metric.family().name);
    }
    page + TAIL
}

#[cfg(test)]
mod tests {
    /// With `UPDATE_DOCS=1` it is written.
    #[test]
    fn the_documentation_is_the_codes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, super::docs()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, super::docs(), "docs/metrics.md: write it anew with UPDATE_DOCS=1 before this test");
    }
}
