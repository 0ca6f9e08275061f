//! Completions, as the shells run them, and manual pages, as `man` reads them. A shell that is not there is passed over; bash is.
#![allow(clippy::unwrap_used)] // A test ends where a file is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_k8s-replicator");

/// A folder of its own, with the program under both of its names.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for link in ["k8s-replicator", "kubectl-replicator"] {
        std::os::unix::fs::symlink(PROGRAM, folder.join(link)).unwrap();
    }
    folder
}

/// Runs a script of a shell, with the program on the PATH and no cluster. `None`: the shell is not there.
fn run(shell: &[&str], folder: &Path, script: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .arg(script)
        .current_dir(folder)
        .env("PATH", std::env::join_paths(folders).unwrap())
        .env("HOME", folder)
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{shell:?} {script}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What bash completes the words to, of which the last one is not finished.
fn in_bash(folder: &Path, words: &[&str]) -> Vec<String> {
    let (program, quoted) = (words[0], words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "));
    let plugin = if program == "kubectl-replicator" { "--plugin" } else { "" };
    let script = format!(
        "source <(k8s-replicator completions bash {plugin}); complete -p {program} >/dev/null || exit 1
         COMP_WORDS=({quoted}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
         _{program}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = run(&["bash", "--norc", "--noprofile", "-c"], folder, &script).unwrap();
    output.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_kinds_and_options() {
    let folder = folder("bash");
    for program in ["k8s-replicator", "kubectl-replicator"] {
        assert_eq!(in_bash(&folder, &[program, "ex"]), ["explain"]);
        assert_eq!(in_bash(&folder, &[program, "explain", ""]), ["secret", "configmap"]);
        assert_eq!(in_bash(&folder, &[program, "list", "--state", "=", "re"]), ["refused"]);
        assert_eq!(in_bash(&folder, &[program, "graph", "-o", "m"]), ["mermaid"]);
        // Without a cluster there are no names, and no complaints.
        assert_eq!(in_bash(&folder, &[program, "wait", "--namespace", ""]), Vec::<String>::new());
    }
    assert!(in_bash(&folder, &["k8s-replicator", "--allow"]).contains(&"--allow-all".to_owned()));
    assert!(!in_bash(&folder, &["kubectl-replicator", "--allow"]).contains(&"--allow-all".to_owned()));
}

/// What zsh would describe, with its own functions for that in our place.
#[test]
fn zsh_completes_them_too() {
    let folder = folder("zsh");
    let script = "compdef() { print -r -- \"for $2\" }
        _files() { print files }
        _describe() { print -l -- \"${(@P)3}\" }
        source <(k8s-replicator completions zsh)
        words=(k8s-replicator explain s); CURRENT=3; _k8s-replicator
        words=(k8s-replicator plan -f x); CURRENT=4; _k8s-replicator
        words=(k8s-replicator explain secret a/b -o ''); CURRENT=6; _k8s-replicator";
    match run(&["zsh", "-f", "-c"], &folder, script) {
        None => eprintln!("zsh is not there: its completions are not run"),
        Some(output) => assert_eq!(
            output.lines().map(|line| line.split(':').next().unwrap()).collect::<Vec<_>>(),
            ["for k8s-replicator", "secret", "files", "text", "json"]
        ),
    }
}

#[test]
fn fish_completes_them_too() {
    let folder = folder("fish");
    let script = "k8s-replicator completions fish | source
        complete -C 'k8s-replicator expl'
        complete -C 'k8s-replicator explain s'
        complete -C 'k8s-replicator explain secret a/b -o '";
    match run(&["fish", "--no-config", "-c"], &folder, script) {
        None => eprintln!("fish is not there: its completions are not run"),
        Some(output) => assert_eq!(
            output.lines().map(|line| line.split('\t').next().unwrap()).collect::<Vec<_>>(),
            ["explain", "secret", "json", "text"]
        ),
    }
}

/// Each command has a page with its name, its options, its examples and its exit codes, in which `man` finds nothing wrong.
#[test]
fn manual_pages_are_complete_and_can_be_read() {
    let folder = folder("man");
    let pages = folder.join("man1");
    std::fs::create_dir_all(&pages).unwrap();
    let said = Command::new(PROGRAM).args(["man", "--folder"]).arg(&pages).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let mut names: Vec<String> =
        std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_by_key(|name| name.replace(".1", ""));
    let commands = [
        "",
        "-approve",
        "-completions",
        "-dashboard",
        "-diff",
        "-explain",
        "-graph",
        "-list",
        "-man",
        "-plan",
        "-wait",
    ];
    assert_eq!(names, commands.map(|command| format!("k8s-replicator{command}.1")), "and none of what is hidden");
    for name in &names {
        let page = std::fs::read_to_string(pages.join(name)).unwrap();
        for section in [".SH NAME", ".SH SYNOPSIS"] {
            assert!(page.contains(section), "{name}: {section}");
        }
        // The program's flags have headings of their own.
        let is_command = name != "k8s-replicator.1";
        for part in [".SH OPTIONS", "Exit codes: ", "Examples:"] {
            assert!(!is_command || page.contains(part), "{name}: {part}");
        }
        let read = Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(pages.join(name)).output();
        match read {
            Err(_) => eprintln!("groff is not there: {name} is not read"),
            Ok(read) => {
                let (text, errors) = (String::from_utf8_lossy(&read.stdout), String::from_utf8_lossy(&read.stderr));
                assert!(read.status.success() && errors.is_empty(), "{name}: {errors}");
                assert!(text.contains(name.trim_end_matches(".1")), "{text}");
            }
        }
    }
    let whole = std::fs::read_to_string(pages.join("k8s-replicator.1")).unwrap();
    let printed = Command::new(PROGRAM).arg("man").output().unwrap();
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), whole, "the same page is printed");
    assert!(commands[1..].iter().all(|command| whole.contains(&command.replace('-', "\\-"))), "it names the others");
}
