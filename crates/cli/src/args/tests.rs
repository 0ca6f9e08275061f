use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use k8s_replicator_core::names::Namespace;
use k8s_replicator_core::scope::Scope;

use super::*;
use crate::flags::{ANNOTATIONS, BEHAVIOUR, CONNECTION, LOGGING, OTHER};
use crate::settings::{LeaseName, LogFormat};

fn read(args: &[&str]) -> Result<Settings, Stop> {
    parse(std::iter::once("program").chain(args.iter().copied()).map(OsString::from))
}

/// The settings that one flag makes.
fn with(flag: &str, value: &str) -> Settings {
    let settings = read(&[&format!("{flag}={value}")]);
    settings.unwrap_or_else(|stop| panic!("{flag} {value:?}: {}", stop.message))
}

/// Asserts that every value ends the program with code 2 and one line, which names flag, value and what was expected.
fn refused(flag: &str, values: &[&str], expected: &str) {
    for value in values {
        let stop = read(&[flag, value]).or_else(|_| read(&[&format!("{flag}={value}")])).unwrap_err();
        let message = format!("error: invalid value {value:?} for {flag}: expected {expected}");
        assert_eq!(stop, Stop { code: 2, to_stdout: false, message });
        assert_eq!(stop.message.lines().count(), 1, "{value:?}");
    }
}

fn kinds(settings: &Settings) -> Vec<&'static str> {
    settings.replicators.iter().map(|kind| kind.replicator()).collect()
}

fn managed_by(value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), value.to_owned())])
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let settings = read(&[]).unwrap();
    assert_eq!((settings.allow_all, settings.ignore_unknown), (false, false));
    assert_eq!(settings.resync_period, Duration::from_secs(30 * 60));
    assert_eq!((settings.removal_delay, settings.hold_incomplete_tls), (Duration::from_secs(5), true));
    assert_eq!((settings.removal_limit, settings.require_acceptance), (None, false));
    assert!(!settings.exclude_namespaces.matches("kube-system"));
    assert_eq!(kinds(&settings), ["secret", "configMap"]);
    assert_eq!(settings.scope, Scope::Cluster);
    assert_eq!(settings.annotations_prefix, "k8s-replicator/");
    assert_eq!(settings.create_with_labels, managed_by("k8s-replicator"));
    assert_eq!(settings.status_address.to_string(), "[::]:9102");
    assert_eq!((settings.kube_config, settings.leader_elect), (None, None));
    assert_eq!((settings.log_format, &*settings.log_level), (LogFormat::Text, "info"));
    // Not even the program's name.
    assert!(parse([]).is_ok());
}

/// SPEC 13.
#[test]
fn leader_election() {
    let lease = |args: &[&str]| read(args).unwrap().leader_elect;
    let name = |namespace: Option<&str>, name: &str| {
        let namespace = namespace.map(|name| Namespace::parse(name).unwrap());
        Some(LeaseName { namespace, name: name.to_owned() })
    };
    assert_eq!(lease(&["--leader-elect"]), name(None, "k8s-replicator"));
    assert_eq!(
        lease(&["--leader-elect", "--leader-elect-namespace=a", "--leader-elect-name=x.y"]),
        name(Some("a"), "x.y")
    );
    assert_eq!(lease(&["--leader-elect=false", "--leader-elect-namespace=a"]), None);
    for bad in
        ["--leader-elect=maybe", "--leader-elect-namespace=A/b", "--leader-elect-name=a/b", "--leader-elect-name="]
    {
        assert!(read(&["--leader-elect", bad]).is_err(), "{bad}");
    }
}

