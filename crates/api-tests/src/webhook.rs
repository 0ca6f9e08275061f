//! A webhook that answers: it says no, as it is told to.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use k8s_replicator_testenv::ControlPlane;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// How long the API server may be silent on a connection that it has opened: a connection that it never uses keeps others waiting no longer.
const SILENCE: Duration = Duration::from_secs(10);

/// A server of admission reviews on loopback. Dropping it ends it.
pub(crate) struct Webhook {
    pub(crate) url: String,
    address: std::net::SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    /// One that denies with this `Status`. It has the certificate of the API server itself, which is for loopback too.
    pub(crate) fn denying(plane: &ControlPlane, status: Value) -> Self {
        let pki = plane.dir().join("kube-apiserver-pki");
        let chain = CertificateDer::pem_file_iter(pki.join("apiserver.crt")).expect("a certificate");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(pki.join("apiserver.key")).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate and its key");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let ends = Arc::new(AtomicBool::new(false));
        let has_ended = ends.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if has_ended.load(Ordering::Relaxed) {
                    return;
                }
                // One that fails is seen by the API server, which then says so.
                if let Ok(stream) = stream {
                    let _ = answer(stream, config.clone(), &status);
                }
            }
        });
        Self { url: format!("https://{address}/"), address, ends, thread: Some(thread) }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Answers one review, and closes.
fn answer(stream: TcpStream, config: Arc<ServerConfig>, status: &Value) -> std::io::Result<()> {
    let bad = || std::io::Error::other("no review");
    stream.set_read_timeout(Some(SILENCE))?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let (mut request, mut piece) = (Vec::new(), [0; 4_096]);
    let review: Value = loop {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Err(bad());
        }
        request.extend_from_slice(&piece[..length]);
        // It is whole when its body is JSON.
        let head = request.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(review) = head.and_then(|end| serde_json::from_slice(&request[end + 4..]).ok()) {
            break review;
        }
    };
    let response = json!({ "uid": review["request"]["uid"], "allowed": false, "status": status });
    let body =
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response }).to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
