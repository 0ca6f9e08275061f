//! Controllers on virtual time that compete for a Lease, against a small API server.

mod late;

use http::HeaderMap;

use super::*;
use crate::health::Health;

const ITEM: &str = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/k8s-replicator";
const STEP: Duration = Duration::from_millis(10);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn lease(identity: &str) -> Lease {
    Lease::new(Settings {
        namespace: "ns".to_owned(),
        name: "k8s-replicator".to_owned(),
        identity: identity.to_owned(),
        url: "https://server".to_owned(),
        progress: Health::default().watch("leases"),
        entropy: Box::new(|| 0),
    })
}

/// Its wall clock is an hour behind or ahead, as the identity says: nothing may depend on it.
fn now_of(lease: &Lease, moment: Moment) -> Now {
    let hours = i64::try_from(lease.settings.identity.len()).unwrap() - 3;
    let time = jiff::Timestamp::from_second(1_700_000_000 + hours * 3_600).unwrap();
    Now { moment, time: time + moment }
}

/// The API server, and what it does with requests.
#[derive(Default)]
struct Server {
    lease: Option<Value>,
    version: u64,
    /// Method and path of each request.
    asked: Vec<String>,
}

impl Server {
    fn answer(&mut self, request: &HttpRequest) -> Received {
        let status = |code: u16, reason: &str| {
            let body = json!({ "kind": "Status", "reason": reason, "code": code }).to_string();
            respond(code, body)
        };
        self.asked.push(format!("{} {}", request.method, request.path));
        let sent = || serde_json::from_slice::<Value>(&request.body).unwrap();
        match (request.method.as_str(), &self.lease) {
            ("GET", Some(lease)) => respond(200, lease.to_string()),
            ("POST", Some(_)) => status(409, "AlreadyExists"),
            ("POST", None) => self.keep(sent()),
            (_, None) => status(404, "NotFound"),
            ("PUT", Some(lease)) => {
                let sent = sent();
                if sent["metadata"]["resourceVersion"] == lease["metadata"]["resourceVersion"] {
                    self.keep(sent)
                } else {
                    status(409, "Conflict")
                }
            }
            _ => panic!("{request:?}"),
        }
    }

    fn keep(&mut self, mut lease: Value) -> Received {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        respond(200, lease.to_string())
    }

    fn holder(&self) -> &str {
        self.lease.as_ref().map(|lease| holder(&lease["spec"])).unwrap_or_default()
    }
}

fn respond(code: u16, body: String) -> Received {
    let status = StatusCode::from_u16(code).unwrap();
    Received::Response(Response { status, headers: HeaderMap::new(), body: Bytes::from(body) })
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// The server carries it out, and its response is lost: the request hangs.
    ReplyLost,
    /// It never reaches the server, and hangs.
    Hangs,
    /// The server answers with this status.
    Refused(u16),
}

/// Polls a process at this time, and answers its requests. Returns why it ended, if it has.
fn go_on(lease: &mut Lease, server: &mut Server, moment: Moment, fate: Fate) -> Option<String> {
    loop {
        match lease.poll(now_of(lease, moment)) {
            Next::Request(request) => {
                let received = match fate {
                    Fate::Answered => server.answer(&request),
                    Fate::ReplyLost => {
                        server.answer(&request);
                        continue;
                    }
                    Fate::Hangs => continue,
                    Fate::Refused(code) => respond(code, json!({ "kind": "Status", "message": "no" }).to_string()),
                };
                lease.deliver(moment, received);
            }
            Next::Cancel => {}
            Next::WaitUntil(at) => {
                assert!(at > moment, "a hot loop: {at:?} at {moment:?}");
                return None;
            }
            Next::End(why) => return Some(why),
            Next::Yield => panic!("it has nothing to yield for"),
        }
    }
}

/// Lets a process run until `until` holds, and returns when that was.
fn run_until(
    lease: &mut Lease,
    server: &mut Server,
    from: Moment,
    fate: Fate,
    until: impl Fn(&Lease, Option<&String>) -> bool,
) -> Moment {
    let mut moment = from;
    loop {
        let end = go_on(lease, server, moment, fate);
        if until(lease, end.as_ref()) {
            return moment;
        }
        moment += STEP;
        assert!(moment < from + secs(120), "it never happens");
    }
}

