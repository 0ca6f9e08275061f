//! The Grafana dashboard, and what of `deploy/monitoring` is made from the chart's files.

use serde_json::{Value, json};

/// What is selected at the top of the dashboard.
const SELECTED: &str = r#"namespace=~"$namespace",job=~"$job""#;

/// How a panel looks.
#[derive(Clone, Copy)]
enum Look {
    Stat,
    Lines,
    Stacked,
    Heatmap,
}

struct Panel {
    title: &'static str,
    description: &'static str,
    look: Look,
    unit: &'static str,
    /// Of 24.
    width: u32,
    /// `$` in the place of what is selected, and what each line is called.
    queries: &'static [(&'static str, &'static str)],
}

struct Row {
    title: &'static str,
    height: u32,
    panels: &'static [Panel],
}

const ROWS: &[Row] = &[
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
                description: "For how long the target that has waited longest for the controller has been so. 0 is well; minutes are not.",
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
                description: "How many are under way, and how many may be: as many as the API server bears.",
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
                description: "A watch hears from the API server about once a minute, also when nothing changes.",
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

/// The dashboard, as Grafana imports it.
pub(super) fn dashboard() -> String {
    let (mut panels, mut id, mut y) = (Vec::new(), 0, 0);
    for Row { title, height, panels: of_row } in ROWS {
        id += 1;
        panels.push(json!({ "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": { "h": 1, "w": 24, "x": 0, "y": y } }));
        y += 1;
        let mut x = 0;
        for panel in *of_row {
            if x + panel.width > 24 {
                (x, y) = (0, y + height);
            }
            id += 1;
            panels.push(panel.json(id, json!({ "h": height, "w": panel.width, "x": x, "y": y })));
            x += panel.width;
        }
        y += height;
    }
    let dashboard = json!({
        "uid": "k8s-replicator",
        "title": "k8s-replicator",
        "description": "Made by `cargo xtask manifests`. docs/metrics.md explains each metric.",
        "tags": ["k8s-replicator", "kubernetes"],
        "schemaVersion": 39,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": { "from": "now-6h", "to": "now" },
        "timezone": "",
        "templating": { "list": [
            { "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}, "hide": 0 },
            variable("namespace", "label_values(k8s_replicator_build_info, namespace)"),
            variable("job", "label_values(k8s_replicator_build_info{namespace=~\"$namespace\"}, job)"),
        ] },
        "panels": panels,
    });
    let mut text = serde_json::to_string_pretty(&dashboard).unwrap_or_default();
    text.push('\n');
    text
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn variable(name: &str, query: &str) -> Value {
    json!({ "name": name, "type": "query", "datasource": datasource(), "query": query, "refresh": 2, "sort": 1,
        "multi": true, "includeAll": true, "allValue": ".*", "current": { "text": "All", "value": "$__all" } })
}

/// A query with what is selected.
fn selected(expression: &str) -> String {
    expression.replace("{$", &format!("{{{SELECTED}"))
}

impl Panel {
    fn json(&self, id: u32, place: Value) -> Value {
        let Self { title, description, look, unit, queries, .. } = self;
        let is_heatmap = matches!(look, Look::Heatmap);
        let targets: Vec<Value> = queries
            .iter()
            .zip('A'..)
            .map(|((expression, legend), name)| {
                let format = if is_heatmap { "heatmap" } else { "time_series" };
                json!({ "refId": name.to_string(), "datasource": datasource(), "expr": selected(expression),
                    "legendFormat": legend, "format": format, "instant": matches!(look, Look::Stat) })
            })
            .collect();
        let stacking = if matches!(look, Look::Stacked) { "normal" } else { "none" };
        let (type_, custom, options) = match look {
            Look::Stat => (
                "stat",
                json!({}),
                json!({ "textMode": "value_and_name", "colorMode": "none",
                "reduceOptions": { "calcs": ["lastNotNull"] } }),
            ),
            Look::Heatmap => ("heatmap", json!({}), json!({ "calculate": false, "yAxis": { "unit": unit } })),
            Look::Lines | Look::Stacked => (
                "timeseries",
                json!({ "stacking": { "mode": stacking }, "fillOpacity": if stacking == "none" { 0 } else { 30 } }),
                json!({ "legend": { "displayMode": "list", "placement": "bottom" }, "tooltip": { "mode": "multi" } }),
            ),
        };
        json!({ "id": id, "type": type_, "title": title, "description": description, "datasource": datasource(),
            "gridPos": place, "targets": targets, "options": options,
            "fieldConfig": { "defaults": { "unit": unit, "min": 0, "custom": custom }, "overrides": [] } })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::process::Command;

    use k8s_replicator_controller::metrics::{Metric, Type};

    use super::*;
    use crate::workspace;

    const ALERTS: &str = "deploy/helm-chart/k8s-replicator/files/alerts.yaml";

    fn expressions() -> Vec<String> {
        ROWS.iter()
            .flat_map(|row| row.panels)
            .flat_map(|panel| panel.queries)
            .map(|(query, _)| selected(query))
            .collect()
    }

    fn alerts() -> Vec<Value> {
        let file: Value = serde_saphyr::from_str(&fs::read_to_string(workspace().join(ALERTS)).unwrap()).unwrap();
        file["groups"][0]["rules"].as_array().unwrap().clone()
    }

    /// Every series that a metric has, as queries name it.
    fn series() -> BTreeSet<String> {
        let of = |metric: &Metric| {
            let family = metric.family();
            let suffixes: &[&str] = match family.type_ {
                Type::Counter => &["_total"],
                Type::Gauge => &[""],
                Type::Info => &["_info"],
                Type::Histogram => &["_bucket", "_sum", "_count"],
            };
            suffixes.iter().map(move |suffix| format!("{}{suffix}", family.name)).collect::<Vec<_>>()
        };
        Metric::ALL.iter().flat_map(of).collect()
    }

    /// The words of a query that are names of this program's metrics.
    fn named(expression: &str) -> BTreeSet<String> {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words
            .filter(|word| word.starts_with("k8s_replicator_") || word.starts_with("process_"))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn panels_and_alerts_ask_for_metrics_that_there_are() {
        let series = series();
        let of_alerts: Vec<String> = alerts().iter().map(|alert| alert["expr"].as_str().unwrap().to_owned()).collect();
        let queries = expressions().into_iter().chain(of_alerts);
        let mut used = BTreeSet::new();
        for query in queries {
            let named = named(&query);
            assert!(!named.is_empty() && named.is_subset(&series), "{query}");
            used.extend(named);
        }
        // The others: what all of Prometheus' libraries have.
        let unused = |metric: &&Metric| !used.iter().any(|name| name.starts_with(metric.family().name));
        let unused: Vec<&Metric> = Metric::ALL.iter().filter(unused).collect();
        assert!(unused.iter().all(|metric| metric.family().name.starts_with("process_")), "on no panel: {unused:?}");
    }

    #[test]
    fn each_panel_has_a_description_and_a_unit_and_no_data_source_of_its_own() {
        let dashboard: Value = serde_json::from_str(&dashboard()).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let mut ids = BTreeSet::new();
        for panel in panels {
            assert!(ids.insert(panel["id"].as_u64().unwrap()));
            let place = &panel["gridPos"];
            assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{panel}");
            if panel["type"] == "row" {
                continue;
            }
            assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{panel}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].as_str().is_some_and(|unit| !unit.is_empty()), "{panel}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}");
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${datasource}");
                assert!(!target["expr"].as_str().unwrap().contains("{$"), "{target}");
            }
        }
        assert!(panels.len() > 20);
    }

    /// What each alert says, and that the runbook has a section on it and on no other.
    #[test]
    fn each_alert_has_a_section_in_the_runbook() {
        let runbook = fs::read_to_string(workspace().join("docs/runbook.md")).unwrap();
        let sections: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let alerts = alerts();
        let names: Vec<&str> = alerts.iter().map(|alert| alert["alert"].as_str().unwrap()).collect();
        assert_eq!(sections, names, "docs/runbook.md");
        for alert in &alerts {
            let name = alert["alert"].as_str().unwrap();
            let text = |key: &str| alert["annotations"][key].as_str().unwrap_or_default();
            assert!(name.starts_with("K8sReplicator") && alert["for"].is_string(), "{alert}");
            assert!(matches!(alert["labels"]["severity"].as_str(), Some("critical" | "warning" | "info")), "{alert}");
            assert!(text("summary").ends_with('.') && !text("summary").contains("{{"), "{alert}");
            assert!(text("description").ends_with('.'), "{alert}");
            let url = text("runbook_url");
            assert!(url.ends_with(&format!("/docs/runbook.md#{}", name.to_lowercase())), "{url}");
            let (_, section) = runbook.split_once(&format!("## {name}\n")).unwrap();
            let section = section.split("\n## ").next().unwrap();
            for part in ["**What it means.**", "**How to look.**", "**What to do.**"] {
                assert!(section.contains(part), "{name}: {part}");
            }
        }
    }

    fn promtool(arguments: &[&str]) -> String {
        let program = k8s_replicator_assets::prometheus().unwrap().join("promtool");
        let output = Command::new(program).args(arguments).current_dir(workspace()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        said.into_owned()
    }

    /// Prometheus' own engine: each alert fires when it has to, and not otherwise; and it can read each query of the dashboard.
    #[test]
    fn alerts_fire_and_do_not_fire() {
        let said = promtool(&["check", "rules", "--lint=all", "--lint-fatal", ALERTS]);
        assert!(said.contains(&format!("{} rules found", alerts().len())), "{said}");
        let said = promtool(&["test", "rules", "deploy/monitoring/alerts.test.yaml"]);
        assert!(said.contains("SUCCESS"), "{said}");
        let tests = fs::read_to_string(workspace().join("deploy/monitoring/alerts.test.yaml")).unwrap();
        let tests: Value = serde_saphyr::from_str(&tests).unwrap();
        for alert in alerts() {
            let of_alert = || {
                let all = tests["tests"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|test| test["alert_rule_test"].as_array().unwrap());
                all.filter(|test| test["alertname"] == alert["alert"])
            };
            let fires = |test: &Value| test["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
            assert!(of_alert().any(fires) && of_alert().any(|test| !fires(test)), "{}", alert["alert"]);
        }
        let rules: Vec<Value> = expressions()
            .iter()
            .enumerate()
            .map(
                |(n, query)| json!({ "record": format!("query:{n}"), "expr": query.replace("$__rate_interval", "4m") }),
            )
            .collect();
        let folder = k8s_replicator_assets::scratch::folder("dashboard").unwrap();
        let file = folder.join("rules.yaml");
        fs::write(&file, json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string()).unwrap();
        promtool(&["check", "rules", file.to_str().unwrap()]);
    }
}
