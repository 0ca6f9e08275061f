//! The steps of a script. Each contains everything that happens in it, so that the others mean the same when one is dropped.

use std::time::Duration;

use super::applied::Manifest;
use super::users::Act;
use super::{Violation, World};
use crate::api::admission::Policy;
use crate::api::object::Id;

/// After so many steps the queues are looked at.
const STEPS_BETWEEN_LOOKS: usize = 32;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Fine,
    /// It never reaches the server.
    RequestLost,
    /// It is carried out, and the answer never comes back.
    ReplyLost,
    /// It is carried out, and answered by 504.
    TimedOutButDone,
    /// The server refuses it with this status, and does nothing.
    Refused(u16),
    /// A proxy answers with a page of its own.
    Proxy(u16),
}

/// How watch events are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// One event, in one piece.
    Whole,
    /// All that is there, in one piece.
    All,
    /// One event, in pieces of this size.
    Pieces(u16),
    /// The first bytes of an event; then the connection breaks.
    Cut(u16),
    /// One event twice.
    Twice,
    /// One event is lost.
    Never,
    /// The server says that the version is too old.
    Expired,
}

/// What somebody else takes back of what a controller does to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rivalry {
    /// Its own data is put in the place of what was written.
    Writes,
    /// What was created is deleted.
    Creations,
    /// What was deleted is made again, as it was.
    Deletions,
    /// Data, annotations and labels are put back as they were before the write.
    Changes,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Somebody does something.
    Act(Act),
    /// Somebody applies a new manifest of an object.
    Apply(Id, Manifest),
    /// The manifest of an object is applied again, if it has one.
    ApplyAgain(Id),
    /// The nth request reaches the server.
    Carry(u8, Fate),
    /// The nth answer reaches its controller.
    Arrive(u8),
    /// The cache of a server takes so many changes.
    CatchUp(u8, u8),
    /// The nth watch goes on.
    Flow(u8, Flow),
    /// The connection of the nth watch breaks.
    Break(u8),
    /// So many things that are under way arrive, one after the other, without a fault.
    Calm(u8),
    /// Time passes.
    Wait(Duration),
    /// A controller is killed (SIGKILL), and another one starts.
    Crash(u8),
    /// A controller gets SIGTERM, and another one starts when it has ended.
    Terminate(u8),
    /// Nothing gets through from and to a controller, until it does again.
    CutOff(u8),
    /// A controller's next connections go to the other API server.
    Switch(u8),
    /// A proxy answers all reads of a controller with this status and a page of its own, and its writes too (`true`); `None`: no more.
    Proxy(u8, Option<(u16, bool)>),
    /// A policy comes into force.
    Forbid(Policy),
    /// All policies end.
    Permit,
    /// The controllers with `--namespaces` lose their Role in a namespace.
    Revoke(&'static str),
    /// They have a Role in each of their namespaces again.
    Grant,
    /// Somebody takes back writes to this object, from now on.
    Rival(Id, Rivalry),
    /// etcd forgets old revisions.
    Compact,
    /// etcd is backed up.
    BackUp,
    /// etcd is restored from the last backup, and the API servers are restarted. `true`: without `--bump-revision`, so that versions are
    /// given again, and the controllers are restarted too.
    Restore(bool),
    /// The controllers' wall clock jumps, by so many seconds.
    Jump(i64),
}

impl Step {
    /// Whether it is more than users' work and time passing.
    #[must_use]
    pub fn disturbs(&self) -> bool {
        match self {
            Self::Act(_) | Self::Apply(..) | Self::ApplyAgain(_) => false,
            Self::Arrive(_) | Self::CatchUp(..) | Self::Calm(_) | Self::Wait(_) => false,
            Self::Carry(_, fate) => *fate != Fate::Fine,
            Self::Flow(_, flow) => !matches!(flow, Flow::Whole | Flow::All | Flow::Pieces(_)),
            _ => true,
        }
    }
}