#[test]
fn the_first_one_creates_the_lease_and_renews_it() {
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    assert!(one.may_write(Moment::ZERO));
    assert_eq!(server.asked, [format!("GET {ITEM}"), format!("POST {}", ITEM.rsplit_once('/').unwrap().0)]);
    let spec = json!({
        "holderIdentity": "one", "leaseDurationSeconds": 15, "leaseTransitions": 0,
        "acquireTime": "2023-11-14T22:13:20.000000Z", "renewTime": "2023-11-14T22:13:20.000000Z",
    });
    assert_eq!(server.lease.as_ref().unwrap()["spec"], spec);
    server.asked.clear();
    for step in 1..=1_000 {
        assert_eq!(go_on(&mut one, &mut server, STEP * step, Fate::Answered), None);
        assert!(one.may_write(STEP * step));
    }
    assert_eq!(server.asked, vec![format!("PUT {ITEM}"); 5], "a renewal every 2 s, and nothing else");
}

/// Times in a response need not come from an API server: a huge duration made an addition panic.
#[test]
fn a_lease_that_lasts_for_ever_is_waited_for() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    server.lease.as_mut().unwrap()["spec"]["leaseDurationSeconds"] = json!(u64::MAX);
    for step in 1..=100 {
        assert_eq!(go_on(&mut two, &mut server, STEP * step, Fate::Answered), None);
        assert!(!two.may_write(STEP * step));
    }
}

#[test]
fn a_standby_looks_twice_a_second_and_takes_a_released_lease_within_a_second() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    server.asked.clear();
    run_until(&mut two, &mut server, Moment::ZERO, Fate::Answered, |two, _| two.next >= secs(5));
    assert!((8..=11).contains(&server.asked.len()), "{:?}", server.asked);
    assert!(!two.may_write(secs(5)));
    one.release();
    go_on(&mut one, &mut server, secs(5), Fate::Answered);
    assert!(one.is_released() && !one.may_write(secs(5)));
    assert_eq!(server.holder(), "");
    assert_eq!(server.lease.as_ref().unwrap()["spec"]["leaseDurationSeconds"], 1);
    let at = run_until(&mut two, &mut server, secs(5), Fate::Answered, |two, _| two.role != Role::Standby);
    assert!(at <= secs(5) + LOOK_PERIOD, "{at:?}");
    assert_eq!(server.holder(), "second");
    assert_eq!(server.lease.as_ref().unwrap()["spec"]["leaseTransitions"], 1);
    // It makes no further request.
    server.asked.clear();
    for step in 0..1_000 {
        go_on(&mut one, &mut server, secs(6) + STEP * step, Fate::Answered);
    }
    assert_eq!(server.asked.len(), 0);
}

/// After a crash: as long as the record says, counted from when it was last seen to change.
#[test]
fn a_standby_takes_a_lease_that_is_not_renewed_after_its_duration() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    let mut moment = Moment::ZERO;
    while moment < secs(9) {
        go_on(&mut one, &mut server, moment, Fate::Answered);
        go_on(&mut two, &mut server, moment, Fate::Answered);
        moment += STEP;
    }
    // The last renewal was at 8 s.
    let at = run_until(&mut two, &mut server, moment, Fate::Answered, |two, _| two.role != Role::Standby);
    assert!(at >= secs(8) + LEASE_DURATION && at <= secs(8) + LEASE_DURATION + LOOK_PERIOD * 2, "{at:?}");
    assert_eq!(server.holder(), "second");
    // The first process was only slow. It sees that it lost the Lease; its own deadline is over in any case.
    assert!(!one.may_write(at));
    assert!(go_on(&mut one, &mut server, at, Fate::Answered).is_some_and(|why| why.contains("not be renewed")));
}

/// Whatever happens to its renewals, a leader stops before a standby that reaches the server can begin.
#[test]
fn never_do_two_lead_at_once() {
    for fate in
        [Fate::Hangs, Fate::ReplyLost, Fate::Refused(500), Fate::Refused(403), Fate::Refused(409), Fate::Refused(429)]
    {
        for cut in 0..40 {
            let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
            let (mut moment, cut) = (Moment::ZERO, STEP * 50 * cut + STEP);
            let (mut ended, mut taken) = (None, None);
            while ended.is_none() || taken.is_none() {
                let fate = if moment < cut { Fate::Answered } else { fate };
                if ended.is_none() {
                    let end = go_on(&mut one, &mut server, moment, fate);
                    ended = end.map(|_| moment);
                }
                go_on(&mut two, &mut server, moment, Fate::Answered);
                assert!(!(one.may_write(moment) && two.may_write(moment)), "{fate:?} {cut:?} {moment:?}");
                if two.may_write(moment) && taken.is_none() {
                    taken = Some(moment);
                }
                moment += STEP;
                assert!(moment < cut + secs(60), "{fate:?} {cut:?}: {ended:?} {taken:?}");
            }
            let (ended, taken) = (ended.unwrap(), taken.unwrap());
            assert!(ended <= cut + RENEW_DEADLINE, "{fate:?} {cut:?}: {ended:?}");
            assert!(taken >= ended + secs(4), "{fate:?} {cut:?}: {ended:?} {taken:?}");
        }
    }
}

