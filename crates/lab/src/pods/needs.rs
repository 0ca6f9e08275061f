//! What a machine has to have, and what to do where it has not.

use std::path::Path;
use std::process::{Command, Stdio};

use super::enclosure;

/// Where Debian and others have the network plugins.
const PLUGINS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];
const PLUGIN_NAMES: [&str; 2] = ["bridge", "host-local"];

/// The folder with the network plugins.
pub(super) fn plugins() -> Option<&'static Path> {
    let folders = PLUGINS.iter().map(Path::new);
    folders.into_iter().find(|folder| PLUGIN_NAMES.iter().all(|name| folder.join(name).is_file()))
}

/// All that is missing here, each in a sentence that says what to do.
pub(super) fn missing() -> Vec<String> {
    if !cfg!(target_os = "linux") {
        return vec!["this is not Linux: run it in a virtual machine with Linux".to_owned()];
    }
    let mut missing = Vec::new();
    for (program, package) in [("unshare", "util-linux"), ("mount", "util-linux"), ("ip", "iproute2"), ("gcc", "gcc")] {
        if runs(program, &["--version"]).is_err() && runs(program, &["-V"]).is_err() {
            missing.push(format!("there is no program `{program}`: install the package {package}"));
        }
    }
    if runs("pkg-config", &["--exists", "libseccomp"]).is_err() {
        missing.push("runc is built with libseccomp: install the packages libseccomp-dev and pkg-config".to_owned());
    }
    if plugins().is_none() {
        let (folders, names) = (PLUGINS.join(" or "), PLUGIN_NAMES.join(" and "));
        missing.push(format!(
            "the network plugins {names} are not in {folders}: install the package containernetworking-plugins"
        ));
    }
    if !rustix::process::geteuid().is_root() {
        // Nothing of what follows could be tried.
        missing.push(
            "this is not root, who alone may make namespaces, a bridge and cgroups: run it as root, best on a \
                      machine that is there for nothing else"
                .to_owned(),
        );
        return missing;
    }
    let enclosed = |script: &str| {
        let namespaces = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "sh", "-c", script];
        runs("unshare", &namespaces)
    };
    if let Err(error) = enclosed("true") {
        missing.push(format!(
            "the kernel makes no namespaces here ({error}): run it outside of a container, or in a privileged one"
        ));
    } else if let Err(error) = enclosed("ip link add pods0 type bridge && ip link add pods1 type veth peer name pods2")
    {
        missing.push(format!("the kernel makes no bridge here ({error}): load its modules bridge and veth"));
    }
    if let Err(error) = enclosure::Cgroups::are_there() {
        missing.push(format!(
            "there are no cgroups to limit memory with ({error:#}): mount them writable at /sys/fs/cgroup"
        ));
    }
    missing
}

/// Its last words where it fails.
fn runs(program: &str, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new(program).args(arguments).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if ran.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&ran.stderr);
    Err(words.lines().last().unwrap_or("it says nothing").to_owned())
}