#[test]
fn booleans() {
    for (args, expected) in [
        (&["--allow-all", "--ignore-unknown"][..], true),
        (&["-allow-all", "-ignore-unknown"], true),
        (&["--allow-all=1", "--ignore-unknown=T"], true),
        (&["-allow-all=TRUE", "-ignore-unknown=True"], true),
        (&["--allow-all=false", "--ignore-unknown=0"], false),
        (&["--allow-all", "-ignore-unknown", "--allow-all=F", "--ignore-unknown=False"], false),
    ] {
        let settings = read(args).unwrap();
        assert_eq!((settings.allow_all, settings.ignore_unknown), (expected, expected), "{args:?}");
    }
    for flag in ["--allow-all", "--ignore-unknown"] {
        for value in ["", "yes", "tRUE", "2", " true", "\n"] {
            let message = format!("error: invalid value {value:?} for {flag}: expected true or false");
            assert_eq!(read(&[&format!("{flag}={value}")]).unwrap_err().message, message);
        }
    }
}

#[test]
fn events() {
    for (flags, expected) in
        [(&[][..], true), (&["--events"], true), (&["-events=0"], false), (&["--events=false", "--events"], true)]
    {
        assert_eq!(read(flags).unwrap().events, expected, "{flags:?}");
    }
    let message = "error: invalid value \"no\" for --events: expected true or false";
    assert_eq!(read(&["--events=no"]).unwrap_err().message, message);
}

/// SPEC 11.9: on unless it is switched off.
#[test]
fn hold_incomplete_tls() {
    for (args, expected) in [
        (&["--hold-incomplete-tls"][..], true),
        (&["-hold-incomplete-tls=0"], false),
        (&["--hold-incomplete-tls=false"], false),
        (&["--hold-incomplete-tls=false", "-hold-incomplete-tls"], true),
    ] {
        let settings = read(args).unwrap();
        assert_eq!((settings.hold_incomplete_tls, settings.options().rules.hold_incomplete_tls), (expected, expected));
    }
    let message = "error: invalid value \"no\" for --hold-incomplete-tls: expected true or false";
    assert_eq!(read(&["--hold-incomplete-tls=no"]).unwrap_err().message, message);
}

/// SPEC 11.1.
#[test]
fn removal_delay() {
    for (value, milliseconds) in [("0", 0), ("0s", 0), ("90s", 90_000), ("1h30m", 5_400_000), ("500ms", 500)] {
        let (settings, expected) = (with("--removal-delay", value), Duration::from_millis(milliseconds));
        assert_eq!((settings.removal_delay, settings.options().rules.removal_delay), (expected, expected), "{value}");
    }
    assert_eq!(read(&["-removal-delay", "7s"]).unwrap().removal_delay, Duration::from_secs(7));
    let expected = "a duration that is not negative, such as 5s, 90s or 1h30m, or 0 for at once";
    refused("--removal-delay", &["", "5", "-1s", "never", "1d"], expected);
}

/// SPEC 11.2.
#[test]
fn removal_limit() {
    for (value, expected) in [("0", 0), ("100", 100), ("007", 7)] {
        let settings = with("--removal-limit", value);
        assert_eq!((settings.removal_limit, settings.options().rules.removal_limit), (Some(expected), Some(expected)));
    }
    let bad = ["", "-1", "1.5", "ten", " 1", "1 ", "never", "99999999999999999999999"];
    refused("--removal-limit", &bad, "a whole number that is not negative");
}

/// SPEC 11.4.
#[test]
fn exclude_namespaces() {
    let names = ["kube-system", "kube-public", "vault", "a"];
    let cases: [(&str, &[&str]); 4] = [
        ("", &[]),
        ("vault", &["vault"]),
        ("kube-.*, vault", &["kube-system", "kube-public", "vault"]),
        ("kube-.*,!kube-public", &["kube-system"]),
    ];
    for (value, expected) in cases {
        let rules = with("--exclude-namespaces", value).options().rules;
        let excluded: Vec<&str> = names.into_iter().filter(|name| rules.exclude_namespaces.matches(name)).collect();
        assert_eq!(excluded, expected, "{value:?}");
    }
    let expected = "names and patterns of namespaces, separated by commas, such as kube-.*,vault";
    refused("--exclude-namespaces", &["(", "vault,[", "a/b", r"(?=t).*"], expected);
}

