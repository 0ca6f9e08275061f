//! Issue 11, 3: `/metrics` of the real program, as Prometheus' own parsers read it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use k8s_replicator_api_tests::{Scene, WAIT, config_map, secret};
use k8s_replicator_testenv::assets;

const OPEN_METRICS: &str = "application/openmetrics-text";
const TEXT: &str = "text/plain";

/// Each series and its value, as Prometheus parses them; and what was asked for, as it came.
fn parsed(scene: &mut Scene, format: &str) -> (BTreeMap<String, f64>, String) {
    let exposition = scene.controller_mut().metrics(format).expect("metrics");
    let program = assets::prometheus().expect("Prometheus' parser").join("parse-metrics");
    let output = fed(Command::new(program).arg(format), &exposition);
    let series = output.lines().filter(|line| !line.starts_with("TYPE ")).map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a series and its value");
        (series.to_owned(), value.parse().expect("a number"))
    });
    (series.collect(), exposition)
}

/// The output of a program that gets this as its input.
fn fed(command: &mut Command, input: &str) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("an input").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{input}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The same, once a series has this value: what a response led to is counted when it came.
fn parsed_when(scene: &mut Scene, format: &str, name: &str, expected: f64) -> (BTreeMap<String, f64>, String) {
    let end = Instant::now() + WAIT;
    loop {
        let (series, exposition) = parsed(scene, format);
        let found = series.get(name).copied();
        if found == Some(expected) {
            return (series, exposition);
        }
        assert!(Instant::now() < end, "{name} is {found:?}, not {expected}: {exposition}");
    }
}

fn value(series: &BTreeMap<String, f64>, name: &str) -> f64 {
    *series.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", series.keys().collect::<Vec<_>>()))
}

/// Names of objects are in no label, and churn makes no new series.
#[test]
fn metrics_say_what_happens_and_their_number_does_not_grow() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let change = |scene: &Scene, round: usize| {
        for kind in [secret, config_map] {
            let name = format!("a/unusual-{round}");
            scene.create(&kind(&name).data("k", "v").note("replicate-to-namespaces", "{b}"));
            scene.has_data_of(&kind(&format!("b/unusual-{round}")).data("k", "v"));
            scene.replace(&kind(&name).data("k", "w").note("replicate-to-namespaces", "{b}"));
            scene.has_data_of(&kind(&format!("b/unusual-{round}")).data("k", "w"));
            scene.delete_of(kind(&name).resource(), &name);
            scene.is_deleted(&kind(&format!("b/unusual-{round}")));
        }
    };
    change(&scene, 0);
    scene.create(&secret("b/taken").data("k", "own"));
    scene.create(&secret("a/pushing").data("k", "v").note("replicate-to", "{b}/taken"));
    scene.logs("what is refused", |line| line["reason"] == "NotCreatedBySource");
    let deleted = "k8s_replicator_writes_total{kind=\"ConfigMap\", outcome=\"Done\", verb=\"delete\"}";
    let (series, exposition) = parsed_when(&mut scene, OPEN_METRICS, deleted, 1.0);
    for (name, expected) in [
        ("k8s_replicator_writes_total{kind=\"Secret\", outcome=\"Done\", verb=\"create\"}", 1.0),
        ("k8s_replicator_targets{kind=\"Secret\", state=\"refused\"}", 1.0),
        ("k8s_replicator_targets_not_current{kind=\"Secret\", reason=\"NotCreatedBySource\"}", 1.0),
        ("k8s_replicator_targets{kind=\"ConfigMap\", state=\"failing\"}", 0.0),
        ("k8s_replicator_leader", 1.0),
        ("k8s_replicator_ready{kind=\"ConfigMap\"}", 1.0),
    ] {
        assert_eq!(value(&series, name), expected, "{name}");
    }
    assert!(value(&series, "k8s_replicator_end_to_end_seconds_count{kind=\"Secret\"}") >= 1.0, "update");
    assert!(
        value(&series, "k8s_replicator_propagation_seconds_count{kind=\"Secret\"}") >= 3.0,
        "create, update, delete"
    );
    assert!(value(&series, "k8s_replicator_propagation_seconds_sum{kind=\"Secret\"}") < 30.0);
    assert!(value(&series, "k8s_replicator_api_request_seconds_count{code=\"201\", verb=\"create\"}") >= 2.0);
    assert!(value(&series, "k8s_replicator_oldest_pending_seconds{kind=\"Secret\"}") < 30.0);
    assert!(value(&series, "process_resident_memory_bytes") > 1e6);
    assert!(value(&series, "k8s_replicator_watch_last_progress_timestamp_seconds{resource=\"secrets\"}") > 1.6e9);
    let version = format!("k8s_replicator_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(value(&series, &version), 1.0);
    for name in ["unusual", "taken", "pushing", &scene.namespace_name("a")] {
        assert!(!exposition.contains(name), "{name}: {exposition}");
    }
    (1..6).for_each(|round| change(&scene, round));
    let (later, _) = parsed_when(&mut scene, OPEN_METRICS, deleted, 6.0);
    let new: Vec<_> = later.keys().filter(|name| !series.contains_key(*name)).collect();
    assert!(new.is_empty(), "{new:?}");
    // The older format has the same, and nothing that Prometheus' linter finds fault with.
    let (text, exposition) = parsed(&mut scene, TEXT);
    let names =
        |series: &BTreeMap<String, f64>| series.keys().map(|name| name.replace(".0\"", "\"")).collect::<Vec<_>>();
    assert_eq!(names(&text), names(&later));
    let promtool = assets::prometheus().expect("promtool").join("promtool");
    let said = fed(Command::new(promtool).args(["check", "metrics"]), &exposition);
    assert!(said.trim().is_empty(), "{said}");
}