impl World {
    /// Does one step.
    ///
    /// # Errors
    /// When a property does not hold.
    pub fn step(&mut self, step: &Step) -> Result<(), Violation> {
        self.advance(self.now + Duration::from_millis(2))?;
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_BETWEEN_LOOKS) {
            self.look_for_full_queues()?;
        }
        self.was_disturbed |= step.disturbs();
        match step {
            Step::Act(act) => self.act(act),
            Step::Apply(id, manifest) => self.apply(id, manifest),
            Step::ApplyAgain(id) => self.apply_again(id),
            Step::Carry(nth, fate) => {
                let nth = usize::from(*nth);
                // Faults of writes are more interesting than faults of reads.
                let write = if *fate == Fate::Fine || nth.is_multiple_of(2) { None } else { self.nth_write(nth) };
                if let Some(at) = write.or_else(|| self.nth_sent(nth)) {
                    self.stimulus();
                    self.carry(at, *fate)?;
                }
            }
            Step::Arrive(nth) => {
                if let Some(at) = self.nth_answered(usize::from(*nth)) {
                    self.arrive(at);
                }
            }
            Step::CatchUp(server, changes) => {
                self.servers[usize::from(*server) % 2].catch_up(&self.store, usize::from(*changes));
            }
            Step::Flow(nth, flow) => {
                if let Some(at) = self.nth_pipe(*nth) {
                    self.stimulus();
                    self.flow(at, *flow);
                }
            }
            Step::Break(nth) => {
                if let Some(at) = self.nth_pipe(*nth) {
                    self.stimulus();
                    self.cut(at);
                }
            }
            Step::Calm(times) => {
                for _ in 0..*times {
                    self.poll_all()?;
                    if !self.deliver_something(false)? {
                        break;
                    }
                }
            }
            Step::Wait(time) => self.advance(self.now + *time)?,
            Step::Crash(slot) => self.crash(usize::from(*slot)),
            Step::Terminate(slot) => self.terminate(usize::from(*slot)),
            Step::CutOff(slot) => self.cut_off(usize::from(*slot)),
            Step::Switch(slot) => self.switch(usize::from(*slot)),
            Step::Proxy(slot, status) => {
                let slot = usize::from(*slot) % self.proxies.len();
                self.proxies[slot] = *status;
                self.stimulus();
                self.tell(|| format!("a proxy before controller {slot}: {status:?}"));
            }
            Step::Forbid(policy) => {
                self.tell(|| format!("in {}: {:?}", policy.namespace, policy.effect));
                self.policies.push(policy.clone());
                self.was_opposed = true;
            }
            Step::Permit => self.policies.clear(),
            Step::Revoke(namespace) => {
                self.tell(|| format!("kubectl delete -n {namespace} role k8s-replicator"));
                self.without_role.insert(namespace);
                self.stimulus();
            }
            Step::Grant => {
                self.tell(|| "kubectl create role k8s-replicator # wherever it is missing".to_owned());
                self.without_role.clear();
                self.stimulus();
            }
            Step::Rival(id, rivalry) => {
                self.tell(|| format!("rival-operator takes an interest in {id}: {rivalry:?}"));
                self.rivals.push((id.clone(), *rivalry));
                self.was_opposed = true;
            }
            Step::Compact => self.store.compact(),
            Step::BackUp => self.back_up(),
            Step::Restore(again) => self.restore(*again),
            Step::Jump(seconds) => {
                self.tell(|| format!("the controllers' wall clock jumps by {seconds} s"));
                self.wall_offset += seconds;
            }
        }
        self.poll_all()
    }

    fn nth_pipe(&self, nth: u8) -> Option<usize> {
        let open: Vec<usize> = (0..self.pipes.len()).filter(|at| !self.is_cut_off(self.pipes[*at].sender)).collect();
        (!open.is_empty()).then(|| open[usize::from(nth) % open.len()])
    }

    /// Time goes on, and controllers that wanted to be woken are.
    pub(super) fn advance(&mut self, to: Duration) -> Result<(), Violation> {
        while let Some(at) = self.processes.iter().flatten().map(|process| process.wakes).min().filter(|at| *at < to) {
            self.now = self.now.max(at);
            self.poll_all()?;
        }
        self.now = to;
        self.poll_all()
    }
}