#[test]
fn one_that_sees_another_holder_ends_at_once() {
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    let mut stolen = server.lease.clone().unwrap();
    stolen["spec"]["holderIdentity"] = json!("thief");
    server.keep(stolen);
    let end = go_on(&mut one, &mut server, RETRY_PERIOD, Fate::Answered);
    assert_eq!(end.as_deref(), Some("the lease ns/k8s-replicator is held by \"thief\" now"));
    assert!(!one.may_write(RETRY_PERIOD));
    assert_eq!(server.holder(), "thief");
}

/// A renewal of which the response was lost: the record is its own, and it goes on.
#[test]
fn a_lost_response_is_survived() {
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    run_until(&mut one, &mut server, RETRY_PERIOD, Fate::ReplyLost, |one, _| one.failures == 1);
    for step in 0..1_000 {
        let moment = RETRY_PERIOD + TIMEOUT + STEP * step;
        assert_eq!(go_on(&mut one, &mut server, moment, Fate::Answered), None);
        assert!(one.may_write(moment));
    }
}

/// The holder of a Lease that somebody deleted may not have noticed that yet; it creates the Lease anew.
#[test]
fn a_deleted_lease_is_the_leaders_for_as_long_as_it_would_have_lasted() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    go_on(&mut two, &mut server, Moment::ZERO, Fate::Answered);
    server.lease = None;
    let at = run_until(&mut two, &mut server, STEP, Fate::Answered, |two, _| two.role != Role::Standby);
    assert!(at >= LEASE_DURATION, "{at:?}");
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    server.lease = None;
    go_on(&mut one, &mut server, RETRY_PERIOD, Fate::Answered);
    assert_eq!(server.holder(), "one");
}

#[test]
fn two_that_begin_at_once_do_not_both_lead() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    let mut requests = Vec::new();
    for lease in [&mut one, &mut two] {
        let now = now_of(lease, Moment::ZERO);
        let Next::Request(look) = lease.poll(now) else { panic!() };
        lease.deliver(Moment::ZERO, server.answer(&look));
        let Next::Request(create) = lease.poll(now) else { panic!() };
        requests.push(create);
    }
    one.deliver(Moment::ZERO, server.answer(&requests[0]));
    two.deliver(Moment::ZERO, server.answer(&requests[1]));
    go_on(&mut two, &mut server, Moment::ZERO, Fate::Answered);
    assert!(one.may_write(Moment::ZERO) && !two.may_write(Moment::ZERO));
}

/// What others wrote to the Lease is kept: a renewal is an update of the whole object.
#[test]
fn labels_of_others_stay() {
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    let mut labelled = server.lease.clone().unwrap();
    labelled["metadata"]["labels"] = json!({ "team": "a" });
    server.keep(labelled);
    go_on(&mut one, &mut server, RETRY_PERIOD, Fate::Answered);
    assert!(one.may_write(RETRY_PERIOD));
    let lease = server.lease.as_ref().unwrap();
    assert_eq!((&lease["metadata"]["labels"]["team"], one.failures), (&json!("a"), 0));
}

#[test]
fn missing_rights_are_logged_once_with_what_to_do() {
    let (mut two, mut server) = (lease("second"), Server::default());
    for step in 0..500 {
        go_on(&mut two, &mut server, STEP * step, Fate::Refused(403));
    }
    let notices = two.take_notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    let Notice { level, verb, reason, error, .. } = &notices[0];
    assert_eq!((*level, *verb, *reason), (Level::WARN, Some("get"), Some("Forbidden")));
    assert!(error.as_ref().unwrap().contains("\"leases\" in the group \"coordination.k8s.io\""), "{error:?}");
    assert!(!two.may_write(secs(5)));
}

