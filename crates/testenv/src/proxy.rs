//! A reverse proxy before the API server that injects the faults that a test asks for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use crate::kubeconfig::{self, Access};
use crate::{Client, User, scratch};

/// What happens to a request.
#[derive(Clone, Debug, Default)]
pub enum Fault {
    /// It reaches the server, and the answer the client.
    #[default]
    Pass,
    /// The proxy answers itself.
    Status {
        /// The status code.
        code: u16,
        /// Names and values, such as `Retry-After`.
        headers: Vec<(String, String)>,
        /// The text.
        body: String,
    },
    /// Answered with 200 and nothing else, and the connection is closed: a watch that ends as soon as it began.
    CloseAtOnce,
    /// Never answered.
    Hang,
    /// The connection is closed without an answer; the request does not reach the server.
    Disconnect,
    /// Passed on after this pause.
    Delay(Duration),
    /// The server carries the request out at once; the answer is handed back after this pause. (That of a watch begins so much later.)
    DelayReply(Duration),
    /// The server carries the request out; the connection is closed without a response.
    LoseReply,
}

impl Fault {
    /// A status code with an empty text.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status { code, headers: Vec::new(), body: String::new() }
    }
}

/// What a rule sees of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// `GET`, `POST`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Without the question mark; empty when there is none.
    pub query: String,
}

impl RequestView {
    /// Whether this is the start of a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.method == "GET" && self.query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1")
    }
}

type Rule = Arc<dyn Fn(&RequestView) -> Fault + Send + Sync>;

/// The proxy. It speaks plain HTTP/1.1 on loopback to the controller, and as one user to the API server. Without a rule, all
/// requests pass. Dropping it stops it.
pub struct Proxy {
    state: Arc<State>,
    address: SocketAddr,
    kubeconfig: PathBuf,
    /// All connections live in it: dropping it breaks them. None while stopped.
    runtime: Option<Runtime>,
    /// Never listens: as long as it is there, no other process gets the port while the proxy is stopped, not even as the
    /// near end of some connection.
    _reserved: TcpSocket,
}

struct State {
    upstream: Client,
    rule: Mutex<Rule>,
    seen: Mutex<Vec<RequestView>>,
}

impl Proxy {
    /// Starts one that speaks as `user`.
    ///
    /// # Panics
    /// When it cannot be started: no test can go on then.
    #[expect(clippy::panic, reason = "for tests only")]
    pub fn start(user: &User) -> Self {
        match Self::before(&user.kubeconfig) {
            Ok(proxy) => proxy,
            Err(error) => panic!("the proxy does not start: {error:#}"),
        }
    }

    /// Starts one that speaks to the server that this kubeconfig names, as the user whom it names.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn before(kubeconfig: &Path) -> Result<Self> {
        let state = Arc::new(State {
            upstream: Client::new(kubeconfig)?,
            rule: Mutex::new(Arc::new(|_| Fault::Pass)),
            seen: Mutex::default(),
        });
        let reserved = socket(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = reserved.local_addr()?;
        let runtime = serve(address, state.clone())?;
        let kubeconfig = scratch::folder("proxy")?.join("kubeconfig");
        kubeconfig::write(&kubeconfig, &Access { server: &format!("http://{address}"), authority: None, user: None })?;
        Ok(Self { state, address, kubeconfig, runtime: Some(runtime), _reserved: reserved })
    }

    /// A kubeconfig file that leads to the proxy.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// From now on, `rule` says what happens to each new request. Requests under way, open watches among them, are not
    /// touched: see [`Proxy::break_connections`].
    pub fn set_rule(&self, rule: impl Fn(&RequestView) -> Fault + Send + Sync + 'static) {
        *lock(&self.state.rule) = Arc::new(rule);
    }

    /// All requests until now, in order, also those that met a fault.
    pub fn seen(&self) -> Vec<RequestView> {
        lock(&self.state.seen).clone()
    }

    /// Stops listening and breaks all connections: to its clients, the API server is gone.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits for the port to be free. On a thread of its own since no runtime lets another one be waited for.
            let _ = thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5))).join();
        }
    }

    /// Listens again, at the same address.
    ///
    /// # Panics
    /// When it cannot listen any more.
    #[expect(clippy::panic, reason = "for tests only")]
    pub fn start_again(&mut self) {
        self.stop();
        match serve(self.address, self.state.clone()) {
            Ok(runtime) => self.runtime = Some(runtime),
            Err(error) => panic!("the proxy does not start again: {error:#}"),
        }
    }

    /// Breaks all connections; new ones are welcome at once.
    ///
    /// # Panics
    /// As [`Proxy::start_again`].
    pub fn break_connections(&mut self) {
        self.start_again();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the address, together with others of its kind; only the one that listens gets connections.
fn socket(address: SocketAddr) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address).with_context(|| format!("cannot have the address {address}"))?;
    Ok(socket)
}

/// Listens on a thread of its own.
fn serve(address: SocketAddr, state: Arc<State>) -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let socket = socket(address)?;
    let listener = {
        let _inside = runtime.enter();
        socket.listen(1024).with_context(|| format!("cannot listen on {address}"))?
    };
    runtime.spawn(async move {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, state.clone()));
            }
        }
    });
    Ok(runtime)
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| answer(request, state.clone()));
    // An error is a connection that broke: often what was ordered.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without an answer.
async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Body>> {
    let view = RequestView {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    lock(&state.seen).push(view.clone());
    let rule = lock(&state.rule).clone();
    match rule(&view) {
        Fault::Pass => pass(request, &state.upstream).await,
        Fault::Delay(pause) => {
            tokio::time::sleep(pause).await;
            pass(request, &state.upstream).await
        }
        Fault::DelayReply(pause) => {
            let answer = pass(request, &state.upstream).await;
            tokio::time::sleep(pause).await;
            answer
        }
        Fault::Status { code, headers, body } => {
            let mut response = Response::new(Body::from(body.into_bytes()));
            *response.status_mut() = StatusCode::from_u16(code)?;
            for (name, value) in headers {
                response.headers_mut().insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
            }
            Ok(response)
        }
        Fault::CloseAtOnce => {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
        Fault::Hang => std::future::pending().await,
        Fault::Disconnect => Err(anyhow!("the test asked for a closed connection")),
        Fault::LoseReply => {
            pass(request, &state.upstream).await?.into_body().collect().await?;
            Err(anyhow!("the test asked for a lost reply"))
        }
    }
}

/// Sends the request on, and hands the answer back as it comes: a watch's never ends.
async fn pass(request: Request<Incoming>, upstream: &Client) -> Result<Response<Body>> {
    let (head, body) = request.into_parts();
    // At most a few megabytes: the server takes no more.
    let body = body.collect().await?.to_bytes();
    let mut onward = Request::builder().method(head.method).uri(head.uri);
    for (name, value) in &head.headers {
        // These are about the connection, or about who asks: the other side has its own.
        if ![header::HOST, header::CONNECTION, header::AUTHORIZATION, header::TRANSFER_ENCODING].contains(name) {
            onward = onward.header(name, value);
        }
    }
    Ok(upstream.inner().send(onward.body(Body::from(body))?).await?)
}
