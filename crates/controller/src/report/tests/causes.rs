//! What happened for the same cause, and how many lines that is.

use super::*;

/// The source, the details, and what happened.
type Happened = (Option<&'static str>, Option<&'static str>, Outcome);

fn tell(reports: &mut Reports, name: &str, (source, detail, outcome): &Happened) {
    let source = source.map(|source| Key::resolve(source, "").unwrap().into());
    let verdict = Verdict { reason: Reason::KeyMissing, source, detail: detail.map(ToOwned::to_owned) };
    let report = Report::new(target(name), verdict, outcome.clone());
    match outcome {
        Outcome::Failed { .. } => reports.failed(Moment::ZERO, report),
        Outcome::Advice => {
            let Verdict { reason, detail, .. } = report.verdict;
            let advice = Advice { reason, detail: detail.unwrap_or_default() };
            reports.advise(Moment::ZERO, &report.target, vec![advice]);
        }
        _ => reports.standing(Moment::ZERO, report),
    }
}

/// After three objects have had a line each, a fourth one waits for the line about all others, if the same happened to it.
#[test]
fn what_is_the_same_cause() {
    let failed = |source, verb, error: &str| -> Happened {
        let (error, retry_in) = (error.to_owned(), Duration::from_secs(1));
        (Some(source), None, Outcome::Failed { verb, reason: Reason::Forbidden, error, retry_in })
    };
    let create = Some(Verb::Create);
    let refused = |source, detail| (Some(source), Some(detail), Outcome::Refused);
    let waits = |detail| (Some("a/s"), Some(detail), Outcome::Waits(None));
    for (what, other, is_same) in [
        // A failure is the same whatever source is copied, and whatever the numbers in its message.
        (failed("a/s", create, "denied"), failed("b/s", create, "denied"), true),
        (failed("a/s", create, "403 at 10:07"), failed("a/s", create, "422 at 9:15"), true),
        (failed("a/s", create, "rule7"), failed("a/s", create, "rule"), false),
        (failed("a/s", create, "denied"), failed("a/s", Some(Verb::Update), "denied"), false),
        (failed("a/s", create, "denied"), failed("a/s", None, "denied"), false),
        // A refusal is about its source, and says why.
        (refused("a/s", "no key x"), refused("a/s", "no key x"), true),
        (refused("a/s", "no key x"), refused("b/s", "no key x"), false),
        (refused("a/s", "no key x"), refused("a/s", "no key y"), false),
        // What the details of a wait are differs from object to object.
        (waits("since noon"), waits("since one"), true),
        (waits("since noon"), refused("a/s", "since noon"), false),
        // Advice blocks nothing, whatever it says.
        ((None, Some("team-*"), Outcome::Advice), (None, Some("team-*"), Outcome::Advice), true),
        ((None, Some("team-*"), Outcome::Advice), (None, Some("team-?"), Outcome::Advice), false),
        ((None, Some("team-*"), Outcome::Advice), (None, Some("team-*"), Outcome::Refused), false),
    ] {
        let mut reports = Reports::default();
        for (n, happened) in [&what, &what, &what, &other].into_iter().enumerate() {
            tell(&mut reports, &format!("n{n}/t"), happened);
        }
        let lines = said(&mut reports).len();
        assert_eq!((lines, reports.wake_at().is_some()), (if is_same { 3 } else { 4 }, is_same), "{what:?} {other:?}");
    }
}

/// A moment ends when its time is over, also where nothing was left to be said of it. Then there is a line at once, and the next moment is
/// longer.
#[test]
fn a_moment_begins_with_a_line() {
    let mut reports = Reports::default();
    let mut fail = |seconds, names: &[&str]| {
        let now = Duration::from_secs(seconds);
        reports.flush(now);
        names.iter().for_each(|name| reports.failed(now, failure(name, "denied")));
        (said(&mut reports).join(", "), reports.wake_at().map(|at| at.as_secs()))
    };
    assert_eq!(fail(0, &["n0/t", "n1/t", "n2/t"]), ("n0/t +0, n1/t +0, n2/t +0".to_owned(), None));
    assert_eq!(fail(1, &["n3/t", "n4/t", "n5/t"]), ("n3/t +0".to_owned(), Some(5)));
    assert_eq!(fail(5, &["n6/t"]), ("n4/t +1".to_owned(), Some(21)));
}

/// Also an object that changes to and fro within a moment.
#[test]
fn an_object_counts_once_in_a_line() {
    let mut reports = Reports::default();
    for name in ["n0/t", "n1/t", "n2/t"] {
        reports.standing(Moment::ZERO, refusal(name, Reason::Ring));
    }
    for reason in [Reason::Ring, Reason::Loop, Reason::Ring] {
        for name in ["x/t", "y/t"] {
            reports.standing(Moment::ZERO, refusal(name, reason));
        }
    }
    assert_eq!(said(&mut reports), ["n0/t +0", "n1/t +0", "n2/t +0", "x/t +0", "y/t +0"], "the last two: a loop");
    reports.flush(Duration::from_secs(1));
    assert_eq!(said(&mut reports), ["x/t +1"]);
}