/// 401: the server does not know who asks, so that no right is what is missing.
#[test]
fn credentials_that_are_not_accepted_are_no_missing_right() {
    let (mut two, mut server) = (lease("second"), Server::default());
    go_on(&mut two, &mut server, Moment::ZERO, Fate::Refused(401));
    let error = two.take_notices().remove(0).error.unwrap();
    assert!(error.contains("credentials") && !error.contains("needs"), "{error}");
}

#[test]
fn a_standby_that_stops_writes_nothing() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    go_on(&mut two, &mut server, Moment::ZERO, Fate::Answered);
    server.asked.clear();
    two.release();
    go_on(&mut two, &mut server, STEP, Fate::Answered);
    assert!(two.is_released());
    assert_eq!((server.holder(), server.asked.len()), ("one", 0));
}

/// A response that is about another object counts as a failure.
#[test]
fn what_is_not_the_lease_is_not_believed() {
    for body in [json!({}), json!({ "kind": "Lease", "metadata": { "name": "other", "resourceVersion": "1" } })] {
        let mut one = lease("one");
        let now = now_of(&one, Moment::ZERO);
        let Next::Request(_) = one.poll(now) else { panic!() };
        one.deliver(Moment::ZERO, respond(200, body.to_string()));
        assert!(matches!(one.poll(now), Next::WaitUntil(at) if at > Moment::ZERO));
    }
    // A proxy's 404 does not say that there is no Lease.
    let mut one = lease("one");
    let now = now_of(&one, Moment::ZERO);
    let Next::Request(_) = one.poll(now) else { panic!() };
    one.deliver(Moment::ZERO, respond(404, "404 page not found".to_owned()));
    assert!(matches!(one.poll(now), Next::WaitUntil(at) if at > Moment::ZERO));
}

