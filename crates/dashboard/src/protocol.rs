//! What is said to the browser, in JSON. `page/js/model.js` reads it.
//!
//! The page and the server come from one program; [`PROTOCOL`] tells a page that was loaded from another one to load itself anew.

use std::collections::BTreeMap;

use serde::Serialize;

/// Changes whenever an older page would not understand what is said.
pub const PROTOCOL: u32 = 1;

/// All cells. Texts are said once, in tables; a row is a number in each of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// See [`PROTOCOL`].
    pub protocol: u32,
    /// The program's version.
    pub version: &'static str,
    /// The API server that it works with.
    pub server: String,
    /// The prefix of the annotations.
    pub prefix: String,
    /// Where the frames begin that tell what changed since: `Last-Event-ID`.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub now: i64,
    /// Whether every first list is complete. Until then there are no rows.
    pub ready: bool,
    /// Whether another controller writes; `None`: there is no election.
    pub standby: Option<bool>,
    /// How many namespaces exist.
    pub existing_namespaces: usize,
    /// Another one whenever the namespaces or their labels have changed.
    pub namespaces_revision: u64,
    /// The kinds, by name.
    pub kinds: Vec<&'static str>,
    /// The codes of the reasons that occur.
    pub reasons: Vec<&'static str>,
    /// The namespaces that occur.
    pub namespaces: Vec<Box<str>>,
    /// The names of objects that occur.
    pub names: Vec<Box<str>>,
    /// The sources that occur: namespace, name, namespace, name, …; of the kind of the row that names it.
    pub sources: Vec<u32>,
    /// The columns.
    pub rows: Rows,
    /// The last actions, the oldest first.
    pub actions: Vec<Action>,
}

/// The columns of a [`Snapshot`], all of the same length.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// One digit each.
    pub kind: String,
    /// One digit each, as in `State::ALL`.
    pub state: String,
    /// One digit each: 1, it exists; 2, a push made it, or will; 4, it is about to be written.
    pub flags: String,
    /// Which of the namespaces.
    pub namespace: Vec<u32>,
    /// Which of the names.
    pub name: Vec<u32>,
    /// Which of the sources, from 1; 0: none is known.
    pub source: Vec<u32>,
    /// Which of the reasons, from 1; 0: it depends on a content that has not been read.
    pub reason: Vec<u32>,
    /// For how many seconds it has had its state, and 1; 0: that is not known.
    pub age: Vec<i64>,
}

/// What changed. Texts stand where they are used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// When, in seconds since 1970.
    pub now: i64,
    /// Targets that stand otherwise, or are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<ChangedRow>,
    /// Targets that are none any more: kind, `namespace/name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<(usize, String)>,
    /// What was done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Where the namespaces or their labels changed: how many exist, and another number than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<(usize, u64)>,
    /// Where that changed: whether another controller writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standby: Option<bool>,
}

impl Frame {
    /// Whether it tells nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { now: _, rows, gone, actions, namespaces, standby } = self;
        rows.is_empty() && gone.is_empty() && actions.is_empty() && namespaces.is_none() && standby.is_none()
    }
}

/// Kind, target, source, state, reason, flags: as in [`Rows`]; and since when, in seconds since 1970.
pub type ChangedRow = (usize, String, Option<String>, usize, Option<&'static str>, u8, Option<i64>);

/// Something that the controller did, or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The kind's name.
    pub kind: &'static str,
    /// `namespace/name`.
    pub target: String,
    /// `namespace/name`.
    pub source: Option<String>,
    /// What was done: `create`, `update`, …; `refuse`, `hold`, `wait`.
    pub action: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Whether it failed, and what was said.
    pub error: Option<String>,
    /// To so many other targets the same happened.
    pub others: usize,
}

/// The keys of namespaces' labels that group anything: those that most namespaces have first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelKeys {
    /// Key, how many namespaces have it, and with how many values.
    pub keys: Vec<(Box<str>, usize, usize)>,
}

/// The namespaces that have a label of this key, by its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LabelValues {
    /// Names in their order.
    pub values: BTreeMap<Box<str>, Vec<Box<str>>>,
}

/// Why one target stands as it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trail {
    /// The kind's name.
    pub kind: &'static str,
    /// `namespace/name`.
    pub target: String,
    /// The state, and why; `None`: it is no target.
    pub state: Option<&'static str>,
    /// The reason's code.
    pub reason: Option<&'static str>,
    /// The reason, or else the state, in a sentence.
    pub sentence: &'static str,
    /// What exactly.
    pub detail: Option<String>,
    /// What was said when the last attempt failed.
    pub said: Option<Said>,
    /// What would be written now.
    pub action: Option<&'static str>,
    /// What has to be read before it can be decided.
    pub needs: Option<String>,
    /// What is to be done, if anything.
    pub todo: Option<&'static str>,
    /// Commands to paste.
    pub commands: Vec<Command>,
    /// The objects that the data comes through, the target last.
    pub chain: Vec<Link>,
    /// Other sources that push to the same name.
    pub rivals: Vec<String>,
    /// The questions, in their order.
    pub steps: Vec<Step>,
    /// Since when it has had its state, in seconds since 1970.
    pub since: Option<i64>,
    /// When this was found, in seconds since 1970.
    pub now: i64,
}

/// What was said of an attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The words.
    pub text: String,
    /// Of which other target, that fails for the same reason; `None`: of this one.
    pub of: Option<String>,
}

/// A command, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// What it does.
    pub does: &'static str,
    /// The command.
    pub text: String,
}

/// One object of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// `namespace/name`.
    pub key: String,
    /// How its data comes to the next one: `pushes`, `is pulled`; the target: `target`.
    pub role: &'static str,
    /// Whether it exists; `None`: that is not known.
    pub exists: Option<bool>,
    /// Whether the chain comes back to it here.
    pub again: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its resourceVersion.
    pub version: Option<String>,
    /// The version of its source whose data it holds.
    pub holds: Option<String>,
    /// When it was created, in seconds since 1970.
    pub created: Option<i64>,
    /// Its annotations that play a part, without their prefix; long ones cut.
    pub says: Vec<(&'static str, String)>,
    /// What is wrong with its annotations.
    pub ill_formed: Option<String>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its stable name.
    pub question: &'static str,
    /// For a person.
    pub text: &'static str,
    /// What answered it.
    pub fact: String,
    /// `passed`, `decided` or `needs`.
    pub outcome: &'static str,
    /// The reason that it decided for, or what has to be read.
    pub what: Option<String>,
}
