//! Credential plugins: programs that a kubeconfig names (`exec`), and that write an `ExecCredential`.
//!
//! They are run here and not by `kube`, which runs them on a thread that nothing ends: one that hangs left a thread and a process
//! at each attempt. Here it is killed when its time is over, or when nobody waits for it any more.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use kube::config::{AuthInfo, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// A plugin that has not ended by then is killed. Some ask a person to log in.
pub(super) const LONGEST: Duration = Duration::from_secs(120);
/// The longest part of a plugin's error output that is shown.
const LONGEST_WORDS: usize = 300;

/// The plugin's input and output (`client.authentication.k8s.io`).
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    spec: Option<Spec>,
    #[serde(default, skip_serializing)]
    status: Option<Status>,
}

#[derive(Serialize)]
struct Spec {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ExecAuthCluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<Timestamp>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs the plugin of this kubeconfig user, if the credentials come from one, and replaces it by the credentials, so that `kube`
/// does not run it again. Answers when they expire, if the plugin says so.
///
/// # Errors
/// When the plugin fails. The message quotes its error output, and never its standard output, which holds credentials.
pub(super) async fn replace(auth: &mut AuthInfo, longest: Duration) -> Result<Option<Timestamp>, String> {
    if let Some(provider) = auth.auth_provider.as_ref().filter(|provider| provider.config.contains_key("cmd-path")) {
        return Err(format!(
            "the auth-provider {:?} runs a command, which Kubernetes does not support since 1.26; use a credential plugin (exec)",
            provider.name
        ));
    }
    let Some(exec) = auth.exec.take() else { return Ok(None) };
    // As in `kube` and kubectl, credentials in the kubeconfig itself take precedence.
    if auth.auth_provider.is_some() || auth.token.is_some() || (auth.username.is_some() && auth.password.is_some()) {
        return Ok(None);
    }
    let status = run(&exec, longest).await?;
    let has_token = status.token.is_some();
    auth.token = status.token.map(Into::into);
    match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => {
            auth.client_certificate_data = Some(BASE64.encode(certificate));
            auth.client_key_data = Some(BASE64.encode(key).into());
            (auth.client_certificate, auth.client_key) = (None, None);
        }
        _ if has_token => {}
        _ => return Err(format!("{} gave neither a token nor a client certificate with its key", name(&exec))),
    }
    Ok(status.expiration_timestamp)
}

async fn run(exec: &ExecConfig, longest: Duration) -> Result<Status, String> {
    let name = name(exec);
    let child = command(exec)?.spawn().map_err(|error| match &exec.install_hint {
        Some(hint) => format!("cannot run {name}: {error}; {}", hint.trim()),
        None => format!("cannot run {name}: {error}"),
    })?;
    // If this future is dropped before its end, the child is dropped too, which kills it.
    let output = tokio::time::timeout(longest, child.wait_with_output()).await;
    let output = output.map_err(|_| format!("{name} did not end within {} s and was killed", longest.as_secs()))?;
    let output = output.map_err(|error| format!("cannot read from {name}: {error}"))?;
    if !output.status.success() {
        // Its error output is for people; kubectl shows it as well.
        let words: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(LONGEST_WORDS).collect();
        let words = if words.is_empty() { "it said nothing on standard error" } else { &words };
        return Err(format!("{name} failed ({}): {words}", output.status).replace(['\n', '\r'], " "));
    }
    // An error of the parser could quote a token.
    let written: Option<ExecCredential> = serde_json::from_slice(&output.stdout).ok();
    let status = written.filter(|written| written.kind == "ExecCredential").and_then(|written| written.status);
    status.ok_or_else(|| format!("{name} wrote no ExecCredential with a status"))
}

fn command(exec: &ExecConfig) -> Result<Command, String> {
    let program = exec.command.as_ref().ok_or("the credential plugin has no command")?;
    let mut command = Command::new(program);
    command.kill_on_drop(true).stdout(Stdio::piped()).args(exec.args.iter().flatten());
    for variable in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    let interactive = exec.interactive_mode != Some(ExecInteractiveMode::Never);
    match interactive {
        true => command.stdin(Stdio::inherit()).stderr(Stdio::inherit()),
        false => command.stdin(Stdio::null()).stderr(Stdio::piped()),
    };
    let cluster = match exec.provide_cluster_info {
        true => {
            Some(exec.cluster.clone().ok_or("the kubeconfig says nothing of the cluster for the credential plugin")?)
        }
        false => None,
    };
    let input = ExecCredential {
        kind: "ExecCredential".to_owned(),
        api_version: exec.api_version.clone(),
        spec: Some(Spec { interactive, cluster }),
        status: None,
    };
    let input = serde_json::to_string(&input).map_err(|error| error.to_string())?;
    command.env("KUBERNETES_EXEC_INFO", input);
    Ok(command)
}

fn name(exec: &ExecConfig) -> String {
    format!("the credential plugin {:?}", exec.command.as_deref().unwrap_or_default())
}
