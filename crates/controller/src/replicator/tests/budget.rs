//! The one budget for requests (issue 9, 1; SPEC 9.14): requests a minute about each object, for each kind of failing or fighting
//! target, against a model of an API server on virtual time.

mod fairness;
mod fights;
mod heal;
mod refused;
mod remake;
mod said;
mod store;
mod storms;

use super::*;

/// The requests and log lines of a run.
#[derive(Debug, Default)]
struct Minute {
    /// Requests about the object that had most of them.
    requests: usize,
    /// Lines of the log, but for "nothing".
    lines: Vec<String>,
}

impl Loop {
    /// Lets `time` pass; each request is answered 5 ms later as `server` says, which may let the watch show something before. Checks that
    /// no target waits without a time and a line.
    fn serve(
        &mut self,
        time: Duration,
        mut server: impl FnMut(&mut Self, Request) -> Result<Answer, Failure>,
    ) -> Minute {
        let (end, mut minute) = (self.moment + time, Minute::default());
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let requests = self.requests();
            minute.lines.extend(self.reports());
            if requests.is_empty() {
                let at = self.replicator.wake_at(self.now()).unwrap_or(end);
                assert!(at > self.moment, "no busy waiting");
                self.moment = at.min(end);
                if self.moment == end {
                    minute.requests = asked.values().copied().max().unwrap_or_default();
                    return minute;
                }
                continue;
            }
            self.moment += Duration::from_millis(5);
            for (ticket, request) in requests {
                let object = words(&request).split(' ').nth(1).unwrap().to_owned();
                *asked.entry(object).or_default() += 1;
                let answer = server(self, request);
                self.replicator.answer(self.now(), ticket, answer);
            }
            if self.moment >= end {
                minute.requests = asked.values().copied().max().unwrap_or_default();
                return minute;
            }
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// A pulling ConfigMap or Secret whose source changed, and a server that refuses each write like that.
fn refused(kind: &'static dyn Kind, failure_kind: FailureKind) -> Minute {
    let source = object("a/src", 1, "replication-allowed=true", json!({ "k": "v" }));
    let target = object("b/t", 2, "replicate-from=a/src", json!({}));
    let mut it = Loop::of(kind, &[source.clone(), target.clone()]);
    let minute = it.serve(MINUTE, |_, request| match request {
        Request::Read(key) | Request::Look(key) if *key.namespace() == *"a" => Ok(content_of(&source, kind)),
        Request::Read(_) => Ok(content_of(&target, kind)),
        Request::Look(_) => Ok(Answer::Seen(observed(&target))),
        Request::Write(_) => Err(failure(failure_kind)),
    });
    assert!(it.replicator.queue.wake_at().is_some(), "it has a time when it is looked at again");
    minute
}

/// A ConfigMap PATCH that is answered 422 or 400, as a ValidatingAdmissionPolicy denies, made 234 GET and 234 PATCH a second
/// without a line.
#[test]
fn a_write_that_is_refused_is_tried_less_and_less() {
    for kind in [&Secret as &'static dyn Kind, &ConfigMap] {
        for refusal in [
            FailureKind::Invalid,
            FailureKind::Forbidden,
            FailureKind::Conflict,
            FailureKind::Gone,
            FailureKind::NamespaceTerminating,
            FailureKind::Throttled,
            FailureKind::Server,
            FailureKind::Unreachable,
        ] {
            let minute = refused(kind, refusal);
            println!("{} {refusal:?}: {} requests in a minute, {:?}", kind.name(), minute.requests, minute.lines);
            assert!(minute.requests <= 30, "{refusal:?}: {} requests in a minute", minute.requests);
            assert!((1..=6).contains(&minute.lines.len()), "{refusal:?}: {:?}", minute.lines);
        }
    }
}

/// An etcd that was restored, or a server that lags: 3,800 GET a second from one replica.
#[test]
fn a_read_that_is_older_than_what_the_watch_showed_is_repeated_less_and_less() {
    let mut it = Loop::with(&[source(100, "v2"), replica("b", 90, 80)]);
    let minute = it.serve(MINUTE, |_, request| match request {
        Request::Read(key) if *key.namespace() == *"a" => Ok(content(&source(5, "v1"))),
        Request::Read(_) => Ok(content(&replica("b", 90, 80))),
        _ => Err(failure(FailureKind::Conflict)),
    });
    assert!(minute.requests <= 12, "{} requests in a minute", minute.requests);
    assert!(minute.lines.contains(&"c/src failed ServerError".to_owned()), "{:?}", minute.lines);
    assert!(minute.lines.len() <= 12, "{:?}", minute.lines);
    // When the server has caught up, it is not waited for long.
    let then = it.serve(Duration::from_secs(40), |it, request| match request {
        Request::Read(key) if *key.namespace() == *"a" => Ok(content(&source(100, "v2"))),
        Request::Read(_) => Ok(content(&replica("b", 90, 80))),
        Request::Look(_) => Ok(Answer::Missing),
        Request::Write(action) => Ok(written(it, &action, 100)),
    });
    let mut done = then.lines;
    done.retain(|line| !line.contains("failed"));
    done.sort();
    assert_eq!(done, ["b/src update SourceChanged", "c/src create NewTarget", "d/src create NewTarget"]);
}

fn written(_: &Loop, action: &Action, of: u64) -> Answer {
    Answer::Seen(observed(&replica(action.target().namespace(), 1_000 + of, of)))
}

/// Two controllers with different flags, or anyone who reverts quickly: 28 writes a second for one target, at INFO each. SPEC 9.14:
/// at once the first time, then after growing pauses; reported once, with the name of the other field manager.
#[test]
fn a_replica_that_somebody_reverts_at_once_is_put_right_less_and_less() {
    let objects = [source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)];
    let mut it = Loop::with(&objects);
    let mut version = 10;
    let emptied = |version| {
        let annotations = "replicated-by=a/src replicated-from-version=1";
        object("b/src", version, annotations, json!({ "k": "reverted" }))
    };
    it.seen(&emptied(version));
    let mut at = Vec::new();
    let minute = it.serve(MINUTE, |it, request| match request {
        Request::Read(key) if *key.namespace() == *"a" => Ok(content(&source(1, "v1"))),
        Request::Read(_) => Ok(content(&emptied(version))),
        Request::Look(_) => Ok(Answer::Seen(observed(&emptied(version)))),
        Request::Write(_) => {
            at.push(it.moment.as_secs());
            version += 2;
            let answer = Answer::Seen(observed(&replica("b", version - 1, 1)));
            let mut reverted = observed(&emptied(version));
            reverted.managers.other = Some("other-controller".into());
            it.object(ObjectEvent::Seen(reverted));
            Ok(answer)
        }
    });
    assert_eq!(at, [0, 1, 3, 7, 15, 31], "at once the first time, and then after pauses of 1, 2, 4, 8, 16 s");
    println!("reverted: {} requests in a minute, {:?}", minute.requests, minute.lines);
    assert!(minute.requests <= 20, "{} requests in a minute", minute.requests);
    assert_eq!(minute.lines[0], "b/src update Drift");
    assert!(minute.lines[1..].iter().all(|line| line == "b/src failed Contested"), "{:?}", minute.lines);
    assert!(minute.lines.len() <= 6, "{:?}", minute.lines);
    // Rotation is not held up by a fight.
    it.moment = Duration::from_secs(61);
    it.seen(&source(5_000, "v2"));
    let mut rotated_at = None;
    it.serve(Duration::from_secs(1), |it, request| match request {
        Request::Read(key) if *key.namespace() == *"a" => Ok(content(&source(5_000, "v2"))),
        Request::Read(key) if *key.namespace() == *"b" => Ok(content(&emptied(version))),
        Request::Write(action) => {
            if *action.target().namespace() == *"b" {
                rotated_at.get_or_insert(it.moment);
            }
            Ok(Answer::Seen(observed(&replica(action.target().namespace(), 6_000, 5_000))))
        }
        Request::Read(key) | Request::Look(key) => {
            Ok(content(&replica(key.namespace(), if *key.namespace() == *"c" { 3 } else { 4 }, 1)))
        }
    });
    assert!(rotated_at.is_some_and(|at| at < Duration::from_millis(61_100)), "{rotated_at:?}");
}

/// The log line names the field manager that fights.
#[test]
fn a_fight_is_reported_with_the_other_field_manager() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    let mut errors = Vec::new();
    for version in [10, 20, 30] {
        let mut edited = observed(&object("b/src", version, "replicated-by=a/src", json!({})));
        edited.managers.other = Some("argocd-controller".into());
        it.object(ObjectEvent::Seen(edited));
        for _ in 0..10 {
            for (ticket, request) in it.requests() {
                let answer = match request {
                    Request::Write(_) => Answer::Seen(observed(&replica("b", version + 1, 1))),
                    _ => content(&source(1, "v1")),
                };
                it.answer(ticket, answer);
            }
        }
        it.moment += Duration::from_secs(5);
        it.requests();
        for report in it.replicator.take_reports() {
            if let Outcome::Failed { error, .. } = report.outcome {
                errors.push(error);
            }
        }
    }
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("\"argocd-controller\""), "{errors:?}");
}