/// SPEC 11.4.
#[test]
fn require_acceptance() {
    for (args, expected) in [
        (&["--require-acceptance"][..], true),
        (&["-require-acceptance=1"], true),
        (&["--require-acceptance", "--require-acceptance=false"], false),
    ] {
        let settings = read(args).unwrap();
        assert_eq!((settings.require_acceptance, settings.options().rules.require_acceptance), (expected, expected));
    }
    let message = "error: invalid value \"always\" for --require-acceptance: expected true or false";
    let stop = read(&["--require-acceptance=always"]).unwrap_err();
    assert_eq!(stop, Stop { code: 2, to_stdout: false, message: message.to_owned() });
}

/// Issue 9: a period of 1 ms made 437 requests a second. v1.3.0 takes any, so it is no bad value.
#[test]
fn a_resync_period_has_a_floor() {
    for (value, used) in [("1ms", 1_000), ("999ms", 1_000), ("1s", 1_000), ("1001ms", 1_001), ("0", 0)] {
        let period = with("--resync-period", value).options().resync_period;
        assert_eq!(period, Duration::from_millis(used), "{value}");
    }
}

#[test]
fn resync_period() {
    let cases = [("0", 0), ("90s", 90_000), ("1h30m", 5_400_000), ("1.5h", 5_400_000), ("500ms", 500), ("-0s", 0)];
    for (value, milliseconds) in cases {
        assert_eq!(with("--resync-period", value).resync_period, Duration::from_millis(milliseconds), "{value}");
    }
    let bad = ["", "30", "-30m", "soon", "30 m", "1d", "30m\n", "9999999h"];
    let expected = "a duration that is not negative, such as 30m, 1h30m or 90s, or 0 for never";
    refused("--resync-period", &bad, expected);
}

#[test]
fn run_replicators() {
    let cases: &[(&str, &[&str])] = &[
        ("all", &["secret", "configMap"]),
        ("ALL", &["secret", "configMap"]),
        ("secret", &["secret"]),
        ("ConfigMap", &["configMap"]),
        ("configmap,SECRET", &["secret", "configMap"]),
        (" secret ,, secret,", &["secret"]),
        ("secret,all", &["secret", "configMap"]),
    ];
    for (value, expected) in cases {
        assert_eq!(kinds(&with("--run-replicators", value)), *expected, "{value:?}");
    }
    // A list that names none would run nothing.
    let bad = ["", " , ", "secrets", "secret,pod", "none", "secret;configMap"];
    refused("--run-replicators", &bad, "all, or a list of secret and configMap, separated by commas");
}

#[test]
fn namespaces() {
    let longest = "a".repeat(63);
    let cases: &[(&str, &[&str])] =
        &[("default", &["default"]), ("b,a", &["a", "b"]), (" a ,, b-1,a,", &["a", "b-1"]), (&longest, &[&longest])];
    for (value, expected) in cases {
        let Scope::Namespaces(named) = with("--namespaces", value).scope else { panic!("{value:?}") };
        assert_eq!(named.iter().map(|name| &**name).collect::<Vec<_>>(), *expected, "{value:?}");
    }
    // Neither all nor none is a good guess for an empty list; a pattern would be taken for a name.
    let bad = ["", " , ", "a,B", "team-.*", "*", "a/b", "a.b", "-a", "a b", &"a".repeat(64)];
    refused("--namespaces", &bad, "names of namespaces, separated by commas, at least one; patterns are none");
}

