//! Connections to local servers, over TLS, by a proxy, and with credentials that change.
//!
//! The certificates in `fixtures` are for these tests only: a CA, a server `api.example.test` at 127.0.0.1, and two clients.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::cluster::FailureKind;

const CA: &str = include_str!("fixtures/ca.pem");
const SERVER: [&str; 2] = [include_str!("fixtures/server.pem"), include_str!("fixtures/server.key")];
const FIRST: [&str; 2] = [include_str!("fixtures/first.pem"), include_str!("fixtures/first.key")];
const SECOND: [&str; 2] = [include_str!("fixtures/second.pem"), include_str!("fixtures/second.key")];

/// A folder of its own, which goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("k8s-replicator-connect-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A kubeconfig that leads to this server, as this user.
    fn kubeconfig(&self, server: &str, more: &str, user: &str) -> Origin {
        self.write("ca.pem", CA);
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\n\
             clusters: [{{ name: c, cluster: {{ server: \"{server}\", certificate-authority: ca.pem{more} }} }}]\n\
             users: [{{ name: u, user: {{ {user} }} }}]\n"
        );
        Origin::Kubeconfig(self.write("kubeconfig", &text))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the server saw: of each request, its `Authorization`, its user agent, or the client's certificate.
type Seen = Arc<StdMutex<Vec<String>>>;

/// By what a request identifies its user: a token, or the number of the client's certificate.
fn who(request: &Request<hyper::body::Incoming>, certificate: Option<&CertificateDer<'_>>) -> String {
    let own = |pair: [&str; 2]| CertificateDer::from_pem_slice(pair[0].as_bytes()).unwrap();
    match certificate {
        Some(certificate) if *certificate == own(FIRST) => "first".to_owned(),
        Some(certificate) if *certificate == own(SECOND) => "second".to_owned(),
        _ => request
            .headers()
            .get("authorization")
            .map_or("nobody".to_owned(), |value| value.to_str().unwrap().to_owned()),
    }
}

async fn serve_one<S>(
    stream: S,
    certificate: Option<CertificateDer<'static>>,
    seen: Seen,
    accepted: Arc<StdMutex<String>>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let who = who(&request, certificate.as_ref());
        let status = if *accepted.lock().unwrap() == who { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        seen.lock().unwrap().push(who);
        async move {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A server that accepts one user at a time.
struct Server {
    port: u16,
    seen: Seen,
    accepted: Arc<StdMutex<String>>,
}

impl Server {
    async fn start(tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, accepted) = (Seen::default(), Arc::new(StdMutex::new("nobody".to_owned())));
        let (to, of) = (seen.clone(), accepted.clone());
        let acceptor = tls.then(acceptor);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, accepted) = (to.clone(), of.clone());
                match &acceptor {
                    None => drop(tokio::spawn(serve_one(stream, None, seen, accepted))),
                    Some(acceptor) => {
                        let Ok(stream) = acceptor.accept(stream).await else { continue };
                        let certificate = stream.get_ref().1.peer_certificates().map(|all| all[0].clone().into_owned());
                        tokio::spawn(serve_one(stream, certificate, seen, accepted));
                    }
                }
            }
        });
        Self { port, seen, accepted }
    }

    fn accepts(&self, who: &str) {
        who.clone_into(&mut self.accepted.lock().unwrap());
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// Clients may have a certificate of the CA, or none.
fn acceptor() -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let [certificate, key] = SERVER;
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A proxy that leads every `CONNECT` to this port, whatever host it names; and what it was asked for.
async fn connect_proxy(port: u16) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let to = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = to.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut lines = Vec::new();
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).await.unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    lines.push(line.trim().to_owned());
                }
                let auth = lines.iter().find(|line| line.to_lowercase().starts_with("proxy-authorization")).cloned();
                seen.lock().unwrap().push(format!("{} {}", lines[0], auth.unwrap_or_default()).trim().to_owned());
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    (own, seen)
}

async fn open_(origin: Origin, environment: Environment) -> Connection {
    Connection::open(origin, environment, LIMITS).await.unwrap_or_else(|error| panic!("{error}")).0
}

/// The status that the server answers with.
async fn status(connection: &Connection) -> u16 {
    let request = || Ok(Request::get("/version").body(Body::empty()).unwrap());
    let response = connection.send(request).await.unwrap_or_else(|failure| panic!("{}", failure.message));
    let status = response.status().as_u16();
    let _ = response.into_body().collect().await;
    status
}

/// Makes the connection check its credentials at the next request, as after a long time.
async fn long_after(connection: &Connection) {
    connection.set(|current| current.check_at = Instant::now());
    connection.shared.refresh.lock().await.not_before = Instant::now();
}

#[tokio::test]
async fn a_token_file_is_trimmed_and_read_again_when_it_changed() {
    let (folder, server) = (Folder::new(), Server::start(false).await);
    folder.write("token", "one\n");
    let origin = folder.kubeconfig(&format!("http://127.0.0.1:{}", server.port), "", "tokenFile: token");
    let connection = open_(origin, Environment::default()).await;
    server.accepts("Bearer one");
    assert_eq!(status(&connection).await, 200);
    folder.write("token", "  two\r\n");
    server.accepts("Bearer two");
    long_after(&connection).await;
    assert_eq!(status(&connection).await, 200);
    assert_eq!(server.seen(), ["Bearer one", "Bearer two"], "before it was refused");
}

/// Issue 3: 401 leads to fresh credentials; and not to a hot loop of reading them.
#[tokio::test]
async fn when_the_server_answers_401_credentials_are_read_again() {
    let (folder, server) = (Folder::new(), Server::start(false).await);
    folder.write("token", "one");
    let origin = folder.kubeconfig(&format!("http://127.0.0.1:{}", server.port), "", "tokenFile: token");
    let connection = open_(origin, Environment::default()).await;
    folder.write("token", "two");
    server.accepts("Bearer two");
    connection.shared.refresh.lock().await.not_before = Instant::now();
    assert_eq!(status(&connection).await, 200);
    assert_eq!(server.seen(), ["Bearer one", "Bearer two"]);
    // Another one that is refused is not read again at once.
    server.accepts("Bearer three");
    for _ in 0..10 {
        assert_eq!(status(&connection).await, 401);
    }
    assert_eq!(server.seen().len(), 10);
    assert_eq!(connection.current().generation, 1);
}

/// A token that cannot be read again is used as it is: it may be about to be replaced.
#[tokio::test]
async fn what_cannot_be_read_again_stays_in_use() {
    let (folder, server) = (Folder::new(), Server::start(false).await);
    let token = folder.write("token", "one");
    let origin = folder.kubeconfig(&format!("http://127.0.0.1:{}", server.port), "", "tokenFile: token");
    let connection = open_(origin, Environment::default()).await;
    std::fs::remove_file(token).unwrap();
    server.accepts("Bearer one");
    long_after(&connection).await;
    assert_eq!(status(&connection).await, 200);
    server.accepts("nobody");
    long_after(&connection).await;
    assert_eq!(status(&connection).await, 401);
    server.accepts("Bearer one");
    assert_eq!(status(&connection).await, 200);
}

/// Issue 3: rotated client certificates are used without a restart.
#[tokio::test]
async fn client_certificates_that_were_rotated_are_read_again() {
    let (folder, server) = (Folder::new(), Server::start(true).await);
    let client = |[certificate, key]: [&str; 2]| {
        folder.write("client.pem", certificate);
        folder.write("client.key", key);
    };
    client(FIRST);
    let user = "client-certificate: client.pem, client-key: client.key";
    let origin = folder.kubeconfig(&format!("https://127.0.0.1:{}", server.port), "", user);
    let connection = open_(origin, Environment::default()).await;
    server.accepts("first");
    assert_eq!(status(&connection).await, 200);
    client(SECOND);
    assert_eq!(status(&connection).await, 200, "the old one is good until it is refused");
    server.accepts("second");
    connection.shared.refresh.lock().await.not_before = Instant::now();
    assert_eq!(status(&connection).await, 200);
    assert_eq!(server.seen(), ["first", "first", "first", "second"]);
}

/// A credential plugin that is this shell script.
fn script(text: &str) -> String {
    format!(
        "exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [\"-c\", {text:?}] }}"
    )
}

/// What a plugin writes.
fn credential(status: &str) -> String {
    format!("{{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{status}}}")
}

/// Issue 3: credentials of a plugin are asked for anew when they are refused, also where it does not say when they expire; and before
/// they expire, where it does.
#[tokio::test]
async fn a_credential_plugin_is_run_again() {
    let (folder, server) = (Folder::new(), Server::start(false).await);
    let gives = |status: &str| folder.write("credential.json", &credential(status));
    let file = gives("{\"token\":\"one\"}");
    let user = script(&format!("cat {}", file.display()));
    let origin = folder.kubeconfig(&format!("http://127.0.0.1:{}", server.port), "", &user);
    let connection = open_(origin, Environment::default()).await;
    server.accepts("Bearer one");
    assert_eq!(status(&connection).await, 200);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(30);
    gives(&format!("{{\"token\":\"two\",\"expirationTimestamp\":\"{soon}\"}}"));
    server.accepts("Bearer two");
    connection.shared.refresh.lock().await.not_before = Instant::now();
    assert_eq!(status(&connection).await, 200);
    gives("{\"token\":\"three\"}");
    server.accepts("Bearer three");
    server.seen();
    long_after(&connection).await;
    assert_eq!(status(&connection).await, 200);
    assert_eq!(server.seen(), ["Bearer three"], "before it expired and was refused");
}

/// A client certificate of a plugin is used, and followed.
#[tokio::test]
async fn a_credential_plugins_certificate_is_used() {
    let (folder, server) = (Folder::new(), Server::start(true).await);
    let [certificate, key] = FIRST.map(|pem| serde_json::to_string(pem).unwrap());
    let file = folder.write(
        "credential.json",
        &credential(&format!("{{\"clientCertificateData\":{certificate},\"clientKeyData\":{key}}}")),
    );
    let user = script(&format!("cat {}", file.display()));
    let connection =
        open_(folder.kubeconfig(&format!("https://127.0.0.1:{}", server.port), "", &user), Environment::default())
            .await;
    server.accepts("first");
    assert_eq!(status(&connection).await, 200);
}

/// The error names what is wrong with a plugin, and shows nothing of its standard output, which holds credentials.
#[tokio::test]
async fn a_plugin_that_fails_is_named_with_its_error_output() {
    let folder = Folder::new();
    for (text, said) in [
        ("echo hunter2; echo no login >&2; exit 3", "\"sh\" failed (exit status: 3): no login"),
        ("exit 3", "\"sh\" failed (exit status: 3): it said nothing on standard error"),
        ("echo hunter2", "\"sh\" wrote no ExecCredential with a status"),
        (
            "echo '{\"kind\":\"ExecCredential\",\"status\":{\"token\":[\"hunter2\"]}}'",
            "\"sh\" wrote no ExecCredential with a status",
        ),
        (
            "echo '{\"kind\":\"ExecCredential\",\"status\":{}}'",
            "\"sh\" gave neither a token nor a client certificate with its key",
        ),
        ("exec sleep 1000", "\"sh\" did not end within 1 s and was killed"),
    ] {
        let origin = folder.kubeconfig("http://127.0.0.1:1", "", &script(text));
        let opened =
            Connection::open(origin, Environment::default(), Limits { plugin: Duration::from_secs(1), ..LIMITS }).await;
        let Err(error) = opened else { panic!("{text} is used") };
        let error = error.to_string();
        assert!(error.ends_with(said) && !error.contains("hunter2"), "{text}: {error}");
    }
    let missing = "exec: { apiVersion: v1, command: /no/such/plugin, installHint: \"get it from x\" }";
    let origin = folder.kubeconfig("http://127.0.0.1:1", "", missing);
    let Err(error) = Connection::open(origin, Environment::default(), LIMITS).await else { panic!() };
    assert!(
        error.to_string().contains("cannot run the credential plugin \"/no/such/plugin\"")
            && error.to_string().ends_with("get it from x"),
        "{error}"
    );
}

/// The children that still run.
fn alive(children: &Path) -> Vec<String> {
    let ids = std::fs::read_to_string(children).unwrap_or_default();
    ids.lines().filter(|id| Path::new(&format!("/proc/{id}")).exists()).map(str::to_owned).collect()
}

/// Issue 9: a plugin that hangs left a thread and a process for each attempt.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_plugin_that_hangs_is_run_once_at_a_time_and_killed() {
    const LONGEST: Duration = Duration::from_secs(5);
    let (folder, server) = (Folder::new(), Server::start(false).await);
    let file = folder.write("credential.json", &credential("{\"token\":\"one\"}"));
    let (children, hang) = (folder.0.join("children"), folder.0.join("hang"));
    let [its, hangs, gives] = [&children, &hang, &file].map(|path| path.display());
    let user = script(&format!("echo $$ >> {its}; if test -e {hangs}; then exec sleep 1000; fi; cat {gives}"));
    let origin = folder.kubeconfig(&format!("http://127.0.0.1:{}", server.port), "", &user);
    let connection =
        Connection::open(origin, Environment::default(), Limits { plugin: LONGEST, ..LIMITS }).await.unwrap().0;
    let runs = || std::fs::read_to_string(&children).unwrap().lines().count();
    folder.write("hang", "");
    connection.shared.refresh.lock().await.not_before = Instant::now();
    // Each request is refused, waits for other credentials, and is given up.
    for asked in 1..=20 {
        let own = connection.clone();
        let request = tokio::spawn(async move { status(&own).await });
        while server.seen.lock().unwrap().len() < asked || runs() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
    }
    assert_eq!((runs(), alive(&children).len()), (2, 1), "the first one, and one that hangs");
    let killed = async {
        while !alive(&children).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(4 * LONGEST, killed).await.expect("it still runs");
    server.accepts("Bearer one");
    assert_eq!(status(&connection).await, 200, "what there was is still in use");
}

/// Issue 9: every wait has an end, also one for a server, or a proxy, that accepts connections and says nothing.
#[tokio::test]
async fn a_connection_whose_other_side_is_silent_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let folder = Folder::new();
    for (server, more) in [
        (format!("https://127.0.0.1:{port}"), String::new()),
        ("http://api.example.test".to_owned(), format!(", proxy-url: \"http://127.0.0.1:{port}\"")),
        ("http://api.example.test".to_owned(), format!(", proxy-url: \"socks5://127.0.0.1:{port}\"")),
    ] {
        let limits = Limits { connect: Duration::from_millis(100), ..LIMITS };
        let origin = folder.kubeconfig(&server, &more, "");
        let (connection, _) = Connection::open(origin, Environment::default(), limits).await.unwrap();
        let request = || Ok(Request::get("/version").body(Body::empty()).unwrap());
        let sent = tokio::time::timeout(Duration::from_secs(20), connection.send(request)).await;
        assert_eq!(sent.expect("it waits for ever").unwrap_err().kind, FailureKind::Unreachable, "{server}{more}");
    }
}

/// Issue 3: `HTTPS_PROXY` works, over our own connector, with the server's certificate checked beyond the proxy.
#[tokio::test]
async fn the_environments_proxy_leads_to_the_server() {
    let (folder, server) = (Folder::new(), Server::start(true).await);
    let (proxy, seen) = connect_proxy(server.port).await;
    let origin = folder.kubeconfig("https://api.example.test:6443", "", "");
    let environment = |no_proxy: &str| Environment {
        https_proxy: Some(format!("http://user:pass%40word@127.0.0.1:{proxy}")),
        http_proxy: None,
        no_proxy: Some(no_proxy.to_owned()),
    };
    let connection = open_(origin.clone(), environment("other.example,10.0.0.0/8")).await;
    assert_eq!(status(&connection).await, 200);
    assert_eq!(server.seen(), ["nobody"]);
    let asked = seen.lock().unwrap().clone();
    // "user:pass@word"
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with("CONNECT api.example.test:6443 HTTP/1.1"), "{asked:?}");
    assert!(asked[0].ends_with("Basic dXNlcjpwYXNzQHdvcmQ="), "{asked:?}");
    // NO_PROXY names it: it is not to be found then.
    let connection = open_(origin, environment(".example.test")).await;
    let request = || Ok(Request::get("/version").body(Body::empty()).unwrap());
    let failure = connection.send(request).await.unwrap_err();
    assert!(!failure.message.contains("pass"), "{}", failure.message);
    assert_eq!(seen.lock().unwrap().len(), 1, "the proxy was not asked");
}

