//! The Grafana dashboard, and what of `deploy/monitoring` is made from the chart's files.

mod panels;

use serde_json::{Value, json};

use panels::{Look, Panel, ROWS, Row};

/// What is selected at the top of the dashboard.
const SELECTED: &str = r#"namespace=~"$namespace",job=~"$job""#;

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
