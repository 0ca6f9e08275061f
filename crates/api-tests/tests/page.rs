//! Issue 12: the page, in a real browser, of a real cluster. The steps are in `tools/page/real.test.js`; here is what they need.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use k8s_replicator_api_tests::{Scene, secret};
use k8s_replicator_testenv::{Controller, assets};
use serde_json::{Value, json};

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

/// A `k8s-replicator dashboard` that runs. Dropping it ends it.
struct Desk(std::process::Child);

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// From a desk: the same page, with no controller in the cluster at all; it reads metadata alone and writes nothing.
#[test]
fn from_a_desk_it_shows_the_same_and_writes_nothing() {
    let scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    scene.create(&secret("a/closed").data("k", "v").note("replication-allowed", "false"));
    scene.create(&secret("b/t").note("replicate-from", "{a}/closed"));
    let flags = format!("--annotations-prefix {}", scene.prefix().trim_end_matches('/'));
    let mut command = Command::new(Controller::program().expect("the program"));
    command.args(["dashboard", "--no-browser", "--controller-flags", &flags, "--kubeconfig"]);
    let child = command.arg(&scene.user().kubeconfig).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut desk = Desk(child.expect("it starts"));
    let mut address = String::new();
    BufReader::new(desk.0.stdout.take().expect("its output")).read_line(&mut address).expect("its address");
    let host = address.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let snapshot = || -> Option<Value> {
        let mut stream = TcpStream::connect(&host).ok()?;
        write!(stream, "GET /api/snapshot HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
        let mut response = String::new();
        stream.read_to_string(&mut response).ok()?;
        serde_json::from_str(response.split_once("\r\n\r\n")?.1).ok()
    };
    let shown = scene.until("both targets are shown", || {
        let found = snapshot()?;
        let states = found["rows"]["state"].as_str()?;
        // The first waits for a content, which is not read here; the second is refused.
        (found["ready"] == true && states == "13").then_some(found)
    });
    let reasons = shown["reasons"].as_array().expect("reasons");
    assert!(reasons.contains(&json!("ConsentRefused")), "{shown}");
    // It follows what happens.
    scene.note("a/closed", "replication-allowed", Some("true"));
    scene.until("it is not refused any more", || {
        let found = snapshot()?;
        (found["rows"]["state"] == "11").then_some(())
    });
    assert!(scene.get("b/s").is_none(), "somebody wrote it");
    let requests = scene.requests();
    let verbs: BTreeSet<&str> = requests.iter().map(|request| request.verb.as_str()).collect();
    assert!(verbs.iter().all(|verb| ["get", "list", "watch"].contains(verb)), "{verbs:?}");
}
