//! SPEC 10, issue 3: command lines and kubeconfigs that cannot be used; the program is run as its users run it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_replicator_api_tests::{Scene, WAIT, secret};
use k8s_replicator_testenv::Controller;

/// Runs the program until it ends by itself; answers its exit code, and what it wrote.
fn run(kubeconfig: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let mut program = Controller::start(kubeconfig, flags).expect("the program starts");
    let Some(status) = program.wait(WAIT) else { panic!("it runs on with {flags:?}: {}", program.log()) };
    (status.code(), program.log())
}

/// Runs the program with a command line only.
fn run_with(flags: &[&str]) -> (Option<i32>, String) {
    run(Path::new("/nowhere"), flags)
}

/// SPEC 10: a bad value ends the program at once with code 2 and one line that names the flag, the value and what was
/// expected.
#[test]
fn a_bad_value_ends_the_program_with_code_2_and_one_line() {
    let cases = [
        ("--allow-all", "yes", "true or false"),
        ("--ignore-unknown", "2", "true or false"),
        ("--resync-period", "30", "a duration"),
        ("--resync-period", "-30m", "a duration"),
        ("--resync-period", "1d", "a duration"),
        ("--run-replicators", "pods", "secret and configMap"),
        ("--run-replicators", " , ", "secret and configMap"),
        ("--annotations-prefix", "a/b", "DNS name"),
        ("--annotations-prefix", "/", "DNS name"),
        ("--create-with-labels", "a", "key=value"),
        ("--create-with-labels", "a=b=c", "key=value"),
        ("--create-with-labels", "=b", "key=value"),
        ("--status-address", "9102", "host:port"),
        ("--status-address", ":http", "host:port"),
        ("--log-format", "xml", "text or json"),
        ("--log-level", "loud", "off, error, warn, info, debug or trace"),
    ];
    for (flag, value, expected) in cases {
        let (code, said) = run_with(&[&format!("{flag}={value}")]);
        assert_eq!((code, said.trim_end().lines().count()), (Some(2), 1), "{said}");
        for part in [flag, &format!("{value:?}"), "expected", expected] {
            assert!(said.contains(part), "{part:?} is not in {said:?}");
        }
    }
}

/// SPEC 10: so does what is no flag, a flag without its value, and anything that is not a flag.
#[test]
fn what_is_no_flag_ends_the_program_with_code_2_and_one_line() {
    for (flags, said) in [
        (&["--resync-perod=1m"][..], "--resync-period"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["secret"], "\"secret\""),
        (&["--allow-all", "false"], "\"false\""),
        (&["--log-format=json", "--run-replicators"], "--run-replicators"),
    ] {
        let (code, log) = run_with(flags);
        assert_eq!((code, log.trim_end().lines().count()), (Some(2), 1), "{log}");
        assert!(log.contains(said), "{log}");
    }
}

/// SPEC 10: Go's flag syntax works; of a flag that is given twice the last one counts.
#[test]
fn flags_are_read_as_go_reads_them() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let prefix = format!("-annotations-prefix={}", scene.prefix());
    let flags =
        ["-resync-period", "1h30m", "-allow-all=T", "--run-replicators= ConfigMap ,, secret,", "--ignore-unknown"];
    let twice = ["--annotations-prefix=other", &prefix, "--allow-all=true", "-allow-all=0"];
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    scene.create(&secret("a/silent").data("k", "v").note("not-known", "x"));
    let target = scene.create(&secret("b/t").note("replicate-from", "{a}/silent"));
    scene.start(&[&flags[..], &twice].concat());
    scene.has_data("b/s", &[("k", "v")]);
    // The last --allow-all is false.
    scene.stays(&target);
}

