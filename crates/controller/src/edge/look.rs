//! Reading the controller's state from outside of its task: for the page and for metrics.
//!
//! A *look* is a function that is sent to the controller's task, which calls it between two of its steps, one at a time. So the
//! caller sees the controller's own state, and no second copy is kept. While a look runs nothing is replicated, so that one that
//! takes more than a few milliseconds has to be split.

use tokio::sync::{mpsc, oneshot};

use crate::controller::{Controller, Message};
use crate::event::Now;

/// How many looks may be queued; the sender of one more has to wait.
const WAITING: usize = 8;

/// One look.
pub type Look = Box<dyn FnOnce(&Controller, Now) + Send>;

/// Called with each message that the controller logs.
pub type Hear = Box<dyn FnMut(&Message, Now) + Send>;

/// Sends looks. Cheap to clone.
#[derive(Clone)]
pub struct Looks(mpsc::Sender<Look>);

impl Looks {
    /// Sends a look, and returns its result; `None`: the controller has ended.
    pub async fn ask<T: Send + 'static>(&self, look: impl FnOnce(&Controller, Now) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let look: Look = Box::new(move |controller, now| {
            // An error means that the caller does not wait any more.
            let _ = answer.send(look(controller, now));
        });
        self.0.send(look).await.ok()?;
        answered.await.ok()
    }
}

/// The looks at the controller, and the listener for its messages.
pub struct Audience {
    pub(super) looks: mpsc::Receiver<Look>,
    pub(super) hear: Option<Hear>,
}

impl Audience {
    /// An audience that sends looks.
    #[must_use]
    pub fn looking() -> (Looks, Self) {
        let (sender, looks) = mpsc::channel(WAITING);
        (Looks(sender), Self { looks, hear: None })
    }

    /// The same, and `hear` is called with each message.
    #[must_use]
    pub fn heard_by(self, hear: Hear) -> Self {
        Self { hear: Some(hear), ..self }
    }

    /// An audience that sends looks; `hear` is called with each message.
    #[must_use]
    pub fn of(hear: Hear) -> (Looks, Self) {
        let (looks, audience) = Self::looking();
        (looks, audience.heard_by(hear))
    }

    /// No audience.
    #[must_use]
    pub fn nobody() -> Self {
        Self { looks: mpsc::channel(1).1, hear: None }
    }

    pub(super) fn hears(&mut self, messages: &[Message], now: Now) {
        if let Some(hear) = &mut self.hear {
            messages.iter().for_each(|message| hear(message, now));
        }
    }
}
