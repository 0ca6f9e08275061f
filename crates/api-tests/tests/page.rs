//! Issue 12: the page, in a real browser, of a real cluster. The steps are in `tools/page/real.test.js`; here is what they need.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_replicator_api_tests::Scene;
use k8s_replicator_testenv::{Controller, assets};

/// The folder of what tests the page.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/page")
}

/// Why it cannot be tested here.
fn missing() -> Option<&'static str> {
    if Command::new("node").arg("--version").output().is_err() {
        return Some("Node is not installed");
    }
    if !tools().join("node_modules/playwright-core").is_dir() {
        return Some("tools/page/node_modules is not there: npm ci --ignore-scripts in tools/page makes it");
    }
    None
}

#[test]
fn in_a_browser_it_shows_what_the_cluster_has_as_it_changes() {
    if let Some(missing) = missing() {
        eprintln!("skipped: {missing}");
        return;
    }
    let scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let namespaces = ["a", "b", "c"].map(|name| scene.namespace_name(name)).join(",");
    let kubectl = assets::find_or_build().expect("kubectl").join("kubectl");
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec", "real.test.js"])
        .current_dir(tools())
        .env("PROGRAM", Controller::program().expect("the program"))
        .env("KUBECONFIG", scene.plane().kubeconfig())
        .env("KUBECTL", kubectl)
        .env("PREFIX", format!("{}/", scene.prefix().trim_end_matches('/')))
        .env("NAMESPACES", namespaces)
        .output()
        .expect("node runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    eprintln!("{said}");
}
