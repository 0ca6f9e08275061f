//! What is remembered of each object, and how many lines that leaves it.

use super::*;

fn at(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

/// The object changes once a second, from `from` on, so many times.
fn flap(reports: &mut Reports, from: u64, count: u64) {
    for second in from..from + count {
        let reason = if second % 2 == 0 { Reason::Ring } else { Reason::Loop };
        reports.standing(at(second), refusal("b/t", reason));
    }
}

/// An object has eight lines at once. What it was refused for after that is held, unless it is well before its next line.
#[test]
fn what_is_over_is_not_logged_later() {
    let mut reports = Reports::default();
    flap(&mut reports, 0, 20);
    // The first line counts from when it was over, after one second.
    assert_eq!((said(&mut reports).len(), reports.kept().held, reports.wake_at()), (8, 1, Some(at(601))));
    nothing(&mut reports, at(20), "b/t", Reason::UpToDate);
    assert_eq!((reports.kept().held, reports.wake_at()), (0, None));
    reports.flush(at(601));
    assert_eq!(said(&mut reports), [""; 0]);
}

/// The line that is due when the object's time has come is the one of its last state; the next one has to wait as long again.
#[test]
fn one_line_more_in_ten_minutes() {
    let mut reports = Reports::default();
    flap(&mut reports, 0, 20);
    assert_eq!(said(&mut reports).len(), 8);
    reports.flush(at(600));
    assert_eq!(said(&mut reports), [""; 0]);
    reports.flush(at(601));
    assert_eq!((said(&mut reports), reports.wake_at()), (vec!["b/t +0".to_owned()], None));
    flap(&mut reports, 602, 1);
    assert_eq!((said(&mut reports), reports.wake_at()), (vec![], Some(at(1_201))));
}

/// A line counts for ten minutes, and not at their end. Then an object whose state changes has an allowance of its own again.
#[test]
fn an_allowance_begins_anew_when_it_is_over() {
    let mut reports = Reports::default();
    for (second, reason) in [(0, Reason::Ring), (0, Reason::Loop), (1_200, Reason::Ring)] {
        reports.standing(at(second), refusal("b/t", reason));
    }
    assert_eq!(reports.kept().allowed, 1);
}

/// Advice that stays costs nothing of an object's allowance for lines; when it changes, the line that is over does.
#[test]
fn advice_counts_when_it_is_over() {
    let mut reports = Reports::default();
    let key = Key::new("a", "s").unwrap();
    let kept = |reports: &Reports| (reports.kept().told, reports.kept().allowed);
    let mut advise = |reason| {
        reports.advise(Moment::ZERO, &key, vec![Advice { reason, detail: "team-*".into() }]);
        kept(&reports)
    };
    assert_eq!([advise(Reason::LooksLikeGlob), advise(Reason::LooksLikeGlob)], [(1, 0), (1, 0)]);
    assert_eq!(advise(Reason::ListNamesNothing), (1, 1));
}

/// Further advice about an object is told once, and again when its own advice was told anew without it.
#[test]
fn further_advice_is_told_once() {
    let mut reports = Reports::default();
    let key = Key::new("a", "s").unwrap();
    let mut tell = |is_further: bool, reason| {
        let advice = vec![Advice { reason, detail: "team-*".into() }];
        match is_further {
            true => reports.advise_also(Moment::ZERO, &key, advice),
            false => reports.advise(Moment::ZERO, &key, advice),
        }
        said(&mut reports).len()
    };
    let (own, further) = (Reason::LooksLikeGlob, Reason::NoNamespaceReached);
    assert_eq!([tell(false, own), tell(true, further), tell(true, further), tell(true, own)], [1, 1, 0, 0]);
    assert_eq!([tell(false, own), tell(true, further)], [0, 1]);
}

/// When what fails may be logged again is remembered of each target, and of so many that are none any more.
#[test]
fn of_what_is_no_target_any_more_so_much_is_remembered() {
    for (reason, kept) in [
        (Reason::UpToDate, MOST_OBJECTS + 1),
        (Reason::SourceMissing, MOST_OBJECTS + 1),
        (Reason::NotWanted, MOST_OBJECTS),
        (Reason::NamespaceMissing, MOST_OBJECTS),
    ] {
        let mut reports = Reports::default();
        for n in 0..=MOST_OBJECTS {
            let name = format!("n{n}/t");
            reports.failed(Moment::ZERO, failure(&name, "denied"));
            nothing(&mut reports, Moment::ZERO, &name, reason);
        }
        assert_eq!(reports.kept().spaced, kept, "{reason}");
    }
}
