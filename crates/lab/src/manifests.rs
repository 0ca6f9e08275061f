//! The files that are generated from the chart: the plain manifests, what Prometheus needs, and the table of values in the chart's
//! README; and the dashboard, in the chart and beside it.

mod monitoring;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use k8s_replicator_testenv::Helm;

use crate::workspace;

/// Where v1.3.0's users have it.
const NAMESPACE: &str = "kube-system";
const NAME: &str = "k8s-replicator";
/// The selector of v1.3.0's `deploy/deployment.yaml`: applied over it, another one would be refused.
const SELECTOR: &str = "selectorLabels.app=k8s-replicator";
const CHART: &str = "deploy/helm-chart/k8s-replicator";
/// A template, the file that is rendered from it, and the value that has it rendered.
const MONITORING: [(&str, &str, &str); 2] = [
    ("podmonitor", "deploy/monitoring/podmonitor.yaml", "monitoring.podMonitor.enabled=true"),
    ("prometheusrule", "deploy/monitoring/prometheusrule.yaml", "monitoring.rules.enabled=true"),
];
/// Where the chart has the dashboard, and where people look for it.
const DASHBOARD: &str = "deploy/helm-chart/k8s-replicator/files/dashboard.json";
const DASHBOARD_COPY: &str = "deploy/monitoring/dashboard.json";
/// Between these the README's table stands.
const MARKS: [&str; 2] = ["<!-- values: begin -->", "<!-- values: end -->"];

/// Writes the files, or (`check`) sees that they are as they would be written.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for (path, made) in all()? {
        let full = workspace().join(&path);
        if fs::read_to_string(&full).is_ok_and(|there| there == made) {
            continue;
        }
        if check {
            stale.push(path.display().to_string());
        } else {
            fs::write(&full, made).with_context(|| format!("cannot write {}", path.display()))?;
            println!("written: {}", path.display());
        }
    }
    if !stale.is_empty() {
        bail!("not as the chart has it: {}; run `cargo xtask manifests` and commit what it writes", stale.join(", "));
    }
    Ok(())
}

/// The paths of all that is rendered.
#[cfg(test)]
fn all_names() -> impl Iterator<Item = PathBuf> {
    let of_chart = ["deploy/rbac.yaml", "deploy/deployment.yaml", "deploy/helm-chart/k8s-replicator/README.md"];
    of_chart
        .into_iter()
        .chain(MONITORING.map(|(_, path, _)| path))
        .chain([DASHBOARD, DASHBOARD_COPY])
        .map(PathBuf::from)
}

/// Every file, by its path in the workspace.
fn all() -> Result<Vec<(PathBuf, String)>> {
    let helm = Helm::new()?;
    let mut files = Vec::new();
    for name in ["rbac", "deployment"] {
        let template = format!("templates/{name}.yaml");
        let rendered = helm.template(NAME, NAMESPACE, &["--set", SELECTOR, "--show-only", &template])?;
        files.push((PathBuf::from(format!("deploy/{name}.yaml")), plain(&rendered)));
    }
    for (name, path, value) in MONITORING {
        let template = format!("templates/{name}.yaml");
        let rendered =
            helm.template(NAME, NAMESPACE, &["--set", SELECTOR, "--set", value, "--show-only", &template])?;
        files.push((PathBuf::from(path), plain(&rendered)));
    }
    for path in [DASHBOARD, DASHBOARD_COPY] {
        files.push((PathBuf::from(path), monitoring::dashboard()));
    }
    let chart = Path::new(CHART);
    let read = |name: &str| {
        fs::read_to_string(workspace().join(chart).join(name)).with_context(|| format!("cannot read {CHART}/{name}"))
    };
    let readme = with_table(&read("README.md")?, &values::table(&read("values.yaml")?)?)?;
    files.push((chart.join("README.md"), readme));
    Ok(files)
}

/// A rendered template without what only Helm needs.
fn plain(rendered: &str) -> String {
    let is_helms = |line: &str| {
        let line = line.trim();
        line.starts_with("# Source:")
            || line.starts_with("helm.sh/chart:")
            || line == "app.kubernetes.io/managed-by: Helm"
    };
    let mut text = "# Rendered from the chart by `cargo xtask manifests`; change that instead.\n".to_owned();
    // Conditions of the templates leave empty lines behind.
    let lines = rendered.lines().filter(|line| !line.is_empty() && !is_helms(line));
    for line in lines.skip_while(|line| *line == "---") {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn with_table(readme: &str, table: &str) -> Result<String> {
    let [begin, end] = MARKS;
    let (before, rest) = readme.split_once(begin).with_context(|| format!("{CHART}/README.md has no {begin}"))?;
    let (_, after) = rest.split_once(end).with_context(|| format!("{CHART}/README.md has no {end}"))?;
    Ok(format!("{before}{begin}\n{table}{end}{after}"))
}

/// The image of releases, without its tag, as the chart's values name it.
///
/// # Errors
/// When the values cannot be read.
pub(crate) fn image_repository() -> Result<String> {
    let file = workspace().join(CHART).join("values.yaml");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {CHART}/values.yaml"))?;
    let values: serde_json::Value = serde_saphyr::from_str(&text)?;
    let repository = values.pointer("/image/repository").and_then(serde_json::Value::as_str);
    Ok(repository.with_context(|| format!("{CHART}/values.yaml has no image.repository"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_helm_needs_is_left_out() {
        let rendered = "---\n# Source: k/templates/rbac.yaml\napiVersion: v1\nmetadata:\n  labels:\n    a: b\n    \
                        app.kubernetes.io/managed-by: Helm\n    helm.sh/chart: k-1\n---\n# Source: k/templates/rbac.yaml\nkind: C\n";
        let (head, rest) = rendered.split_once('\n').unwrap();
        assert_eq!(head, "---");
        let expected = "apiVersion: v1\nmetadata:\n  labels:\n    a: b\n---\nkind: C\n";
        assert_eq!(plain(&format!("---\n{rest}")).split_once('\n').unwrap().1, expected);
    }

    /// Issue 9, section 5: the chart's values say where releases are published. What is rendered from them follows; nothing else may
    /// name the place, since it would be forgotten when that changes.
    #[test]
    fn one_place_says_where_releases_are() {
        let image = image_repository().unwrap();
        let (registry, _) = image.split_once('/').unwrap();
        let rendered: Vec<PathBuf> = all_names().collect();
        let (mut folders, mut seen) = (vec![workspace()], 0);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let inner = path.strip_prefix(workspace()).unwrap().to_owned();
                if inner.starts_with(".git") && !inner.starts_with(".github") || inner.starts_with("target") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                let is_allowed = rendered.contains(&inner) || inner == Path::new(CHART).join("values.yaml");
                assert!(is_allowed || !text.contains(registry), "{} names {registry}", inner.display());
                seen += usize::from(text.contains(&image));
            }
        }
        assert_eq!(seen, 3, "values.yaml, and what is rendered from it: deployment.yaml and the table");
    }

    #[test]
    fn the_table_takes_the_place_of_the_old_one() {
        let [begin, end] = MARKS;
        let readme = format!("a\n{begin}\nold\n{end}\nb\n");
        assert_eq!(with_table(&readme, "new\n").unwrap(), format!("a\n{begin}\nnew\n{end}\nb\n"));
        assert!(with_table("a", "new").unwrap_err().to_string().contains("values: begin"));
    }
}
