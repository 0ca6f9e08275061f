//! Where each limit is, to the millisecond and to the Event; and what is tried again.

use super::*;

/// Records an occurrence, writes its Event, and says by which method.
fn write(events: &mut Events, millis: u64, name: &str) -> String {
    events.record(at(millis), occurrence(name, "said", true));
    let request = asks(events, at(millis)).unwrap();
    answers(events, at(millis), 201);
    request.method.to_string()
}

#[test]
fn a_series_ends_ten_minutes_after_the_last_time() {
    for (after, method) in [(599_999, "PATCH"), (600_000, "POST")] {
        let mut events = events();
        assert_eq!(write(&mut events, 0, "t"), "POST");
        assert_eq!(write(&mut events, after, "t"), method, "after {after} ms");
    }
}

#[test]
fn all_objects_together_have_50_at_once_and_then_one_in_a_tenth_of_a_second() {
    let mut events = events();
    for n in 0..60 {
        events.record(at(0), occurrence(&format!("t-{n}"), "said", false));
    }
    let mut written = |millis| {
        let mut count = 0;
        while asks(&mut events, at(millis)).is_some() {
            answers(&mut events, at(millis), 201);
            count += 1;
        }
        count
    };
    assert_eq!([written(0), written(99), written(100), written(199), written(200)], [50, 0, 1, 0, 1]);
    assert!(matches!(events.poll(at(200), 0), Next::WaitUntil(until) if until == at(300).moment));
}

/// The allowances of so many objects are counted. One that is over makes room for another object's; one that is not is kept, whoever needs
/// its place.
#[test]
fn an_allowance_that_is_over_makes_room_for_another() {
    let mut events = events();
    let too_many = |events: &Events| counted(events)[1];
    for n in 1..MOST_COUNTED {
        events.record(at(0), occurrence(&format!("t-{n}"), "said", false));
    }
    for n in 0..AT_ONCE {
        events.record(at(0), occurrence("busy", &format!("attempt {n}"), false));
    }
    assert_eq!((events.allowed.len(), too_many(&events)), (MOST_COUNTED, 0));
    events.record(at(299_999), occurrence("late", "said", false));
    assert_eq!((events.allowed.len(), too_many(&events)), (MOST_COUNTED, 1));
    events.record(at(300_000), occurrence("late", "said again", false));
    assert_eq!((events.allowed.len(), too_many(&events)), (2, 1));
    // The other one has one Event more since the beginning, and not 25.
    for (attempt, dropped) in [("one more", 1), ("another", 2)] {
        events.record(at(300_000), occurrence("busy", attempt, false));
        assert_eq!(too_many(&events), dropped, "{attempt}");
    }
}

/// So many are remembered of those that were written, by when each was written last: the same again becomes a series.
#[test]
fn what_was_written_last_is_remembered() {
    for (others, method) in [
        (vec![MOST_REMEMBERED - 1], "PATCH"),
        (vec![MOST_REMEMBERED], "POST"),
        (vec![300, MOST_REMEMBERED - 100], "PATCH"),
    ] {
        let (mut events, mut millis) = (events(), 0);
        let mut write = |name: &str| {
            // As fast as all objects together may have Events.
            millis += 100;
            self::write(&mut events, millis, name)
        };
        let mut last = write("first");
        for (round, others) in others.iter().enumerate() {
            for n in 0..*others {
                write(&format!("t-{round}-{n}"));
            }
            last = write("first");
        }
        assert_eq!(last, method, "{others:?} others");
    }
}

/// What waits to be written is not forgotten for what was dropped meanwhile.
#[test]
fn what_waits_is_remembered() {
    let mut events = events();
    write(&mut events, 0, "first");
    events.record(at(1), occurrence("first", "said", true));
    for n in 0..MOST_REMEMBERED + 50 {
        events.record(at(1), occurrence("loud", &format!("attempt {n}"), true));
    }
    let request = asks(&mut events, at(1)).unwrap();
    assert_eq!((request.method.as_str(), body(&request)["series"]["count"].as_u64()), ("PATCH", Some(2)));
}

/// An Event is created again where the API server has dropped the one whose series goes on. What fails otherwise is not tried again.
#[test]
fn only_a_series_that_lost_its_event_is_tried_again() {
    for (is_series, status, reason, again) in [
        (true, 404, "NotFound", Some("POST")),
        // The namespace is gone.
        (false, 404, "NotFound", None),
        (true, 422, "Invalid", None),
        (false, 422, "Invalid", None),
    ] {
        let mut events = events();
        if is_series {
            write(&mut events, 0, "t");
        }
        events.record(at(1), occurrence("t", "said", true));
        asks(&mut events, at(1)).unwrap();
        let body = format!(r#"{{"kind":"Status","code":{status},"reason":"{reason}","message":"no"}}"#).into();
        let status = StatusCode::from_u16(status).unwrap();
        events.deliver(at(1), Received::Response(Response { status, headers: Default::default(), body }));
        let asked = asks(&mut events, at(1)).map(|request| request.method.to_string());
        let case = format!("{is_series} {status}");
        assert_eq!(asked.as_deref(), again, "{case}");
        assert_eq!(counted(&events), [u64::from(is_series), 0, 0, 0, u64::from(again.is_none())], "{case}");
    }
}

/// Of a response that is too long it is known that it was one: the Event is there.
#[test]
fn a_response_that_is_too_long_says_that_the_event_was_written() {
    for (received, expected) in [
        (Received::TooLong, [1, 0, 0, 0, 0]),
        (Received::Closed, [0, 0, 0, 0, 1]),
        (Received::Failed(Failure::new(FailureKind::Unreachable, "broken")), [0, 0, 0, 0, 1]),
    ] {
        let mut events = events();
        events.record(at(0), occurrence("t", "said", true));
        asks(&mut events, at(0)).unwrap();
        let case = format!("{received:?}");
        events.deliver(at(0), received);
        assert_eq!(counted(&events), expected, "{case}");
    }
}

/// As much of the object's name as there is room for.
#[test]
fn the_name_of_an_event_is_cut_where_it_has_to_be() {
    let mut settings = events().settings;
    for (length, expected) in [(1, 18), (236, 253), (237, 253), (253, 253)] {
        let name = body::name(&occurrence(&"a".repeat(length), "", false), &mut settings.entropy);
        assert_eq!(name.len(), expected, "of {length}");
    }
}