/// SPEC 10: `--help` and `--version` print what is asked for, and end with code 0.
#[test]
fn help_and_version_are_told() {
    let (code, help) = run_with(&["--help"]);
    assert_eq!(code, Some(0), "{help}");
    let flags = [
        "--allow-all",
        "--ignore-unknown",
        "--resync-period",
        "--run-replicators",
        "--annotations-prefix",
        "--create-with-labels",
        "--status-address",
        "--kube-config",
        "--log-format",
        "--log-level",
        "--help",
        "--version",
    ];
    flags.iter().for_each(|flag| assert!(help.contains(flag), "{flag} is not in {help}"));
    for flag in ["--version", "-version"] {
        let (code, version) = run_with(&[flag]);
        assert_eq!((code, version), (Some(0), format!("k8s-replicator {}\n", env!("CARGO_PKG_VERSION"))));
    }
}

/// A file beside the controller's own kubeconfig, which is removed with it.
fn file(scene: &Scene, name: &str, text: &str) -> PathBuf {
    let path = scene.user().kubeconfig.with_extension(name);
    std::fs::write(&path, text).expect("a file");
    path
}

/// Issue 3: a kubeconfig that is missing or broken: one line that names it and says what is wrong; nothing else happens.
#[test]
fn a_kubeconfig_that_cannot_be_used_ends_the_program_with_one_line() {
    let scene = Scene::new();
    let good = std::fs::read_to_string(&scene.user().kubeconfig).expect("the user's kubeconfig");
    let data_of = |line: &str| line.trim_start().starts_with("certificate-authority-data:");
    let broken_ca = good.lines().map(|line| if data_of(line) { "    certificate-authority-data: '?'" } else { line });
    let missing_ca =
        good.lines().map(|line| if data_of(line) { "    certificate-authority: /nowhere/ca" } else { line });
    let cases = [
        (PathBuf::from("/nowhere/kubeconfig"), "No such file"),
        (std::env::temp_dir(), "directory"),
        (file(&scene, "no-yaml", "clusters: [}"), ""),
        (file(&scene, "other-yaml", "clusters: 5"), ""),
        (file(&scene, "empty", ""), ""),
        (file(&scene, "broken-token", &good.replace("token: ", "token: [")), "line"),
        (file(&scene, "token-twice", &good.replace("    token", "    token: x\n    token")), "line"),
        (file(&scene, "no-context", &good.replace("current-context", "other-context")), "context"),
        (file(&scene, "bad-context", &good.replace("current-context: ", "current-context: other-")), "other-"),
        (file(&scene, "broken-ca", &broken_ca.collect::<Vec<_>>().join("\n")), ""),
        (file(&scene, "missing-ca", &missing_ca.collect::<Vec<_>>().join("\n")), "/nowhere/ca"),
    ];
    for (path, said) in cases {
        let (code, log) = run(&path, &[]);
        assert_eq!((code, log.trim_end().lines().count()), (Some(1), 1), "{log}");
        assert!(log.contains(&path.display().to_string()) && log.contains(said), "{path:?} {said:?}: {log}");
        assert!(!log.contains(&scene.user().token), "{log}");
    }
}

/// A kubeconfig whose token comes from a plugin: this shell script.
fn with_plugin(scene: &Scene, name: &str, script: &str) -> PathBuf {
    let script = file(scene, &format!("{name}-plugin"), script);
    let good = std::fs::read_to_string(&scene.user().kubeconfig).expect("the user's kubeconfig");
    let exec = format!(
        "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      interactiveMode: Never\n      command: sh\n      \
         args: [{:?}]",
        script.display().to_string()
    );
    file(scene, name, &good.replace(&format!("    token: {}", scene.user().token), &exec))
}

/// What a plugin prints that does its work. The token is to be fetched anew at each request.
fn credential(token: &str) -> String {
    let status = format!(r#"{{"token":"{token}","expirationTimestamp":"2020-01-01T00:00:00Z"}}"#);
    format!(r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{status}}}"#)
}

