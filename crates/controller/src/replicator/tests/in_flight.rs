//! The requests under way: which of them the watch overtakes, and for how many more there is room.

use k8s_replicator_core::decide::{Verb, Verdict};
use k8s_replicator_core::reason::Reason;

use super::*;
use crate::queue::{Because, Work};
use crate::replicator::under_way::{Overtaken, UnderWay, Writing};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Flight {
    requests: InFlight,
    queue: Queue,
    now: Moment,
}

impl Flight {
    fn read(&mut self, name: &str) -> Ticket {
        let object = key(name);
        let pass = self.queue.may_read(self.now, &object, None).unwrap();
        self.requests.begin(self.now, pass, UnderWay::Read { need: Need::Presence(object), held: None })
    }

    fn reads(&mut self, name: &str, count: usize) {
        for n in 0..count {
            self.read(&format!("{name}{n}"));
        }
    }

    fn write(&mut self, name: &str) -> Ticket {
        self.queue.add(key(name).into(), Priority::Urgent, None);
        let turn = self.queue.next(self.now, false, |_, _| true).unwrap();
        let work = Work::new([], None, 0);
        let pass = self.queue.may_write(self.now, &turn, work, Because::OfWork).unwrap();
        let verdict = Verdict { reason: Reason::NewTarget, source: None, detail: None };
        let because = Because::OfWork;
        let write = Writing { turn, verb: Verb::Create, verdict, because, work, written: None, sent: None };
        self.requests.begin(self.now, pass, UnderWay::Write(write))
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
        self.requests.notice_slow(self.now);
    }

    fn overtaken(&mut self, ticket: Ticket) -> Option<Overtaken> {
        self.requests.end(ticket).map(|sent| sent.overtaken)
    }
}

/// Of several requests about one object each is overtaken, also when others have ended; and each by the worst that was shown.
#[test]
fn each_request_about_an_object_is_overtaken() {
    let mut it = Flight::default();
    let tickets = [it.read("a/x"), it.write("a/x"), it.read("a/x"), it.read("a/y")];
    let is_written = |it: &Flight, name: &str| it.requests.written(&key(name)).is_some();
    assert_eq!([is_written(&it, "a/x"), is_written(&it, "a/y")], [true, false]);
    assert_eq!(it.overtaken(tickets[0]), Some(Overtaken::Not));
    it.requests.was_seen(&key("a/x"));
    assert_eq!(it.overtaken(tickets[1]), Some(Overtaken::BySight));
    assert!(!is_written(&it, "a/x"));
    it.requests.was_deleted(&key("a/x"));
    it.requests.was_seen(&key("a/x"));
    assert_eq!(it.overtaken(tickets[2]), Some(Overtaken::ByDeletion));
    assert_eq!((it.overtaken(tickets[3]), it.overtaken(tickets[3])), (Some(Overtaken::Not), None));
    assert_eq!((it.requests.len(), it.requests.in_time()), (0, 0));
}

/// Issue 9, 1: what hangs in a namespace leaves room there for what a webhook does not see, and the last places are for other namespaces.
#[test]
fn for_how_many_more_there_is_room_in_a_namespace() {
    // Slow reads, slow writes and requests in time there; how many may be under way; whether there is room for a read, and for a write.
    for (slow_reads, slow_writes, in_time, most, room) in [
        (0, 0, 0, 4, [true, true]),
        (3, 3, 0, 32, [true, true]),
        (3, 4, 0, 32, [true, false]),
        (4, 3, 0, 32, [false, true]),
        (5, 5, 0, 32, [false, false]),
        (0, 0, 2, 4, [true, true]),
        (0, 0, 3, 4, [false, false]),
        (0, 0, 6, 8, [true, true]),
        (0, 0, 7, 8, [false, false]),
        (0, 0, 27, 32, [true, true]),
        (0, 0, 28, 32, [true, false]),
        (0, 0, 29, 32, [true, false]),
        (0, 0, 30, 32, [false, false]),
        (3, 3, 27, 32, [true, true]),
        (0, 0, 55, 64, [true, true]),
        (0, 0, 56, 64, [true, false]),
        (0, 0, 59, 64, [true, false]),
        (0, 0, 60, 64, [false, false]),
    ] {
        let mut it = Flight::default();
        it.reads("a/r", slow_reads);
        for n in 0..slow_writes {
            it.write(&format!("a/w{n}"));
        }
        it.passes(SECOND);
        it.reads("a/t", in_time);
        let there = |namespace: &str| {
            [Access::Read, Access::Write].map(|access| it.requests.leaves_room(namespace, access, most))
        };
        let case = format!("{slow_reads} and {slow_writes} slow ones, {in_time} of {most}");
        assert_eq!((there("a"), there("b")), (room, [true; 2]), "{case}");
    }
}

/// Requests that hang do not count, up to a bound: beyond that it is the server that is slow.
#[test]
fn so_many_slow_requests_do_not_count() {
    let mut it = Flight::default();
    for n in 0..127 {
        it.read(&format!("n{n}/r"));
    }
    assert_eq!((it.requests.in_time(), it.requests.slow_at()), (127, Some(SECOND)));
    it.passes(SECOND);
    assert_eq!((it.requests.in_time(), it.requests.slow_at()), (0, None));
    it.read("x/a");
    assert_eq!((it.requests.in_time(), it.requests.slow_at()), (1, Some(2 * SECOND)));
    it.passes(SECOND);
    it.read("x/b");
    assert_eq!((it.requests.in_time(), it.requests.slow_at()), (1, None), "to wait for this one is of no use");
    it.passes(SECOND);
    assert_eq!((it.requests.in_time(), it.requests.len()), (1, 129));
}

/// No busy waiting, and no time that never comes: where only a response can make room it is waited for.
#[test]
fn where_only_a_response_makes_room_there_is_no_time_to_wait_for() {
    let mut it = Loop::with(&[source(1, "v1")]);
    for n in 0..160 {
        let object = key(&format!("n{n}/r"));
        let pass = it.replicator.queue.may_read(it.moment, &object, None).unwrap();
        let read = UnderWay::Read { need: Need::Presence(object), held: None };
        it.replicator.under_way.begin(it.moment, pass, read);
    }
    it.asks_nothing();
    assert_eq!(it.replicator.wake_at(it.now()), Some(SECOND), "then they are slow");
    it.moment = SECOND;
    it.asks_nothing();
    assert_eq!(it.replicator.wake_at(it.now()), None);
}
