//! Looking at the controller from outside of its task.
//!
//! A look is a message: a function that the controller's own task calls between two of its steps, one at a time. So whoever looks sees
//! what the controller knows, and no second copy of it is kept. While a look runs nothing is replicated: whatever takes more than a few
//! milliseconds is to be asked for in pieces.

use tokio::sync::{mpsc, oneshot};

use crate::controller::{Controller, Message};
use crate::event::Now;

/// So many looks may wait for their turn; whoever has one more waits.
const WAITING: usize = 8;

/// One look.
pub type Look = Box<dyn FnOnce(&Controller, Now) + Send>;

/// Takes what the controller logs, as it logs it.
pub type Hear = Box<dyn FnMut(&Message, Now) + Send>;

/// Sends looks. Cheap to clone.
#[derive(Clone)]
pub struct Looks(mpsc::Sender<Look>);

impl Looks {
    /// What a look answers; `None`: the controller has ended.
    pub async fn ask<T: Send + 'static>(&self, look: impl FnOnce(&Controller, Now) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let look: Look = Box::new(move |controller, now| {
            // Who asked may have gone.
            let _ = answer.send(look(controller, now));
        });
        self.0.send(look).await.ok()?;
        answered.await.ok()
    }
}

/// Who looks at the controller, and who hears what it does.
pub struct Audience {
    pub(super) looks: mpsc::Receiver<Look>,
    pub(super) hear: Option<Hear>,
}

impl Audience {
    /// Somebody who can look.
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

    /// Somebody who can look, and hears each message.
    #[must_use]
    pub fn of(hear: Hear) -> (Looks, Self) {
        let (looks, audience) = Self::looking();
        (looks, audience.heard_by(hear))
    }

    /// Nobody.
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
