//! Serves HTTP within limits, since anyone may be able to connect.
//!
//! Everything that a client can use is bounded: how many connections are open at once, how long each of them lives, how long its
//! headers take, how long it may leave unread what is sent to it, and its buffer. When one connection more comes than may be open,
//! the oldest is closed, and not the new one made to wait: so a new client gets a response, even if others hold connections open.

use std::collections::VecDeque;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Sleep;
use tracing::debug;

/// The headers of a request have to be complete after this time.
pub const HEADERS: Duration = Duration::from_secs(5);
/// The longest request line and headers; hyper takes no less.
pub const BUFFER: usize = 8 << 10;
/// The pause after an error to accept a connection, as when the process has too many files open.
const PAUSE: Duration = Duration::from_millis(100);

/// What differs between those who serve.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// More connections than that are not open at once.
    pub connections: usize,
    /// A connection is closed after this time at the latest.
    pub lifetime: Duration,
    /// A connection whose other side takes nothing of what is sent to it is closed after this time.
    pub unread: Duration,
    /// Whether a connection is for more than one request.
    pub keep_alive: bool,
}

/// Serves until the program ends.
///
/// # Errors
/// None so far: what fails concerns one connection.
pub async fn serve(listener: TcpListener, routes: Router, limits: Limits) -> io::Result<()> {
    let mut connections = JoinSet::new();
    // The oldest first.
    let mut handles: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                debug!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        handles.retain(|handle| !handle.is_finished());
        while handles.len() >= limits.connections {
            if let Some(oldest) = handles.pop_front() {
                oldest.abort();
            }
        }
        handles.push_back(connections.spawn(connection(stream, routes.clone(), limits)));
    }
}

async fn connection(stream: TcpStream, routes: Router, limits: Limits) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(BUFFER)
        .keep_alive(limits.keep_alive)
        .serve_connection(
            TokioIo::new(Impatient { stream, unread: limits.unread, waiting: None }),
            TowerToHyperService::new(routes),
        );
    // An error is the client's fault: it disconnected, sent no HTTP, or was too slow.
    let _ = tokio::time::timeout(limits.lifetime, serving).await;
}

/// A stream that fails when the other side takes nothing for too long.
struct Impatient {
    stream: TcpStream,
    unread: Duration,
    /// Since something could not be sent.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    fn bounded<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.waiting = None;
            return sent;
        }
        let unread = self.unread;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(unread))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.bounded(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// A response without end, of which nothing is read, keeps no connection open.
    #[tokio::test]
    async fn a_client_that_reads_nothing_is_disconnected() {
        let endless = || async {
            let piece = bytes::Bytes::from(vec![b'x'; 64 << 10]);
            Body::from_stream(futures::stream::repeat_with(move || Ok::<_, io::Error>(piece.clone())))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            connections: 4,
            lifetime: Duration::from_secs(600),
            unread: Duration::from_millis(200),
            keep_alive: true,
        };
        tokio::spawn(serve(listener, Router::new().route("/", get(endless)), limits));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        // Nothing is read. That the server has let go shows by what is sent to it, which it refuses then.
        let refused = async {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), refused).await.expect("the response goes on");
    }
}
