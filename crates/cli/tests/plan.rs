//! `plan`, as its document and the examples say it, run as a program.
#![allow(clippy::unwrap_used)] // A test ends where a file is missing.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_k8s-replicator");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Runs it at the root of the repository: exit code and output.
fn run(args: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(PROGRAM)
        .args(args)
        .current_dir(root())
        .env("COLUMNS", "100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
}

/// The commands of the document say what stands below them. With `UPDATE_SNAPSHOTS=1` it is written anew.
#[test]
fn its_document_shows_what_it_says() {
    let document = read("docs/plan.md");
    let mut written = String::new();
    let mut rest = document.as_str();
    let mut count = 0;
    while let Some((before, after)) = rest.split_once("```console\n$ k8s-replicator ") {
        let (block, after) = after.split_once("```").unwrap();
        let command = block.lines().next().unwrap();
        let args: Vec<&str> = command.split_whitespace().collect();
        let (_, output) = run(&args, "");
        written.push_str(&format!("{before}```console\n$ k8s-replicator {command}\n{output}```"));
        rest = after;
        count += 1;
    }
    written.push_str(rest);
    assert_eq!(count, 2);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(root().join("docs/plan.md"), &written).unwrap();
    } else {
        assert_eq!(written, document);
    }
}

/// Every option has a row.
#[test]
fn its_document_lists_its_options() {
    let (document, (_, help)) = (read("docs/plan.md"), run(&["plan", "--help"], ""));
    // What it says of them stands further to the right.
    let is_definition = |line: &&str| line.trim_start().starts_with('-') && !line.starts_with("       ");
    let definitions = help.lines().filter(is_definition);
    let options = definitions.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
    let elsewhere = ["--help", "--filename", "--kubeconfig", "--context", "--output"];
    for option in options.filter(|option| !elsewhere.contains(option)) {
        let option = option.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        assert!(document.contains(option), "{option}");
    }
}

/// The examples are fine, but for what one of them is to show.
#[test]
fn nothing_is_wrong_with_the_examples() {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let path = path.to_string_lossy().into_owned();
            let (code, output) = run(&["plan", "--strict", "-o", "github", &path], "");
            // The first one shows a namespace that may not pull.
            let refused: Vec<&str> = output.lines().filter(|line| !line.starts_with("::notice")).collect();
            let is_first = path.contains("1-database");
            assert_eq!((code, refused.len()), if is_first { (1, 1) } else { (0, 0) }, "{output}");
            assert!(!is_first || output.contains("NamespaceNotAllowed::Secret sandbox/database"), "{output}");
            all.push(path);
        }
    }
    assert_eq!(all.len(), 6);
}

/// As pre-commit runs it: the hook's entry with the files behind it.
#[test]
fn the_hook_for_pre_commit_works() {
    let hooks = read(".pre-commit-hooks.yaml");
    let field = |name: &str| {
        let line =
            hooks.lines().find_map(|line| line.trim_start_matches(['-', ' ']).strip_prefix(&format!("{name}: ")));
        line.unwrap().to_owned()
    };
    assert!(read("docs/plan/pre-commit-config.yaml").contains(&format!("id: {}", field("id"))));
    assert!(read("docs/plan.md").contains(&format!("id: {}", field("id"))));
    let entry = field("entry");
    let mut words = entry.split_whitespace();
    assert_eq!((words.next(), field("language").as_str()), (Some("k8s-replicator"), "system"));
    let args: Vec<&str> = words.collect();
    let (code, output) =
        run(&[&args[..], &["examples/2-generated-password.yaml", "examples/3-tls-key.yaml"]].concat(), "");
    assert_eq!(code, 0, "{output}");
    let (code, output) = run(&[&args[..], &["docs/plan/broken.yaml"]].concat(), "");
    assert_eq!(code, 1, "{output}");
}

/// As the workflow runs it.
#[test]
fn the_example_of_a_workflow_works() {
    let workflow = read("docs/plan/github-workflow.yaml");
    let commands: Vec<&str> =
        workflow.lines().filter_map(|line| line.trim().strip_prefix("- run: k8s-replicator ")).collect();
    assert_eq!(commands.len(), 2);
    for (command, begin) in
        commands.iter().zip(["### k8s-replicator plan: ", "::error file=docs/plan/broken.yaml,line=16,"])
    {
        let words = command.split_whitespace().take_while(|word| !word.starts_with('>'));
        let args: Vec<&str> =
            words.map(|word| if word == "manifests/" { "docs/plan/broken.yaml" } else { word }).collect();
        let (code, output) = run(&args, "");
        assert_eq!(code, 1, "{output}");
        assert!(output.starts_with(begin), "{output}");
    }
}

/// Standard input, folders, what is not there, and a command line that asks for nothing.
#[test]
fn where_manifests_come_from() {
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: {k8s-replicator/replicate-to: b}}\n";
    let (code, output) = run(&["plan", "-f", "-", "-o", "json", "-n", "shop"], manifest);
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("\"target\": \"shop/b\""), "{output}");
    let (code, output) = run(&["plan", "-f", "examples", "-o", "json"], "");
    assert_eq!(code, 1, "the broken one is below it: {output}");
    let (code, output) = run(&["plan", "-f", "nowhere.yaml"], "");
    assert_eq!((code, output.starts_with("error: cannot read nowhere.yaml")), (2, true), "{output}");
    let (code, output) = run(&["plan"], "");
    assert_eq!((code, output.starts_with("error: there is nothing to plan")), (2, true), "{output}");
    let (code, output) = run(&["plan", "-f", "-", "--controller-flags", "--allow-all=perhaps"], manifest);
    assert_eq!((code, output.contains("--allow-all")), (2, true), "{output}");
}

/// Issue 11: a plan of 10,000 manifests takes a second at most; a build without optimisation has more time.
#[test]
fn ten_thousand_manifests_are_planned_quickly() {
    let mut text = String::new();
    for n in 0..50 {
        text.push_str(&format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: team-{n}}}\n"));
    }
    for n in 0..9_950 {
        let (namespace, note) = match n % 3 {
            0 => (
                "vault".to_owned(),
                format!("k8s-replicator/replicate-to-namespaces: team-{},team-{}", n % 50, (n + 1) % 50),
            ),
            1 => ("vault".to_owned(), "k8s-replicator/replication-allowed-namespaces: team-.*".to_owned()),
            _ => (format!("team-{}", n % 50), format!("k8s-replicator/replicate-from: vault/s{}", n - 1)),
        };
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s{n}\n  namespace: {namespace}\n  annotations:\n    {note}\nstringData:\n  k: value-{n}\n"
        ));
    }
    // The time of a processor, which does not depend on what else the machine does: the shell tells it of its children.
    let mut child = Command::new("sh")
        .args(["-c", "\"$0\" plan -f -; echo \"exit $?\"; times", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.starts_with("creates 6634, updates 3316, deletes 0\n"), "{output}");
    let (_, times) = output.split_once("exit 0\n").unwrap();
    // As in 0m1.25s 0m0.10s.
    let seconds = times.lines().nth(1).unwrap().split_whitespace().map(|time| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    });
    let (took, most) = (seconds.sum::<f64>(), if cfg!(debug_assertions) { 10.0 } else { 1.0 });
    assert!(took <= most, "{took} s");
}