/// A user changes an annotation of a replica all the time, so that it has to be read; but not as often as it changes.
#[test]
fn a_replica_that_somebody_touches_all_the_time_is_read_less_and_less() {
    let mut it = Loop::with(&[source(1, "v1"), replica("b", 2, 1), replica("c", 3, 1), replica("d", 4, 1)]);
    let (mut version, mut reads) = (10, 0);
    for _ in 0..6_000 {
        version += 1;
        it.seen(&replica("b", version, 1));
        it.moment += Duration::from_millis(10);
        for (ticket, request) in it.requests() {
            reads += usize::from(words(&request) == "read b/src");
            match request {
                Request::Read(key) if *key.namespace() == *"a" => it.answer(ticket, content(&source(1, "v1"))),
                _ => it.answer(ticket, content(&replica("b", version, 1))),
            }
        }
    }
    println!("touched: {reads} reads in a minute, {:?}", it.reports());
    assert!((10..=45).contains(&reads), "{reads} reads in a minute");
    it.serve(Duration::from_secs(30), |_, _| Ok(content(&replica("b", version, 1))));
    assert!(it.replicator.is_idle(), "when it is over it comes to rest");
}

/// Issue 9, 3: no order from hashing that is seen: equal runs are equal.
#[test]
fn equal_runs_are_equal() {
    let run = || {
        let mut it = Loop::with(&[]);
        let mut trace = Vec::new();
        let mut version = 10;
        for n in 0..30 {
            version += 1;
            it.seen(&object(
                &format!("a/s{n}"),
                version,
                "replicate-to-namespaces=b,c,d replication-allowed=true",
                json!({}),
            ));
            version += 1;
            it.seen(&object(&format!("d/p{n}"), version, &format!("replicate-from=a/s{}", 29 - n), json!({})));
        }
        for round in 0..60 {
            for (ticket, request) in it.requests() {
                trace.push(words(&request));
                version += 1;
                match request {
                    Request::Read(key) => {
                        let number = key.name()[1..].parse::<u64>().unwrap();
                        let marks = "replicate-to-namespaces=b,c,d replication-allowed=true";
                        it.answer(ticket, content(&object(key.as_str(), 11 + 2 * number, marks, json!({}))));
                    }
                    _ => it.fails(ticket, [FailureKind::Server, FailureKind::Invalid, FailureKind::Gone][round % 3]),
                }
            }
            it.moment += Duration::from_millis(700);
            trace.extend(it.reports());
            if round == 20 {
                for n in 0..30 {
                    version += 1;
                    it.seen(&object(&format!("a/s{n}"), version, "replication-allowed=true", json!({})));
                }
            }
        }
        trace
    };
    let first = run();
    assert!(first.len() > 300, "{}", first.len());
    for _ in 0..20 {
        assert_eq!(run(), first);
    }
}

/// SPEC 3.4: when several sources want a name the oldest wins; the others are refused, and that is reported once.
#[test]
fn the_losers_of_a_name_are_reported_once() {
    let other = object("c/src", 5, "replicate-to=b/src", json!({ "k": "other" }));
    let objects = [source(1, "v1"), other.clone(), replica("c", 3, 1), replica("d", 4, 1)];
    let mut it = Loop::with(&objects);
    let mut version = 10;
    let mut server = |_: &mut Loop, request: Request| match request {
        Request::Write(_) => {
            version += 1;
            Ok(Answer::Seen(observed(&replica("b", version, 1))))
        }
        _ => Ok(content(&source(1, "v1"))),
    };
    let mut lines = it.serve(Duration::from_secs(1), &mut server).lines;
    it.seen(&object("c/src", 6, "replicate-to=b/src,b/src", json!({ "k": "other" })));
    lines.extend(it.serve(Duration::from_secs(1), &mut server).lines);
    lines.sort();
    assert!(lines.contains(&"b/src refused AnotherSourceWins".to_owned()), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("AnotherSourceWins")).count(), 1, "{lines:?}");
}
