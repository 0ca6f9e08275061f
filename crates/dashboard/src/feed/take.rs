//! What is asked of the controller: all targets, piece by piece, and those that changed.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_replicator_controller::controller::Controller;
use k8s_replicator_controller::edge::look::Looks;
use k8s_replicator_controller::event::Now;
use k8s_replicator_controller::replicator::Replicator;
use k8s_replicator_controller::replicator::standing::Stands;
use k8s_replicator_core::graph::Graph;
use k8s_replicator_core::names::TargetKey;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::state::State;
use k8s_replicator_core::survey::Row;

use crate::cell::Cell;
use crate::protocol::Frame;
use crate::snapshot::{Builder, Tables};

/// So many targets are looked at before the controller goes on with its own work: a few milliseconds.
const AT_ONCE: usize = 250;
/// Who is further behind takes a new snapshot: it is smaller than the frames.
const MOST_BEHIND: u64 = 3_000;

/// What is known of the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Up to which change of each kind, and whether each was ready then.
    kinds: Vec<(u64, bool)>,
    /// The namespaces' revision.
    namespaces: u64,
}

impl Seen {
    fn of(controller: &Controller) -> Self {
        let kinds = controller.replicators().map(|it| (it.standing().last_change(), it.is_ready())).collect();
        Self { kinds, namespaces: namespaces_revision(controller) }
    }
}

/// A number that is another one after each change of the namespaces.
fn namespaces_revision(controller: &Controller) -> u64 {
    controller.replicators().map(|it| it.graph().namespaces_revision()).sum()
}

/// How many namespaces exist.
fn existing(controller: &Controller) -> usize {
    controller.replicators().map(|it| it.graph().namespaces().count()).max().unwrap_or_default()
}

/// What changed.
pub(super) enum Taken {
    Frame(Frame, Seen),
    /// A new snapshot says it better.
    TooMuch,
}

/// What stands at the beginning of a snapshot.
pub(super) struct Head {
    pub(super) prefix: String,
    pub(super) now: i64,
    pub(super) ready: bool,
    /// How many exist, and their revision.
    pub(super) namespaces: (usize, u64),
    /// The graphs' revision.
    pub(super) revision: u64,
    pub(super) kinds: Vec<&'static str>,
    /// All targets of each kind.
    pub(super) targets: Vec<Vec<TargetKey>>,
}

pub(super) fn begin(controller: &Controller, now: Now) -> (Seen, Head) {
    let replicators = || controller.replicators();
    let ready = replicators().all(Replicator::is_ready);
    let targets = |it: &Replicator| if ready { it.graph().all_asked_for() } else { Vec::new() };
    let head = Head {
        prefix: controller.dialect().prefix().to_owned(),
        now: now.time.as_second(),
        ready,
        namespaces: (existing(controller), namespaces_revision(controller)),
        revision: revision(controller),
        kinds: replicators().map(|it| it.kind().name()).collect(),
        targets: replicators().map(targets).collect(),
    };
    (Seen::of(controller), head)
}

/// The cells of these targets, each kind's in a list of its own; and what [`nowhere`] makes of them.
pub(super) async fn all(looks: &Looks, now: i64, targets: Vec<Vec<TargetKey>>) -> Option<(Tables, u64)> {
    let begin = (Builder::new(now), 0_u64);
    let (builder, nowhere) = in_pieces(looks, targets, begin, |(builder, sum), kind, graph, cell| {
        *sum = sum.wrapping_add(number(kind, graph, &cell));
        builder.add(kind, cell);
    })
    .await?;
    Some((builder.finish(), nowhere))
}

/// The names in namespaces that do not exist, if the graphs are not those of this revision, and theirs.
pub(super) fn waiting(controller: &Controller, known: u64) -> Option<(u64, Vec<Vec<TargetKey>>)> {
    let revision = Some(revision(controller)).filter(|it| *it != known)?;
    Some((revision, controller.replicators().map(|it| it.graph().waiting_for_a_namespace()).collect()))
}