#[tokio::test]
async fn the_kubeconfigs_proxy_leads_to_the_server_whatever_the_environment_says() {
    let (folder, server) = (Folder::new(), Server::start(false).await);
    let (proxy, seen) = connect_proxy(server.port).await;
    let more = format!(", proxy-url: \"http://127.0.0.1:{proxy}\"");
    let origin = folder.kubeconfig("http://api.example.test:8080", &more, "");
    let environment = Environment { no_proxy: Some("*".to_owned()), ..Environment::default() };
    assert_eq!(status(&open_(origin, environment).await).await, 200);
    assert_eq!(seen.lock().unwrap().as_slice(), ["CONNECT api.example.test:8080 HTTP/1.1"]);
    let wrong = folder.kubeconfig("http://api.example.test:8080", ", proxy-url: \"ftp://u:hunter2@proxy\"", "");
    let Err(error) = Connection::open(wrong, Environment::default(), LIMITS).await else { panic!("it is used") };
    assert!(error.to_string().contains("proxy-url") && !error.to_string().contains("hunter2"), "{error}");
}

/// A request names who asks, as the audit log of the API server shows it.
#[tokio::test]
async fn a_request_names_its_program_and_version() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let folder = Folder::new();
    let connection = open_(folder.kubeconfig(&url, "", ""), Environment::default()).await;
    let (sender, mut inbox) = tokio::sync::mpsc::channel(4);
    let request = crate::wire::HttpRequest::get("/x".into(), "application/json", crate::wire::Expects::Whole(4));
    let id = crate::controller::RequestId::first();
    tokio::spawn(super::super::http::send(connection, id, request, sender));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = vec![0; 4_096];
    let mut length = 0;
    while !asked[..length].ends_with(b"\r\n\r\n") {
        length += stream.read(&mut asked[length..]).await.unwrap();
    }
    let asked = String::from_utf8_lossy(&asked[..length]).to_lowercase();
    assert!(asked.contains(&format!("user-agent: k8s-replicator/{}\r\n", env!("CARGO_PKG_VERSION"))), "{asked}");
    // And what is longer than it wants is not taken.
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await.unwrap();
    assert!(matches!(inbox.recv().await, Some((_, crate::wire::Received::TooLong))));
}
