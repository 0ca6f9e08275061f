//! The real program behind a proxy that its environment names (issue 9, 3; SPEC 10).
#![allow(clippy::unwrap_used, clippy::panic)] // A test ends where something is missing.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_k8s-replicator");
/// No resolver knows it (RFC 6761).
const SERVER: &str = "api.corp.invalid:6443";
/// A machine that is busy with other tests is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A proxy on loopback that hangs up on everybody: its address, and the first line of each request.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, lines) = channel();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            if sender.send(first_line(&client)).is_err() {
                return;
            }
        }
    });
    (address, lines)
}

fn first_line(client: &TcpStream) -> String {
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// The controller, which is ended with its test.
struct Controller {
    child: Child,
    /// The lines of its log.
    log: Receiver<String>,
}

impl Controller {
    fn start(environment: &[(&str, &str)]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let kubeconfig = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("proxy-{number}.kubeconfig"));
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
             clusters: [{{name: c, cluster: {{server: \"https://{SERVER}\"}}}}], users: [{{name: u, user: {{token: t}}}}]}}"
        );
        std::fs::write(&kubeconfig, text).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("--kube-config").arg(&kubeconfig).args(["--status-address", "127.0.0.1:0"]);
        for name in
            ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"]
        {
            command.env_remove(name);
        }
        let mut child =
            command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = channel();
        let pipes: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let sender = sender.clone();
            thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        Self { child, log }
    }

    /// Waits until it says that the API server cannot be reached.
    fn fails_to_reach_the_server(&self) {
        let mut said = Vec::new();
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if line.contains("no answer") {
                return;
            }
            said.push(line);
        }
        panic!("{said:?}");
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_environments_proxy_is_asked_for_the_server() {
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let (address, lines) = proxy();
        let _controller = Controller::start(&[(name, &format!("http://{address}")), ("NO_PROXY", "other.invalid")]);
        assert_eq!(lines.recv_timeout(PATIENCE).unwrap(), format!("CONNECT {SERVER} HTTP/1.1"), "{name}");
    }
}

/// As in Go.
#[test]
fn upper_case_comes_before_lower_case() {
    let ((upper, asked), (lower, not_asked)) = (proxy(), proxy());
    let (upper, lower) = (format!("http://{upper}"), format!("http://{lower}"));
    let _controller = Controller::start(&[("https_proxy", &lower), ("HTTPS_PROXY", &upper)]);
    assert!(asked.recv_timeout(PATIENCE).unwrap().starts_with("CONNECT "));
    assert!(not_asked.try_recv().is_err());
}

#[test]
fn a_server_that_no_proxy_names_is_reached_without_the_proxy() {
    for name in ["NO_PROXY", "no_proxy"] {
        let (address, lines) = proxy();
        let controller =
            Controller::start(&[("HTTPS_PROXY", &format!("http://{address}")), (name, "other.invalid, corp.invalid")]);
        controller.fails_to_reach_the_server();
        assert!(lines.try_recv().is_err(), "{name}: the proxy was asked");
    }
}

/// `HTTP_PROXY` is for servers at `http://`.
#[test]
fn the_proxy_for_http_is_not_used_for_https() {
    let (address, lines) = proxy();
    let controller = Controller::start(&[("HTTP_PROXY", &format!("http://{address}"))]);
    controller.fails_to_reach_the_server();
    assert!(lines.try_recv().is_err(), "the proxy was asked");
}
