//! The program under test, as a child process.

mod binary;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{Child, scratch};

pub(crate) use binary::up_to_date as program;

/// How long the program may take until it has bound its status address.
const STATUS_LIMIT: Duration = Duration::from_secs(90);
/// How long its status server may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The flags that [`Controller::start`] passes unless the caller names them.
const DEFAULTS: [(&str, &str); 3] =
    [("--status-address", "127.0.0.1:0"), ("--log-format", "json"), ("--log-level", "debug")];

/// A running `k8s-replicator`. Dropping it kills it; if that is because a test panicked, the end of its log is shown.
pub struct Controller {
    child: Child,
    log: PathBuf,
}

impl Controller {
    /// Starts the program of this build, as [`Controller::start_binary`] does. It is brought up to date first, once in each
    /// process, unless the environment variable `K8S_REPLICATOR_BIN` names another one.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub fn start(kubeconfig: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start_binary(binary::up_to_date()?, kubeconfig, arguments)
    }

    /// The program of this build, brought up to date as for [`Controller::start`].
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn program() -> Result<&'static Path> {
        binary::up_to_date()
    }

    /// Starts `program` with `--kube-config`, then a free status address, JSON logs and level debug, then `arguments`; a flag
    /// that they name is left to them. Returns at once: see [`Controller::wait_ready`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_binary(program: &Path, kubeconfig: &Path, arguments: &[&str]) -> Result<Self> {
        let names = |flag: &str| arguments.iter().any(|argument| argument.split('=').next() == Some(flag));
        let mut all: Vec<&OsStr> = Vec::new();
        if !names("--kube-config") {
            all.extend([OsStr::new("--kube-config"), kubeconfig.as_os_str()]);
        }
        for (flag, value) in DEFAULTS.into_iter().filter(|(flag, _)| !names(flag)) {
            all.extend([OsStr::new(flag), OsStr::new(value)]);
        }
        all.extend(arguments.iter().map(OsStr::new));
        Self::spawn(program.as_os_str(), &all, &[])
    }

    /// Starts the program at `path` of another root folder, with exactly these arguments and environment variables, as the
    /// user of the image where this process may choose one (as root), else as whom this process is.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_in_root(root: &Path, path: &str, environment: &[(&str, &str)], arguments: &[String]) -> Result<Self> {
        let is_root = rustix::process::geteuid().is_root();
        // Others may change their root only in a user namespace.
        let way: &[&str] =
            if is_root { &["chroot", "--userspec=65532:65532"] } else { &["unshare", "--map-root-user", "chroot"] };
        let mut all: Vec<&OsStr> = way[1..].iter().map(OsStr::new).collect();
        all.extend([root.as_os_str(), OsStr::new(path)]);
        all.extend(arguments.iter().map(OsStr::new));
        Self::spawn(OsStr::new(way[0]), &all, environment)
    }

    fn spawn(program: &OsStr, arguments: &[&OsStr], environment: &[(&str, &str)]) -> Result<Self> {
        let log = scratch::folder("controller")?.join("log");
        let output = File::create(&log).context("cannot create the controller's log")?;
        let errors = output.try_clone()?;
        let child = Child::start(program, arguments, |command| {
            command.stdout(output).stderr(errors).envs(environment.iter().copied());
        })?;
        Ok(Self { child, log })
    }

    /// Its status address, such as `http://127.0.0.1:40124`. Waits until the controller has logged it.
    ///
    /// # Errors
    /// When it ends before, or says nothing for half a minute.
    pub fn status_url(&mut self) -> Result<String> {
        self.url_of("serving status")
    }

    /// The address of the page, with `--dashboard`. Waits until the controller has logged it.
    ///
    /// # Errors
    /// When it ends before, or says nothing for half a minute.
    pub fn page_url(&mut self) -> Result<String> {
        self.url_of("serving the page")
    }

    fn url_of(&mut self, message: &str) -> Result<String> {
        let start = Instant::now();
        loop {
            let line = self.log_lines().into_iter().find(|line| line["message"] == message);
            if let Some(address) = line.as_ref().and_then(|line| line["address"].as_str()) {
                return Ok(format!("http://{address}"));
            }
            self.check_alive()?;
            if start.elapsed() > STATUS_LIMIT {
                bail!("the controller does not say {message:?}; the last it wrote:\n{}", self.log_tail());
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until `/healthz` says that all first lists are there.
    ///
    /// # Errors
    /// When it ends before, or `limit` is over: with its last answer.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let (code, answer) = self.healthz();
            if code == 200 {
                return Ok(());
            }
            self.check_alive()?;
            if start.elapsed() > limit {
                bail!("the controller is not ready after {limit:?}: {code} {answer}\n{}", self.log_tail());
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Status code and text of `/healthz`; code 0 and the error's words when there is no answer.
    pub fn healthz(&mut self) -> (u16, String) {
        self.get("/healthz").unwrap_or_else(|error| (0, format!("{error:#}")))
    }

    /// Status code and text of a path of the status server.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&mut self, path: &str) -> Result<(u16, String)> {
        let url = self.status_url()?;
        let address = url.trim_start_matches("http://");
        get(address, path).with_context(|| format!("{url}{path}"))
    }

    /// Its metrics in the format that this `Accept` header asks for.
    ///
    /// # Errors
    /// When there are none.
    pub fn metrics(&mut self, accept: &str) -> Result<String> {
        let url = self.status_url()?;
        let answer = get_as(url.trim_start_matches("http://"), "/metrics", accept);
        let (code, body) = answer.with_context(|| format!("{url}/metrics"))?;
        anyhow::ensure!(code == 200, "{url}/metrics: {code} {body}");
        Ok(body)
    }

    /// All it wrote, on both outputs.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The file behind [`Controller::log`].
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// The lines of its log that are JSON.
    #[must_use]
    pub fn log_lines(&self) -> Vec<Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The process' id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.ended()
    }

    /// Waits at most `limit` for its end.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.child.wait(limit)
    }

    /// Asks it to end (SIGTERM), and kills it when it has not within `grace`.
    pub fn terminate(&mut self, grace: Duration) -> ExitStatus {
        self.child.terminate(grace)
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) -> ExitStatus {
        self.child.kill()
    }

    fn check_alive(&mut self) -> Result<()> {
        match self.ended() {
            Some(status) => bail!("the controller ended ({status}); the last it wrote:\n{}", self.log_tail()),
            None => Ok(()),
        }
    }

    fn log_tail(&self) -> String {
        scratch::tail(&self.log, 40)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the last that the controller wrote ---\n{}\n---", self.log_tail());
        }
    }
}

/// One GET without any library: HTTP 1.0, where the answer ends with the connection.
fn get(address: &str, path: &str) -> Result<(u16, String)> {
    get_as(address, path, "*/*")
}

fn get_as(address: &str, path: &str, accept: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let code = head.split_whitespace().nth(1).context("the answer has no status")?.parse()?;
    Ok((code, body.to_owned()))
}
