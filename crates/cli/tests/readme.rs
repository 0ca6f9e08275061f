//! What the README says is so.
#![allow(clippy::unwrap_used)] // A test ends where a file is missing.

use std::path::Path;

use k8s_replicator::args;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

#[test]
fn its_examples_are_those_that_the_demo_applies() {
    let readme = read("README.md");
    let names = [
        "1-database-credentials",
        "2-generated-password",
        "3-tls-key",
        "4-chart-secret",
        "5-namespaces-by-label",
        "6-certificate-authority",
    ];
    let examples = names.map(|name| read(&format!("examples/{name}.yaml")));
    let shown: Vec<&str> = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(shown.len(), 7);
    for part in shown {
        assert!(examples.iter().any(|example| example.contains(part)), "in no example:\n{part}");
    }
}

#[test]
fn it_lists_every_flag() {
    let help = args::parse(["k8s-replicator", "--help"].map(Into::into)).unwrap_err().message;
    let flags = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
    let names = flags.map(|flag| flag.split(['[', '=']).next().unwrap_or(flag));
    let readme = read("README.md");
    for name in names.filter(|name| !["--help", "--version"].contains(name)) {
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is in the table of flags");
    }
}

/// Each annotation has a row, and its own document has it too.
#[test]
fn every_annotation_has_a_row_in_its_document() {
    let document = read("docs/annotations.md");
    for annotation in k8s_replicator_core::annotations::Annotation::ALL {
        assert!(document.contains(&format!("| `{}` |", annotation.name())), "{}", annotation.name());
    }
}

#[test]
fn it_lists_every_annotation_that_users_write() {
    let readme = read("README.md");
    for annotation in k8s_replicator_core::annotations::Annotation::ALL {
        assert!(readme.contains(&format!("`{}`", annotation.name())), "{}", annotation.name());
    }
}

/// What it shows of `plan` is what the document shows, which is run by a test.
#[test]
fn its_plan_is_that_of_the_document() {
    let (readme, document) = (read("README.md"), read("docs/plan.md"));
    let shown: Vec<&str> = readme.split("```console\n$ k8s-replicator plan").skip(1).collect();
    assert_eq!(shown.len(), 1);
    let shown = shown[0].split("\n…\n```").next().unwrap();
    assert!(document.contains(&format!("$ k8s-replicator plan{shown}\n")), "{shown}");
}
