//! All tests of the project, the cheapest first.

mod count;
mod page;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use k8s_replicator_assets as assets;

use self::count::Count;
use crate::{cargo, chaos, image};

/// The package of the tests that take longest.
const API_TESTS: &str = "k8s-replicator-api-tests";
/// Its one test program. Named in all of the workspace, not in its package: cargo would compile the dependencies once more for
/// the package alone, with fewer features.
const API_TESTS_PROGRAM: [&str; 5] = ["test", "--workspace", "--test", "tests", "--"];
/// What the run with Roles in namespaces is of: SPEC 2 to 7. The rest is about namespaces that come later, or counts requests and
/// answers of the cluster-wide kind; `namespaces::` and `least_rights::` are about this scope in any case.
const SCOPED: [&str; 9] = [
    "annotations::",
    "chains::",
    "clear::",
    "combined::",
    "ill_formed::",
    "once::",
    "pull::",
    "push::",
    "who_decides::",
];
/// The one of these that makes a namespace while the controller runs.
const NOT_SCOPED: &str = "the_replicas_of_a_late_namespace_come_with_it";
/// What the second run leaves out: these bring accounts of their own in any case, need rights that the chart gives to several pods only,
/// or are about people, who have the administrator's rights.
const NOT_AS_CHART: [&str; 10] = [
    "chart::",
    "image::",
    "leadership::",
    "least_rights::",
    "model::",
    "namespaces::",
    "page::",
    "rights::",
    "seeing::",
    "upgrade::",
];

/// How long things break; `cargo xtask chaos --minutes 60` is for a quiet hour.
const CHAOS_MINUTES: u64 = 2;

/// Runs all steps. Its last line of output, also after a failed test, is that of [`Count`].
pub(crate) fn run() -> Result<()> {
    let mut count = Count::default();
    let begin = Instant::now();
    let done = steps(&mut count);
    let seconds = begin.elapsed().as_secs();
    println!("=== all steps: {} min {} s", seconds / 60, seconds % 60);
    if count.any() {
        // Before the sum, so that the sum is the last word.
        if let Err(error) = &done {
            eprintln!("error: {error:#}");
        }
        println!("{count}");
        if done.is_err() {
            std::process::exit(1);
        }
    }
    done
}

fn steps(count: &mut Count) -> Result<()> {
    step("format", || plain(cargo(&["fmt", "--all", "--check"])))?;
    // What Go builds is needed by the first test, and what cargo compiles until then is a lot: side by side.
    let control_plane = thread::spawn(|| {
        assets::find_or_build()?;
        assets::controller_manager()?;
        assets::prometheus().map(drop)
    });
    step("clippy", || plain(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])))?;
    step("cargo deny", deny)?;
    step("chart and manifests", || {
        plain(cargo(&["run", "--package", "k8s-replicator-lab", "--", "manifests", "--check"]))
    })?;
    step("control plane", || control_plane.join().map_err(|_| anyhow!("its build broke off"))?)?;
    step("unit and doc tests", || {
        counted(cargo(&["test", "--workspace", "--exclude", API_TESTS, "--no-fail-fast"]), count)
    })?;
    step("the page", || page::run(count))?;
    step("documentation", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        plain(doc)
    })?;
    step("static program", || image::run(true))?;
    step("API tests", || counted(api_tests(), count))?;
    step("API tests as the chart installs it", || {
        let mut tests = api_tests();
        tests.args(NOT_AS_CHART.iter().flat_map(|module| ["--skip", module])).env("K8S_REPLICATOR_TESTS_AS", "chart");
        counted(tests, count)
    })?;
    step("API tests as the chart installs it, with Roles in namespaces", || {
        let mut tests = api_tests();
        tests.args(SCOPED).args(["--skip", NOT_SCOPED]).env("K8S_REPLICATOR_TESTS_AS", "scoped-chart");
        counted(tests, count)
    })?;
    step("chaos", || chaos::run(CHAOS_MINUTES, 1))
}

/// They wait more than they compute: three times as many at once as there are processors, if nobody says otherwise.
fn api_tests() -> Command {
    let mut tests = cargo(&API_TESTS_PROGRAM);
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        tests.env("RUST_TEST_THREADS", (3 * processors).to_string());
    }
    tests
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("=== {name}");
    let start = Instant::now();
    work().with_context(|| format!("step `{name}` failed"))?;
    println!("=== {name}: done in {:.1} s\n", start.elapsed().as_secs_f64());
    Ok(())
}

fn plain(mut command: Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

/// Licenses, known vulnerabilities, sources of crates: `deny.toml`.
fn deny() -> Result<()> {
    let is_installed = cargo(&["deny", "--version"]).output().is_ok_and(|answer| answer.status.success());
    if !is_installed {
        println!("skipped: cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    }
    plain(cargo(&["deny", "check", "--hide-inclusion-graph"]))
}

/// Shows the output of a test run while it comes, and counts the tests in it.
fn counted(mut command: Command, count: &mut Count) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {program}"))?;
    let output = child.stdout.take().context("it has no output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        count.add(&line);
    }
    let status = child.wait()?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}
