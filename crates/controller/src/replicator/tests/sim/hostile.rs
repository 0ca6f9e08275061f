//! A hostile world: a server that answers anything, and users who undo at once what the controller writes, and who touch what they
//! can all the time (issue 9, 1).

use super::*;

/// So many requests about one object in a minute at most: 40 by the budget, and what the users' own changes ask for.
const MOST_IN_A_MINUTE: usize = 60 + 60;
/// When the faults stop, all is well within this time: the longest pause, and some more.
const CONVERGES_WITHIN: Duration = Duration::from_secs(660);

impl Sim {
    /// What a server answers that lags, was restored, is in trouble, or denies for reasons of its own.
    pub(super) fn hostile_answer(&mut self, request: &Request) -> Option<Result<Answer, Failure>> {
        let kinds = [
            FailureKind::Conflict,
            FailureKind::Gone,
            FailureKind::NamespaceTerminating,
            FailureKind::Forbidden,
            FailureKind::Invalid,
            FailureKind::Throttled,
            FailureKind::Server,
            FailureKind::Unreachable,
        ];
        match (self.dice.roll(4), request) {
            (0, _) => {
                let retry_after = [None, Some(RetryAfter::new(Duration::from_secs(60)))][self.dice.roll(2)];
                Some(Err(Failure { retry_after, ..failure(self.dice.pick(&kinds)) }))
            }
            (1, Request::Read(key) | Request::Look(key)) => {
                let old = Obj { version: 1, ..self.objects.get(key.as_str())?.clone() };
                let old = value(key.as_str(), &old);
                Some(Ok(match request {
                    Request::Look(_) => Answer::Seen(observed(&old)),
                    _ => content(&old),
                }))
            }
            _ => None,
        }
    }

    /// Somebody undoes at once what was written, or touches it.
    pub(super) fn revert(&mut self, name: &str) {
        let choice = self.dice.roll(4);
        let Some(object) = self.objects.get_mut(name) else { return };
        match choice {
            0 if !object.immutable => object.data = Some(r#"{"k":"reverted"}"#.to_owned()),
            1 => drop(object.annotations.remove("replicated-from-version")),
            2 => return self.removed(name),
            _ => drop(object.annotations.insert("replicated-at".to_owned(), self.rv.to_string())),
        }
        self.changed(name);
    }

    /// The most requests about one object within a minute.
    fn most_in_a_minute(&self) -> (usize, String) {
        let in_a_minute = |times: &Vec<Moment>| {
            let within =
                |from: &Moment| times.iter().filter(|at| *at >= from && **at < *from + Duration::from_secs(60)).count();
            times.iter().map(within).max().unwrap_or_default()
        };
        self.asked.iter().map(|(name, times)| (in_a_minute(times), name.clone())).max().unwrap_or_default()
    }
}

/// Whatever happens: few requests about each object, few lines, a time at which each target that waits is looked at again; and when it
/// is over, all is well within a bounded time.
#[test]
fn requests_are_few_whatever_others_do_and_all_targets_converge() {
    let from: u64 = std::env::var("SIM_FROM").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("SIM_COUNT").ok().and_then(|s| s.parse().ok()).unwrap_or(20);
    let mut most = 0;
    for seed in from..from + count {
        let mut sim = Sim::new(seed);
        let allow_all = sim.it.rules.allow_all;
        sim.hostile = true;
        let end = Duration::from_secs(180);
        let mut user_at = Moment::ZERO;
        while sim.moment < end {
            sim.pump();
            sim.it.queue.check(sim.moment);
            if sim.moment >= user_at {
                sim.user();
                user_at = sim.moment + Duration::from_secs(10);
            }
            let choice = sim.dice.roll(4);
            if !(0..4).any(|c| sim.step((choice + c) % 4)) {
                // Nothing is under way: somebody touches something, and time goes by.
                let name = sim.dice.pick(&KEYS);
                if sim.dice.roll(20) == 0 {
                    sim.revert(name);
                }
                sim.moment += Duration::from_millis(100);
            }
            sim.moment += Duration::from_millis(5);
        }
        let (requests, of) = sim.most_in_a_minute();
        most = most.max(requests);
        assert!(
            requests <= MOST_IN_A_MINUTE,
            "seed {seed}: {requests} requests about {of} in a minute\n{}",
            sim.tail()
        );
        assert!(sim.lines <= 3 * 60 * 2, "seed {seed}: {} lines in three minutes\n{}", sim.lines, sim.tail());
        sim.hostile = false;
        let over_at = sim.moment;
        assert!(sim.settle(), "seed {seed}: it never ends\n{}", sim.tail());
        assert!(
            sim.last_write <= over_at + CONVERGES_WITHIN,
            "seed {seed}: {:?} after it was over",
            sim.last_write - over_at
        );
        let writes = sim.writes;
        sim.start(allow_all);
        assert!(sim.settle() && sim.writes == writes, "seed {seed}: a new one has something to write\n{}", sim.tail());
    }
    println!("{most} requests about one object in a minute at most");
}
