//! The version, which several files name and which is the same everywhere.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::{cargo, workspace};

/// A line that names the version: in which file, and what stands before it.
struct Place {
    file: &'static str,
    before: &'static str,
}

/// Lines that people read and tools write. What is rendered from them (Cargo.lock, deploy/*.yaml) follows by itself.
const PLACES: [Place; 3] = [
    Place { file: "Cargo.toml", before: "version = \"" },
    Place { file: "deploy/helm-chart/k8s-replicator/Chart.yaml", before: "version: " },
    Place { file: "deploy/helm-chart/k8s-replicator/Chart.yaml", before: "appVersion: " },
];
const CHANGES: &str = "CHANGELOG.md";
const UNRELEASED: &str = "## [Unreleased]";

/// Sets it everywhere.
pub(crate) fn set(version: &str) -> Result<()> {
    ensure!(is_version(version), "{version:?} is no version: expected one such as 2.1.0 or 2.1.0-rc.1");
    for place in &PLACES {
        let text = read(place.file)?;
        let old = place.find(&text).with_context(|| format!("{} names no version", place.file))?;
        let (from, to) = (format!("{}{old}", place.line_start()), format!("{}{version}", place.line_start()));
        write(place.file, &text.replacen(&from, &to, 1))?;
    }
    // Cargo.lock names the workspace's own packages too.
    let status = cargo(&["update", "--workspace", "--offline", "--quiet"]).status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo update ended with {status}");
    let status = cargo(&["xtask", "manifests"]).status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo xtask manifests ended with {status}");
    let heading = format!("## [{version}]");
    if !read(CHANGES)?.contains(&heading) {
        println!("{CHANGES}: put what is new under `{heading} - <date>`; it is under `{UNRELEASED}` now");
    }
    println!("The version is {version}.");
    Ok(())
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(workspace().join(file)).with_context(|| format!("cannot read {file}"))
}

fn write(file: &str, text: &str) -> Result<()> {
    fs::write(workspace().join(file), text).with_context(|| format!("cannot write {file}"))
}

impl Place {
    /// A line's beginning, with the end of the one before: `version: ` is also the end of `appVersion: `.
    fn line_start(&self) -> String {
        format!("\n{}", self.before)
    }

    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (_, rest) = text.split_once(&self.line_start())?;
        rest.split(['"', '\n']).next()
    }
}

/// Three numbers, and what may follow them before a release: `-rc.1`.
fn is_version(text: &str) -> bool {
    let (numbers, pre) = text.split_once('-').map_or((text, None), |(numbers, pre)| (numbers, Some(pre)));
    let is_number = |part: &str| part == "0" || (!part.starts_with('0') && part.parse::<u32>().is_ok());
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && pre.is_none_or(|pre| pre.split('.').all(is_word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_names_the_same_version() {
        let version = env!("CARGO_PKG_VERSION");
        for place in &PLACES {
            assert_eq!(place.find(&read(place.file).unwrap()), Some(version), "{} {:?}", place.file, place.before);
        }
        let deployment = read("deploy/deployment.yaml").unwrap();
        for named in [format!("k8s-replicator:{version}\""), format!("app.kubernetes.io/version: \"{version}\"")] {
            assert!(deployment.contains(&named), "deploy/deployment.yaml has no {named}");
        }
        let lock = read("Cargo.lock").unwrap();
        assert!(lock.contains(&format!("name = \"k8s-replicator\"\nversion = \"{version}\"")), "Cargo.lock");
        let changes = read(CHANGES).unwrap();
        assert!(changes.contains(&format!("## [{version}]")) || changes.contains(UNRELEASED), "{CHANGES}");
    }

    #[test]
    fn versions_are_semantic() {
        for good in ["2.1.0", "0.0.1", "10.20.30-rc.1", "2.0.0-alpha.1"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["2.1", "v2.1.0", "2.1.0-", "2.1.0-a..b", "02.1.0", "2.1.x", "", "2.1.0 ", "2.1.0+build"] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn a_line_is_known_by_its_beginning() {
        let chart = "name: x\nappVersion: 2.0.0\nversion: 1.0.0\n";
        let at = |before| Place { file: "", before }.find(chart);
        assert_eq!((at("version: "), at("appVersion: ")), (Some("1.0.0"), Some("2.0.0")));
    }
}
