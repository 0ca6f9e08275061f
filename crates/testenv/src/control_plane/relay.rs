//! A connection that carries everything late: it makes an API server's cache lag behind etcd.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Accepts connections on a port of 127.0.0.1 and hands what comes to another one, at once; what is answered it hands back late, in
/// order. It goes on until this process ends.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    pub(super) port: u16,
    lag: Arc<AtomicU64>,
}

impl Relay {
    /// Before the server on `port`. It adds no delay until one is set.
    pub(super) fn before(port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for a relay")?;
        let relay = Self { port: listener.local_addr()?.port(), lag: Arc::default() };
        let lag = Arc::clone(&relay.lag);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // The server may be away for now: the client sees its connection end, and tries again.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    carry(client, server, &lag);
                }
            }
        });
        Ok(relay)
    }

    /// How late answers are from now on.
    pub(super) fn set_lag(&self, lag: Duration) {
        self.lag.store(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

fn carry(client: TcpStream, server: TcpStream, lag: &Arc<AtomicU64>) {
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
    let (sender, late) = channel();
    let lag = Arc::clone(lag);
    // Questions are not late.
    thread::spawn(move || {
        let _ = std::io::copy(&mut &client, &mut &server);
        let _ = server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = (&server_too).read(&mut buffer) {
            let due = Instant::now() + Duration::from_millis(lag.load(Ordering::Relaxed));
            if sender.send((due, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || hand_back(&late, &client_too));
}

fn hand_back(late: &Receiver<(Instant, Vec<u8>)>, mut client: &TcpStream) {
    while let Ok((due, bytes)) = late.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if client.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
