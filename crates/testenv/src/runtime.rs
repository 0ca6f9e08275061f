//! The one tokio runtime of this crate, hidden behind blocking calls.

use std::future::Future;
use std::sync::{OnceLock, mpsc};

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Runtime};

/// Runs `future` on this crate's runtime and waits for it.
///
/// The waiting is a plain channel's, not `Runtime::block_on`, which refuses to work inside another runtime: tests may be
/// asynchronous themselves.
pub(crate) fn block_on<T: Send + 'static>(future: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = match RUNTIME.get() {
        Some(runtime) => runtime,
        None => {
            // Two threads may both come here; the second one's runtime is dropped on a thread that may not block.
            let built =
                Builder::new_multi_thread().worker_threads(1).enable_all().build().context("no tokio runtime")?;
            if let Err(superfluous) = RUNTIME.set(built) {
                superfluous.shutdown_background();
            }
            RUNTIME.get().context("the runtime was just set")?
        }
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime.spawn(async move { sender.send(future.await) });
    receiver.recv().context("the task broke off")?
}
