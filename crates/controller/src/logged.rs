//! The log lines that something writes, for tests.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::subscriber::with_default;

/// What is written, of all clones.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log lines that `writes` writes at any level, as `--log-format=json` has them, without their times.
pub(crate) fn lines(writes: impl FnOnce()) -> Vec<Value> {
    let written = Written::default();
    let writer = written.clone();
    let json = tracing_subscriber::fmt().json().flatten_event(true).without_time().with_target(false);
    with_default(json.with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish(), writes);
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