#[test]
fn annotations_prefix() {
    let longest = "a".repeat(253);
    let cases = [
        // as typed, as used, value of the default label
        ("", "", "k8s-replicator"),
        ("k8s-replicator", "k8s-replicator/", "k8s-replicator"),
        ("k8s-replicator/", "k8s-replicator/", "k8s-replicator"),
        ("a.example.com", "a.example.com/", "a.example.com"),
        ("Example.com", "Example.com/", "Example.com"),
        // Too long for a label.
        (&longest, &format!("{longest}/"), "k8s-replicator"),
    ];
    for (value, prefix, label) in cases {
        let settings = with("--annotations-prefix", value);
        assert_eq!(
            (&*settings.annotations_prefix, settings.create_with_labels),
            (prefix, managed_by(label)),
            "{value:?}"
        );
    }
    let bad = ["/", "a//", "a/b", "a/b/", "/a", "a_b", "-a", "a-", "a b", " a", "a..b", "ä"];
    let expected =
        "the DNS name that stands before the slash of an annotation, such as replicator.example.com, or nothing";
    refused("--annotations-prefix", &bad, expected);
}

#[test]
fn create_with_labels() {
    assert_eq!(with("--create-with-labels", "").create_with_labels, BTreeMap::new());
    assert_eq!(with("--create-with-labels", " , ").create_with_labels, BTreeMap::new());
    let labels = with("--create-with-labels", " a/b = c , d=e,").create_with_labels;
    assert_eq!(labels, [("a/b", "c"), ("d", "e")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    // What is said counts, whatever the prefix.
    let settings = read(&["--create-with-labels=a=b", "--annotations-prefix=c"]).unwrap();
    assert_eq!(settings.create_with_labels, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    let bad = ["a", "a=", "=b", "a=b=c", "a=b,c", "a b=c", "a=b/c", "a/b/c=d", "A/b=c"];
    refused("--create-with-labels", &bad, "legal labels as key=value, separated by commas, or nothing");
}

#[test]
fn the_page_is_asked_for_and_then_for_this_machine_alone() {
    assert_eq!(read(&[]).unwrap().dashboard, None);
    for (value, expected) in [(":9103", "127.0.0.1:9103"), ("0.0.0.0:1", "0.0.0.0:1"), ("[::]:1", "[::]:1")] {
        assert_eq!(with("--dashboard", value).dashboard.map(|address| address.to_string()).as_deref(), Some(expected));
    }
    refused("--dashboard", &["", "9103"], "host:port or :port, such as :9103, 0.0.0.0:9103 or [::1]:9103");
    assert_eq!(with("--dashboard-hosts", "A.example.com, b").dashboard_hosts, ["a.example.com", "b"]);
    let expected = "names of hosts without ports, separated by commas, such as replication.example.com";
    refused("--dashboard-hosts", &["a:80", "http://a", "*.a"], expected);
}

#[test]
fn status_address() {
    for (value, expected) in [(":0", "[::]:0"), ("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:80", "[::1]:80")] {
        assert_eq!(with("--status-address", value).status_address.to_string(), expected);
    }
    let bad = ["", "9102", "localhost", ":http", ":65536", "::1:80", "a b:1"];
    refused("--status-address", &bad, "host:port or :port, such as :9102, 127.0.0.1:9102 or [::1]:9102");
}

#[test]
fn kube_config() {
    assert_eq!(with("--kube-config", "").kube_config, None);
    assert_eq!(with("--kube-config", "a b/=c").kube_config, Some(PathBuf::from("a b/=c")));
    assert_eq!(read(&["-kube-config", "-"]).unwrap().kube_config, Some(PathBuf::from("-")));
}

#[test]
fn log_format() {
    assert_eq!(with("--log-format", "text").log_format, LogFormat::Text);
    assert_eq!(with("--log-format", "json").log_format, LogFormat::Json);
    refused("--log-format", &["", "JSON", "yaml"], "text or json");
}

#[test]
fn log_level() {
    let cases = [
        ("off", "off"),
        ("error", "error"),
        ("WARN", "warn"),
        ("info", "info"),
        ("Debug", "debug"),
        ("trace", "trace"),
        ("info,k8s_replicator_controller=debug", "info,k8s_replicator_controller=debug"),
        ("hyper=off", "hyper=off"),
    ];
    for (value, expected) in cases {
        assert_eq!(with("--log-level", value).log_level, expected);
    }
    let bad = ["", "verbose", "info,verbose", "info,", "hyper=loud", "5", "warning", "info debug", "[=", " info"];
    let expected = "off, error, warn, info, debug or trace, or levels of parts such as info,hyper=debug";
    refused("--log-level", &bad, expected);
}

#[test]
fn the_last_of_several_counts() {
    let settings = read(&["--log-level", "debug", "-log-level=warn", "--kube-config=a", "--kube-config="]).unwrap();
    assert_eq!((&*settings.log_level, settings.kube_config), ("warn", None));
    // Only the value that counts is looked at.
    assert_eq!(read(&["--log-format=x", "--log-format=json"]).unwrap().log_format, LogFormat::Json);
}

#[test]
fn what_is_no_flag_is_told_in_one_line() {
    let cases: &[(&[&str], &str)] = &[
        (&["--resync-perod=1m"], r#"unknown flag "--resync-perod"; did you mean --resync-period?"#),
        (&["-alow-all"], r#"unknown flag "--alow-all"; did you mean --allow-all?"#),
        (&["--nothing-like-it"], r#"unknown flag "--nothing-like-it"; --help lists the known ones"#),
        (&["-x\ny"], r#"unknown flag "--x\ny"; --help lists the known ones"#),
        (&["--kube-config"], "--kube-config needs a value; --help tells which"),
        (&["-log-level"], "--log-level needs a value; --help tells which"),
        (&["run"], r#"unexpected argument "run"; only flags, or a command first, are expected: --help lists them"#),
        (
            &["--allow-all", "false"],
            r#"unexpected argument "false"; only flags, or a command first, are expected: --help lists them"#,
        ),
        (
            &["--", "--help"],
            r#"unexpected argument "--help"; only flags, or a command first, are expected: --help lists them"#,
        ),
        (
            &["---help"],
            r#"unexpected argument "---help"; only flags, or a command first, are expected: --help lists them"#,
        ),
        (&["--help=1"], "unexpected value '1' for '--help' found; no more were expected"),
    ];
    for (args, message) in cases {
        let message = format!("error: {message}");
        assert_eq!(read(args).unwrap_err(), Stop { code: 2, to_stdout: false, message }, "{args:?}");
    }
    // Nobody wants to read a value of a thousand characters again.
    let stop = read(&["--log-format", &"x".repeat(1000)]).unwrap_err();
    assert!(stop.message.len() < 200 && stop.message.contains('…'), "{}", stop.message);
}

#[cfg(unix)]
#[test]
fn what_is_no_text_is_told_too() {
    use std::os::unix::ffi::OsStringExt as _;

    let read = |args: &[&[u8]]| parse([&b"program"[..]].iter().chain(args).map(|arg| OsString::from_vec(arg.to_vec())));
    let path = OsString::from_vec(b"/a\xFF".to_vec());
    assert_eq!(read(&[b"-kube-config", b"/a\xFF"]).unwrap().kube_config, Some(PathBuf::from(&path)));
    assert_eq!(read(&[b"--kube-config=/a\xFF"]).unwrap().kube_config, Some(PathBuf::from(&path)));
    let message = |args: &[&[u8]]| read(args).unwrap_err().message;
    assert_eq!(
        message(&[b"--log-format", b"\xFF"]),
        "error: invalid value \"\u{FFFD}\" for --log-format: expected text or json"
    );
    assert!(message(&[b"\xFF"]).starts_with("error: unexpected argument \"\u{FFFD}\""));
    assert!(message(&[b"--a\xFF"]).starts_with("error: unknown flag \"--a\u{FFFD}\""));
}

#[test]
fn help_explains_every_flag() {
    for spelling in ["--help", "-help", "-h", "--h"] {
        let stop = read(&["--log-format=x", spelling]).unwrap_err();
        assert_eq!((stop.code, stop.to_stdout), (0, true), "{spelling}");
    }
    let help = read(&["--help"]).unwrap_err().message;
    for line in help.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let headings =
        [BEHAVIOUR, ANNOTATIONS, CONNECTION, LOGGING, OTHER].map(|heading| help.find(&format!("\n{heading}:\n")));
    assert!(headings.is_sorted() && headings.iter().all(Option::is_some), "{headings:?}");
    for arg in Flags::command().get_arguments() {
        let flag = arg.get_long().unwrap();
        assert!(help.contains(&format!("--{flag}")), "{flag}");
        let sentence = arg.get_help().unwrap().to_string();
        assert!(sentence.starts_with(char::is_uppercase) && sentence.ends_with('.'), "{sentence}");
        let has_default = sentence.to_lowercase().contains("default");
        assert!(has_default || arg.get_help_heading() == Some(OTHER), "{sentence}");
    }
    // The examples work.
    let (_, examples) = help.split_once("\nExamples:\n").unwrap();
    for example in examples.lines().map(str::trim).filter_map(|line| line.strip_prefix("k8s-replicator ")) {
        let args: Vec<_> = example.split(' ').collect();
        assert!(read(&args).is_ok(), "{example}");
    }
}

#[test]
fn the_version_is_told() {
    let message = format!("k8s-replicator {}\n", env!("CARGO_PKG_VERSION"));
    for spelling in ["--version", "-version", "-V"] {
        assert_eq!(read(&[spelling]).unwrap_err(), Stop { code: 0, to_stdout: true, message: message.clone() });
    }
}

/// Which program it is, as a word.
fn which(args: &[&str]) -> &'static str {
    match program(args.iter().map(OsString::from)) {
        Ok(Program::Controller(_)) => "controller",
        Ok(Program::Command(_)) => "command",
        Err(stop) if stop.code == 0 => "told",
        Err(stop) => {
            assert_eq!((stop.code, stop.to_stdout), (2, false), "{args:?}");
            "refused"
        }
    }
}

#[test]
fn a_subcommand_comes_first_or_it_is_the_controller() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "controller"),
        (&["k8s-replicator"], "controller"),
        (&["k8s-replicator", "-allow-all", "--kube-config=x", "--annotations-prefix", "man"], "controller"),
        (&["k8s-replicator", "--kube-config", "list"], "controller"),
        (&["k8s-replicator", "man"], "command"),
        (&["/usr/bin/k8s-replicator", "completions", "bash"], "command"),
        (&["k8s-replicator", "completions", "tcsh"], "refused"),
        (&["k8s-replicator", "--allow-all", "man"], "refused"),
        (&["k8s-replicator", "man", "--allow-all"], "refused"),
        (&["k8s-replicator", "help"], "told"),
        (&["k8s-replicator", "help", "man"], "told"),
        (&["k8s-replicator", "man", "-h"], "told"),
        (&["k8s-replicator", "mann"], "refused"),
        // kubectl's plugin is never the controller.
        (&["kubectl-replicator"], "refused"),
        (&["/opt/bin/kubectl-replicator", "man"], "command"),
        (&["kubectl-replicator", "--allow-all"], "refused"),
        (&["kubectl-replicator", "--version"], "told"),
        (&["/opt/kubectl-replicator/k8s-replicator"], "controller"),
    ];
    for (args, expected) in cases {
        assert_eq!(which(args), *expected, "{args:?}");
    }
    let usage = program(["kubectl-replicator", "man", "-h"].map(OsString::from)).unwrap_err().message;
    assert!(usage.contains("Usage: kubectl replicator man [OPTIONS]"), "{usage}");
}

#[test]
fn the_help_lists_the_subcommands() {
    let help = read(&["--help"]).unwrap_err().message;
    for command in commands::plugin().get_subcommands().filter(|command| !command.is_hide_set()) {
        let about = command.get_about().unwrap().to_string();
        // A long one is wrapped.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&help).contains(&words(&format!("{} {about}", command.get_name()))), "{about}");
    }
    // clap's own check that nothing is defined twice.
    commands::plugin().debug_assert();
    commands::program().debug_assert();
}