/// One number for how all targets stand that wait for a namespace. The controller looks at them when there is one, and so its journal
/// says nothing of them.
pub(super) async fn nowhere(looks: &Looks, targets: Vec<Vec<TargetKey>>) -> Option<u64> {
    let add =
        |sum: &mut u64, kind: usize, graph: &Graph, cell: Cell| *sum = sum.wrapping_add(number(kind, graph, &cell));
    in_pieces(looks, targets, 0, add).await
}

/// What one cell adds, in whatever order.
fn number(kind: usize, graph: &Graph, cell: &Cell) -> u64 {
    let namespace = cell.target.namespace();
    if graph.namespace(namespace).is_some() || !graph.covers(namespace) {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    (kind, &cell.target, &cell.source, cell.state as usize, cell.reason.map(Reason::code)).hash(&mut hasher);
    hasher.finish()
}

fn revision(controller: &Controller) -> u64 {
    controller.replicators().map(|it| it.graph().revision()).sum()
}

/// Calls `tell` with the cell of each of these targets, each kind's in a list of its own, a few at a time.
async fn in_pieces<T: Send + 'static>(
    looks: &Looks,
    targets: Vec<Vec<TargetKey>>,
    begin: T,
    tell: fn(&mut T, usize, &Graph, Cell),
) -> Option<T> {
    let mut told = begin;
    for (kind, targets) in targets.into_iter().enumerate() {
        let mut rest = targets.into_iter();
        loop {
            let piece: Vec<_> = rest.by_ref().take(AT_ONCE).collect();
            if piece.is_empty() {
                break;
            }
            let look = move |controller: &Controller, now: Now| {
                let mut told = told;
                if let Some(replicator) = controller.replicators().nth(kind) {
                    let cells = piece.iter().filter_map(|target| cell(replicator, now, target));
                    cells.for_each(|cell| tell(&mut told, kind, replicator.graph(), cell));
                }
                told
            };
            told = looks.ask(look).await?;
        }
    }
    Some(told)
}

/// What changed since: as much as is looked at at once. The rest is for the next frame.
pub(super) fn changes(controller: &Controller, now: Now, seen: Seen) -> Taken {
    let mut frame = Frame { now: now.time.as_second(), ..Frame::default() };
    let Seen { mut kinds, namespaces: seen } = seen;
    let revision = namespaces_revision(controller);
    frame.namespaces = (revision != seen).then(|| (existing(controller), revision));
    for (kind, (replicator, (number, was_ready))) in controller.replicators().zip(&mut kinds).enumerate() {
        let standing = replicator.standing();
        let is_behind = standing.last_change().saturating_sub(*number) > MOST_BEHIND;
        let changes = standing.changes_since(*number).filter(|_| *was_ready == replicator.is_ready() && !is_behind);
        let Some(changes) = changes else { return Taken::TooMuch };
        let mut changed: BTreeSet<&TargetKey> = BTreeSet::new();
        for change in changes.take(AT_ONCE) {
            changed.insert(&change.target);
            *number = change.number;
        }
        for target in changed {
            match cell(replicator, now, target) {
                Some(cell) => frame.rows.push(cell.changed(kind)),
                None => frame.gone.push((kind, target.to_string())),
            }
        }
    }
    Taken::Frame(frame, Seen { kinds, namespaces: revision })
}

fn cell(replicator: &Replicator, now: Now, target: &TargetKey) -> Option<Cell> {
    let row = with_failure(replicator, replicator.look(target).0?);
    Some(Cell::of(replicator.graph(), row, since(replicator, now, target)))
}

/// Since when a target has had its state, in seconds since 1970.
pub(super) fn since(replicator: &Replicator, now: Now, target: &TargetKey) -> Option<i64> {
    let (_, since) = replicator.standing().of(target)?;
    let ago = now.moment.saturating_sub(since).as_secs();
    Some(now.time.as_second() - i64::try_from(ago).ok()?)
}

/// The row, with what the graph does not know: that attempts fail.
pub(super) fn with_failure(replicator: &Replicator, row: Row) -> Row {
    let is_tried = row.verb.is_some() || row.needs.is_some();
    match replicator.standing().of(&row.target) {
        Some((Stands { state: State::Failing, reason }, _)) if is_tried => Row { state: State::Failing, reason, ..row },
        _ => row,
    }
}
