//! What comes before the server granted the lease, and what comes after it was lost.

use super::*;

/// The request that it makes now.
fn asks(lease: &mut Lease, moment: Moment) -> HttpRequest {
    match lease.poll(now_of(lease, moment)) {
        Next::Request(request) => request,
        other => panic!("{other:?} at {moment:?}"),
    }
}

#[test]
fn nobody_leads_before_the_server_has_granted_it() {
    let (mut one, mut server) = (lease("one"), Server::default());
    let look = asks(&mut one, Moment::ZERO);
    one.deliver(Moment::ZERO, server.answer(&look));
    let create = asks(&mut one, Moment::ZERO);
    assert_eq!((create.method.as_str(), one.may_write(Moment::ZERO)), ("POST", false));
    one.deliver(STEP, server.answer(&create));
    assert!(one.may_write(STEP));
}

/// When the lease was lost this process ends, and another one may lead by now: a renewal that was under way does not bring it back.
#[test]
fn a_renewal_that_is_granted_after_the_deadline_changes_nothing() {
    let (mut one, mut server) = (lease("one"), Server::default());
    go_on(&mut one, &mut server, Moment::ZERO, Fate::Answered);
    // The first renewal hangs; the second one is under way when the deadline comes.
    assert_eq!(go_on(&mut one, &mut server, RETRY_PERIOD, Fate::Hangs), None);
    assert!(matches!(one.poll(now_of(&one, RETRY_PERIOD + TIMEOUT)), Next::Cancel));
    let look = asks(&mut one, secs(7));
    one.deliver(secs(7), server.answer(&look));
    let renewal = asks(&mut one, secs(7));
    assert_eq!(renewal.method, Method::PUT);
    assert!(matches!(one.poll(now_of(&one, RENEW_DEADLINE)), Next::End(_)));
    one.deliver(RENEW_DEADLINE, server.answer(&renewal));
    assert!(!one.may_write(RENEW_DEADLINE));
    assert!(matches!(one.poll(now_of(&one, RENEW_DEADLINE)), Next::End(_)));
}