/// Issue 3: an exec plugin that fails: one line with its own words; what it gave out as a credential is nowhere.
#[test]
fn an_exec_plugin_that_fails_ends_the_program_with_one_line() {
    let scene = Scene::new();
    let missing = with_plugin(&scene, "exec-missing", "").with_extension("exec-missing");
    let config = std::fs::read_to_string(&missing).expect("the kubeconfig");
    std::fs::write(&missing, config.replace("command: sh", "command: no-such-plugin")).expect("another one");
    let fails = "echo the-plugins-secret; echo it has no idea >&2; exit 3";
    let cases = [
        (missing, "No such file"),
        (with_plugin(&scene, "exec-fails", fails), "it has no idea"),
        (with_plugin(&scene, "exec-nonsense", "echo 'token: [the-plugins-secret'"), "ExecCredential"),
    ];
    for (path, said) in cases {
        let (code, log) = run(&path, &["--log-level=trace"]);
        assert_eq!(code, Some(1), "{log}");
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        assert!(errors.len() == 1 && errors[0].contains(&path.display().to_string()), "{log}");
        assert!(errors[0].contains(said) && !log.contains("the-plugins-secret"), "{log}");
    }
}

/// Issue 3: a plugin that fails later, when a token has expired: that is logged, nothing is removed, and the plugin is run again.
#[test]
fn an_exec_plugin_that_fails_later_is_asked_again() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let broken = scene.user().kubeconfig.with_extension("broken");
    let works = credential(&scene.user().token);
    let secret_word = "the-plugins-secret";
    let script =
        format!("[ -e {broken:?} ] && {{ echo {secret_word}; echo out of order >&2; exit 3; }}; echo '{works}'");
    let path = with_plugin(&scene, "exec-later", &script);
    scene.start_at(&path, &["--log-level=trace"]);
    scene.wait_ready();
    scene.create(&secret("a/s").data("k", "1").note("replicate-to-namespaces", "{b}"));
    scene.has_data("b/s", &[("k", "1")]);
    // What expired is asked for anew, some seconds after it was asked for last, when there is something to do. Until the server refuses
    // the old one it serves, so that nobody waits for the plugin.
    let mut value = 1;
    let mut works_on_until = |scene: &mut Scene, what: &str| {
        let deadline = std::time::Instant::now() + WAIT;
        while !scene.controller().log().contains(what) {
            assert!(std::time::Instant::now() < deadline, "{what}: {}", scene.controller().log());
            value += 1;
            scene.set_data("a/s", "k", &value.to_string());
            scene.has_data("b/s", &[("k", &value.to_string())]);
        }
    };
    std::fs::write(&broken, "").expect("a file");
    works_on_until(&mut scene, "out of order");
    std::fs::remove_file(&broken).expect("the file goes");
    works_on_until(&mut scene, "re-read the credentials for the API server");
    let log = scene.controller().log();
    assert!(!log.contains(secret_word) && !log.contains(&scene.user().token));
}

/// SPEC 10: without `--kube-config` the program talks to the cluster that it runs in; where there is none it says so.
#[test]
fn outside_a_cluster_a_kubeconfig_has_to_be_named() {
    let (code, log) = run_with(&["--kube-config="]);
    assert_eq!((code, log.trim_end().lines().count()), (Some(1), 1), "{log}");
    assert!(log.contains("--kube-config"), "{log}");
}

/// Issue 3: a status address that is taken.
#[test]
fn a_status_address_that_is_taken_ends_the_program_with_one_line() {
    let mut scene = Scene::new();
    scene.start(&[]);
    let url = scene.controller_mut().status_url().expect("a status address");
    let address = url.trim_start_matches("http://");
    let (code, log) = run(&scene.user().kubeconfig, &[&format!("--status-address={address}")]);
    assert_eq!((code, log.trim_end().lines().count()), (Some(1), 1), "{log}");
    assert!(log.contains(address) && log.contains("--status-address"), "{log}");
    assert_eq!(scene.controller_mut().terminate(Duration::from_secs(20)).code(), Some(0));
}