/// Who leads is logged once for each leader, by whoever sees it; and by the process itself that it leads, and that it released it.
#[test]
fn who_leads_is_logged_once() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    let said = |lease: &mut Lease| -> Vec<String> {
        lease.take_notices().into_iter().map(|notice| format!("{} {}", notice.level, notice.message)).collect()
    };
    for step in 0..500 {
        go_on(&mut one, &mut server, STEP * step, Fate::Answered);
        go_on(&mut two, &mut server, STEP * step, Fate::Answered);
    }
    assert_eq!(said(&mut one), ["INFO this process leads: it holds the lease ns/k8s-replicator"]);
    assert_eq!(said(&mut two), [r#"INFO standby: "one" leads, by the lease ns/k8s-replicator"#]);
    let mut taken = server.lease.clone().unwrap();
    taken["spec"]["holderIdentity"] = json!("third");
    server.keep(taken.clone());
    go_on(&mut two, &mut server, secs(6), Fate::Answered);
    assert_eq!(said(&mut two), [r#"INFO standby: "third" leads, by the lease ns/k8s-replicator"#]);
    taken["spec"]["holderIdentity"] = json!("");
    server.keep(taken);
    go_on(&mut two, &mut server, secs(7), Fate::Answered);
    assert_eq!(said(&mut two), ["INFO this process leads: it holds the lease ns/k8s-replicator"]);
    // A process with the name of one that crashed.
    let mut again = lease("second");
    go_on(&mut again, &mut server, secs(8), Fate::Answered);
    assert_eq!(said(&mut again), ["INFO this process leads: it holds the lease ns/k8s-replicator"]);
    assert!(!again.is_released());
    again.release();
    go_on(&mut again, &mut server, secs(8), Fate::Answered);
    assert_eq!(said(&mut again), ["INFO the lease ns/k8s-replicator is released"]);
    assert!(again.is_released());
}

/// When the attempts after the first refusal are made, in milliseconds.
fn attempts(lease: &mut Lease, server: &mut Server, from: Moment, count: usize) -> Vec<u128> {
    let mut moment = from;
    let again = |_| {
        assert_eq!(go_on(lease, server, moment, Fate::Refused(500)), None);
        moment = lease.next;
        (moment - from).as_millis()
    };
    (0..count).map(again).collect()
}

#[test]
fn a_leader_retries_within_its_period_and_a_standby_less_and_less_often() {
    let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
    assert_eq!(attempts(&mut two, &mut server, Moment::ZERO, 5), [800, 2_400, 5_600, 10_600, 15_600]);
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    assert_eq!(attempts(&mut one, &mut server, RETRY_PERIOD, 3), [800, 2_400, 4_400]);
    // Somebody waits for the one that stops: it retries sooner still.
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    one.release();
    assert_eq!(attempts(&mut one, &mut server, STEP, 3), [200, 600, 1_400]);
    assert!(!one.is_released());
}

/// A request that hangs is given up after its time, and for a leader at its deadline; what comes after that changes nothing.
#[test]
fn a_request_that_hangs_is_given_up_in_time() {
    let waits = |lease: &mut Lease, moment| match lease.poll(now_of(lease, moment)) {
        Next::WaitUntil(at) => at,
        other => panic!("{other:?} at {moment:?}"),
    };
    let mut two = lease("second");
    let Next::Request(_) = two.poll(now_of(&two, Moment::ZERO)) else { panic!() };
    assert_eq!(waits(&mut two, Moment::ZERO), TIMEOUT);
    assert_eq!(waits(&mut two, TIMEOUT - STEP), TIMEOUT);
    assert!(matches!(two.poll(now_of(&two, TIMEOUT)), Next::Cancel));
    let error = two.take_notices()[0].error.clone().unwrap();
    assert_eq!(error, "no answer from the API server at https://server: nothing came for 4 s");
    two.deliver(TIMEOUT, respond(500, String::new()));
    assert_eq!((two.failures, waits(&mut two, TIMEOUT)), (1, TIMEOUT + Duration::from_millis(800)));
    // The second try of a leader ends at its deadline.
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    assert_eq!(go_on(&mut one, &mut server, RETRY_PERIOD, Fate::Hangs), None);
    assert_eq!(waits(&mut one, RETRY_PERIOD), RETRY_PERIOD + TIMEOUT);
    assert!(matches!(one.poll(now_of(&one, RETRY_PERIOD + TIMEOUT)), Next::Cancel));
    let Next::Request(look) = one.poll(now_of(&one, secs(7))) else { panic!() };
    assert_eq!(waits(&mut one, secs(7)), RENEW_DEADLINE);
    assert!(matches!(one.poll(now_of(&one, RENEW_DEADLINE)), Next::End(_)));
    one.deliver(RENEW_DEADLINE, server.answer(&look));
    assert!(!one.may_write(RENEW_DEADLINE) && matches!(one.poll(now_of(&one, RENEW_DEADLINE)), Next::End(_)));
}

/// Which request failed is in the message, as a verb of RBAC's.
#[test]
fn a_failure_names_what_was_tried() {
    for (method, verb) in [("GET", "get"), ("POST", "create"), ("PUT", "update")] {
        let (mut one, mut server) = (lease("one"), Server::default());
        let mut moment = Moment::ZERO;
        while one.failures == 0 {
            match one.poll(now_of(&one, moment)) {
                Next::Request(request) if request.method.as_str() == method => {
                    one.deliver(moment, respond(403, String::new()))
                }
                Next::Request(request) => one.deliver(moment, server.answer(&request)),
                Next::WaitUntil(at) => moment = at,
                other => panic!("{other:?}"),
            }
        }
        let notice = one.take_notices().pop().unwrap();
        let message = format!("cannot {verb} the lease ns/k8s-replicator; trying again");
        assert_eq!((notice.level, notice.verb, notice.message), (Level::WARN, Some(verb), message));
    }
}

/// A standby waits for as long as the record says; where it says nothing that makes sense, for as long as its own would last.
#[test]
fn how_long_a_record_lasts() {
    for (says, lasts) in [(json!(3), secs(3)), (json!(0), LEASE_DURATION), (json!(null), LEASE_DURATION)] {
        let (mut one, mut two, mut server) = (lease("one"), lease("second"), Server::default());
        go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
        server.lease.as_mut().unwrap()["spec"]["leaseDurationSeconds"] = says;
        let at = run_until(&mut two, &mut server, Moment::ZERO, Fate::Answered, |two, _| two.role != Role::Standby);
        assert!(at >= lasts && at <= lasts + LOOK_PERIOD, "{at:?} for {lasts:?}");
    }
}

/// One that stops, and finds that the Lease is another's by now, or gone, writes nothing more, and ends in good order.
#[test]
fn what_is_not_held_any_more_need_not_be_released() {
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    let mut taken = server.lease.clone().unwrap();
    taken["spec"]["holderIdentity"] = json!("other");
    server.keep(taken);
    one.release();
    assert_eq!(go_on(&mut one, &mut server, STEP, Fate::Answered), None);
    assert_eq!((one.is_released(), server.holder()), (true, "other"));
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    server.lease = None;
    one.release();
    run_until(&mut one, &mut server, STEP, Fate::Answered, |one, _| one.is_released());
    assert_eq!(server.lease, None);
}
