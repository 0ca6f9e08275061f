//! The panels of the Grafana dashboard.

/// How a panel looks.
#[derive(Clone, Copy)]
pub(super) enum Look {
    Stat,
    Lines,
    Stacked,
    Heatmap,
}

pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) look: Look,
    pub(super) unit: &'static str,
    /// Its width, of 24 columns.
    pub(super) width: u32,
    /// Queries, with `$` in the place of the labels that are selected, and the name of each line.
    pub(super) queries: &'static [(&'static str, &'static str)],
}

pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) height: u32,
    pub(super) panels: &'static [Panel],
}

pub(super) const ROWS: &[Row] = &[
    Row {
        title: "Is it well?",
        height: 5,
        panels: &[
            Panel {
                title: "Targets",
                description: "All targets, by state. Current: as wanted. Waiting: for a namespace, a source, a delay or their turn. Held: by replicate-once, a pause, the removal limit or an incomplete certificate. Refused: not allowed, or ill-formed. Failing: tried again.",
                look: Look::Stat,
                unit: "short",
                width: 8,
                queries: &[("sum by (state) (k8s_replicator_targets{$})", "{{state}}")],
            },
            Panel {
                title: "Oldest pending",
                description: "For how long the oldest pending target has been pending. 0 is well; minutes are not.",
                look: Look::Stat,
                unit: "s",
                width: 4,
                queries: &[("max(k8s_replicator_oldest_pending_seconds{$})", "")],
            },
            Panel {
                title: "Propagation, 99 %",
                description: "From a change that was seen to the write that follows it, in the last hour.",
                look: Look::Stat,
                unit: "s",
                width: 4,
                queries: &[(
                    "histogram_quantile(0.99, sum by (le) (rate(k8s_replicator_propagation_seconds_bucket{$}[1h])))",
                    "",
                )],
            },
            Panel {
                title: "Ready",
                description: "1 where every first list is complete.",
                look: Look::Stat,
                unit: "short",
                width: 4,
                queries: &[("min by (pod, kind) (k8s_replicator_ready{$})", "{{pod}} {{kind}}")],
            },
            Panel {
                title: "Version and leader",
                description: "The pods with their versions: 1 writes, 0 stands by.",
                look: Look::Stat,
                unit: "short",
                width: 4,
                queries: &[(
                    "k8s_replicator_leader{$} * on (namespace, pod) group_left (version) k8s_replicator_build_info{$}",
                    "{{version}} {{pod}}",
                )],
            },
        ],
    },
    Row {
        title: "What it does",
        height: 8,
        panels: &[
            Panel {
                title: "Writes",
                description: "Writes that were carried out, by what they did.",
                look: Look::Stacked,
                unit: "wps",
                width: 8,
                queries: &[(
                    "sum by (verb) (rate(k8s_replicator_writes_total{$,outcome=\"Done\"}[$__rate_interval]))",
                    "{{verb}}",
                )],
            },
            Panel {
                title: "Writes that failed",
                description: "By the reason (docs/reasons.md). Conflicts are the ordinary course of things: the object changed at the same time.",
                look: Look::Stacked,
                unit: "wps",
                width: 8,
                queries: &[(
                    "sum by (outcome) (rate(k8s_replicator_writes_total{$,outcome!=\"Done\"}[$__rate_interval])) > 0",
                    "{{outcome}}",
                )],
            },
            Panel {
                title: "Not current, by reason",
                description: "Targets that are waiting, held, refused or failing, and why (docs/reasons.md says what to do).",
                look: Look::Stacked,
                unit: "short",
                width: 8,
                queries: &[("sum by (reason) (k8s_replicator_targets_not_current{$}) > 0", "{{reason}}")],
            },
            Panel {
                title: "Propagation",
                description: "How long it took from a change that was seen to the write that follows it.",
                look: Look::Heatmap,
                unit: "s",
                width: 8,
                queries: &[(
                    "sum by (le) (increase(k8s_replicator_propagation_seconds_bucket{$}[$__rate_interval]))",
                    "{{le}}",
                )],
            },
            Panel {
                title: "End to end",
                description: "From when the source's data was written, by the API server's clock of whole seconds, until the target had it.",
                look: Look::Lines,
                unit: "s",
                width: 8,
                queries: &[
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(k8s_replicator_end_to_end_seconds_bucket{$}[$__rate_interval])))",
                        "50 %",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(k8s_replicator_end_to_end_seconds_bucket{$}[$__rate_interval])))",
                        "99 %",
                    ),
                ],
            },
            Panel {
                title: "Removals that wait",
                description: "Replicas that are due for removal, and wait for the removal delay, or for approval.",
                look: Look::Lines,
                unit: "short",
                width: 8,
                queries: &[
                    ("sum(k8s_replicator_removals_waiting{$})", "for the delay"),
                    ("sum(k8s_replicator_removals_held{$})", "for approval"),
                ],
            },
        ],
    },
    Row {
        title: "The API server",
        height: 8,
        panels: &[
            Panel {
                title: "Answers, 99 %",
                description: "How long the API server took to answer; of a watch until it began.",
                look: Look::Lines,
                unit: "s",
                width: 8,
                queries: &[(
                    "histogram_quantile(0.99, sum by (le, verb) (rate(k8s_replicator_api_request_seconds_bucket{$}[$__rate_interval])))",
                    "{{verb}}",
                )],
            },
            Panel {
                title: "Requests",
                description: "By HTTP status. 429: it asks for fewer; none: it did not answer.",
                look: Look::Stacked,
                unit: "reqps",
                width: 8,
                queries: &[(
                    "sum by (code) (rate(k8s_replicator_api_request_seconds_count{$}[$__rate_interval]))",
                    "{{code}}",
                )],
            },
            Panel {
                title: "Requests at once",
                description: "How many requests are under way, and how many may be at once.",
                look: Look::Lines,
                unit: "short",
                width: 8,
                queries: &[
                    ("sum by (kind) (k8s_replicator_requests_in_flight{$})", "under way, {{kind}}"),
                    ("sum by (kind) (k8s_replicator_window_size{$})", "allowed, {{kind}}"),
                ],
            },
            Panel {
                title: "Since a watch last got anything",
                description: "A watch receives something from the API server about once a minute, also when nothing changes.",
                look: Look::Lines,
                unit: "s",
                width: 8,
                queries: &[(
                    "time() - max by (pod, resource) (k8s_replicator_watch_last_progress_timestamp_seconds{$})",
                    "{{resource}} {{pod}}",
                )],
            },
            Panel {
                title: "Watches begun again",
                description: "By the cause. Closed, every few minutes, and Verification, every resync period, are the ordinary course of things.",
                look: Look::Stacked,
                unit: "short",
                width: 8,
                queries: &[(
                    "sum by (resource, cause) (increase(k8s_replicator_watch_restarts_total{$}[$__rate_interval])) > 0",
                    "{{resource}} {{cause}}",
                )],
            },
            Panel {
                title: "Events",
                description: "Kubernetes Events that were written, and that were dropped since there were too many.",
                look: Look::Lines,
                unit: "short",
                width: 8,
                queries: &[
                    ("sum(rate(k8s_replicator_events_written_total{$}[$__rate_interval]))", "written"),
                    ("sum by (cause) (rate(k8s_replicator_events_dropped_total{$}[$__rate_interval]))", "{{cause}}"),
                ],
            },
        ],
    },
    Row {
        title: "Inside",
        height: 8,
        panels: &[
            Panel {
                title: "Queue",
                description: "Targets that are to be looked at, by what they wait for.",
                look: Look::Stacked,
                unit: "short",
                width: 8,
                queries: &[("sum by (class) (k8s_replicator_queue_depth{$})", "{{class}}")],
            },
            Panel {
                title: "Decisions and retries",
                description: "How often a target was decided about, and how often an attempt is repeated.",
                look: Look::Lines,
                unit: "ops",
                width: 8,
                queries: &[
                    ("sum(rate(k8s_replicator_decisions_total{$}[$__rate_interval]))", "decisions"),
                    (
                        "sum by (reason) (rate(k8s_replicator_retries_total{$}[$__rate_interval])) > 0",
                        "retry, {{reason}}",
                    ),
                ],
            },
            Panel {
                title: "Memory",
                description: "Of each pod.",
                look: Look::Lines,
                unit: "bytes",
                width: 4,
                queries: &[(
                    "process_resident_memory_bytes{$} * on (namespace, pod) group_left () k8s_replicator_leader{$} ^ 0",
                    "{{pod}}",
                )],
            },
            Panel {
                title: "Processor",
                description: "Of each pod.",
                look: Look::Lines,
                unit: "percentunit",
                width: 4,
                queries: &[(
                    "rate(process_cpu_seconds_total{$}[$__rate_interval]) * on (namespace, pod) group_left () k8s_replicator_leader{$} ^ 0",
                    "{{pod}}",
                )],
            },
        ],
    },
];
