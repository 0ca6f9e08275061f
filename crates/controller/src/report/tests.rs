mod causes;
mod objects;

use k8s_replicator_core::advice::Advice;
use k8s_replicator_core::kind::Secret;
use k8s_replicator_core::names::Key;
use serde_json::json;

use super::*;
use crate::event::Moment;
use crate::logged::lines;

fn target(text: &str) -> TargetKey {
    Key::resolve(text, "").unwrap().into()
}

fn verdict(reason: Reason) -> Verdict {
    Verdict { reason, source: Some(Key::new("a", "s").unwrap().into()), detail: None }
}

fn failure(name: &str, error: &str) -> Report {
    let outcome = Outcome::Failed {
        verb: Some(Verb::Create),
        reason: Reason::Forbidden,
        error: error.into(),
        retry_in: Duration::from_secs(1),
    };
    Report::new(target(name), verdict(Reason::NewTarget), outcome)
}

fn refusal(name: &str, reason: Reason) -> Report {
    Report::new(target(name), verdict(reason), Outcome::Refused)
}

/// Of how many objects what is remembered.
pub(super) struct Kept {
    /// That they are refused, or wait: each in so many `bytes`.
    pub(super) states: usize,
    /// Advice, and sources that do not get a name.
    pub(super) told: usize,
    /// When a failure, or a fight, may be logged again.
    pub(super) spaced: usize,
    /// How much of their allowance for lines is used.
    pub(super) allowed: usize,
    /// Their last state, to be logged later.
    pub(super) held: usize,
    pub(super) bytes: usize,
}

/// Nothing has to be done for this reason.
fn nothing(reports: &mut Reports, now: Moment, name: &str, reason: Reason) {
    reports.nothing(now, Report::new(target(name), verdict(reason), Outcome::Nothing), false);
}

/// What is said now, as `target +others`.
fn said(reports: &mut Reports) -> Vec<String> {
    let said = reports.take();
    said.iter().map(|report| format!("{} +{}", report.target, report.others.count)).collect()
}

/// SPEC 8: a failure that goes on is reported at once, then less and less often: about 10 lines an hour.
#[test]
fn a_failure_that_goes_on_is_reported_less_and_less() {
    let mut reports = Reports::default();
    let mut times = Vec::new();
    for millis in (0..3_600_000).step_by(100) {
        let now = Duration::from_millis(millis);
        reports.flush(now);
        reports.failed(now, failure("b/t", "b/t: denied"));
        times.extend(said(&mut reports).iter().map(|_| now.as_secs()));
    }
    assert_eq!(times, [0, 1, 5, 21, 85, 341, 1_241, 2_141, 3_041]);
}

/// The same where the server says something else each time.
#[test]
fn a_failure_whose_message_changes_is_reported_less_and_less() {
    let mut reports = Reports::default();
    let mut lines = 0;
    for second in 0..3_600 {
        let now = Duration::from_secs(second);
        reports.flush(now);
        reports.failed(now, failure("b/t", &"x".repeat(usize::try_from(second).unwrap() % 97)));
        lines += said(&mut reports).len();
    }
    assert!(lines <= 11, "{lines}");
}

/// Issue 9, 3: 20 namespaces that deny made 198 lines in a minute.
#[test]
fn what_fails_for_the_same_cause_within_a_moment_is_one_line() {
    let mut reports = Reports::default();
    let mut lines = Vec::new();
    for millis in (0..60_000).step_by(100) {
        let now = Duration::from_millis(millis);
        reports.flush(now);
        for n in 0..20 {
            let (name, error) = (format!("n{n}/t"), format!("create n{n}/t: no \"t\" in \"n{n}\" at 10:0{n}"));
            reports.failed(now, failure(&name, &error));
        }
        for report in reports.take() {
            lines.push((now.as_secs(), report.others.count, report.others.names.len()));
        }
    }
    assert_eq!(lines, [(0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 16, 5), (5, 19, 5), (21, 19, 5)]);
    // Another cause has its own lines.
    reports.failed(Duration::from_secs(60), failure("z/t", "something else"));
    assert_eq!(said(&mut reports), ["z/t +0"]);
}

/// SPEC 8: a refusal is reported once for the same state.
#[test]
fn a_state_is_reported_once() {
    let (mut reports, now) = (Reports::default(), Moment::ZERO);
    for (reason, lines) in [(Reason::IllFormed, 1), (Reason::IllFormed, 0), (Reason::Ring, 1), (Reason::IllFormed, 1)] {
        reports.standing(now, refusal("b/t", reason));
        assert_eq!(said(&mut reports).len(), lines, "{reason}");
    }
    nothing(&mut reports, now, "b/t", Reason::UpToDate);
    reports.standing(now, refusal("b/t", Reason::IllFormed));
    assert_eq!(said(&mut reports), ["b/t +0"], "it was mended in between");
}

/// The same where the object is well in between each time.
#[test]
fn an_object_that_is_refused_now_and_then_is_reported_now_and_then() {
    let mut reports = Reports::default();
    let mut lines = Vec::new();
    for second in 0..3_600 {
        let now = Duration::from_secs(second);
        reports.flush(now);
        match second % 2 {
            0 => reports.standing(now, refusal("b/t", Reason::Ring)),
            _ => nothing(&mut reports, now, "b/t", [Reason::UpToDate, Reason::NotWanted][usize::from(second % 4 == 1)]),
        }
        lines.extend(said(&mut reports).iter().map(|_| second));
    }
    let at_once = lines.iter().filter(|second| **second < 60).count();
    assert!(at_once == 8 && (9..=15).contains(&lines.len()), "{lines:?}");
}

/// Whatever a tenant does with annotations: few lines, and in the end the last state is known.
#[test]
fn an_object_whose_state_changes_all_the_time_is_reported_now_and_then() {
    let mut reports = Reports::default();
    let (mut lines, mut last) = (0, None);
    let mut take = |reports: &mut Reports| {
        for report in reports.take() {
            lines += 1;
            last = Some(report.verdict.reason);
        }
    };
    for second in 0..3_600 {
        let now = Duration::from_secs(second);
        reports.flush(now);
        reports.standing(now, refusal("b/t", [Reason::Ring, Reason::Loop][usize::try_from(second).unwrap() % 2]));
        take(&mut reports);
    }
    while let Some(at) = reports.wake_at() {
        reports.flush(at);
        take(&mut reports);
    }
    assert_eq!(last, Some(Reason::Loop));
    assert!((8..=15).contains(&lines), "{lines}");
}

/// A source that is ill-formed has 5,000 replicas: 5,000 refusals are not 5,000 lines.
#[test]
fn many_refusals_for_the_same_cause_are_one_line() {
    let mut reports = Reports::default();
    for n in 0..5_000 {
        reports.standing(Moment::ZERO, refusal(&format!("n{n}/t"), Reason::SourceIllFormed));
    }
    assert_eq!(said(&mut reports), ["n0/t +0", "n1/t +0", "n2/t +0"]);
    let at = reports.wake_at().unwrap();
    reports.flush(at);
    assert_eq!((at, said(&mut reports)), (Duration::from_secs(1), vec!["n3/t +4996".to_owned()]));
    assert_eq!(reports.wake_at(), None);
    // The next ones are not behind for that.
    for n in 0..2 {
        reports.standing(at * 2, refusal(&format!("m{n}/t"), Reason::SourceIllFormed));
    }
    assert_eq!(said(&mut reports), ["m0/t +0", "m1/t +0"]);
}

/// SPEC 8: advice is reported like a refusal: once for the same state of the object.
#[test]
fn advice_is_reported_once() {
    let (mut reports, key) = (Reports::default(), Key::new("a", "s").unwrap());
    let advice = |reason| Advice { reason, detail: "what to do".into() };
    let glob = || vec![advice(Reason::LooksLikeGlob)];
    let mut advise = |advice: Vec<Advice>| {
        reports.advise(Moment::ZERO, &key, advice);
        said(&mut reports).len()
    };
    let both = || vec![advice(Reason::LooksLikeGlob), advice(Reason::ListNamesNothing)];
    assert_eq!([advise(vec![]), advise(glob()), advise(glob()), advise(both()), advise(glob())], [0, 1, 0, 1, 0]);
    assert_eq!(advise(both()), 1, "it was away in between");
}

/// SPEC 3.4: the others are refused, and that is reported once.
#[test]
fn losers_of_a_name_are_reported_once() {
    let (mut reports, name) = (Reports::default(), target("b/t"));
    let loser = |source: &str| Verdict {
        reason: Reason::AnotherSourceWins,
        source: Some(Key::resolve(source, "").unwrap().into()),
        detail: None,
    };
    let mut losers = |losers: &[&str]| {
        reports.losers(Moment::ZERO, &name, losers.iter().map(|source| loser(source)).collect());
        said(&mut reports).len()
    };
    assert_eq!([losers(&[]), losers(&["c/s"]), losers(&["c/s"]), losers(&["c/s", "d/s"])], [0, 1, 0, 1]);
}

#[test]
fn nothing_is_remembered_of_objects_that_are_well() {
    let mut reports = Reports::default();
    for n in 0..10_000u64 {
        let (name, now) = (format!("n{n}/t"), Duration::from_secs(n * 10));
        reports.failed(now, failure(&name, &"y".repeat(usize::try_from(n).unwrap() % 500)));
        reports.standing(now, refusal(&name, Reason::IllFormed));
        nothing(&mut reports, now, &name, Reason::UpToDate);
        drop(reports.take());
        reports.flush(now);
    }
    let (objects, groups) = reports.remembered();
    assert!(objects < 2_000 && groups < 2_000, "{objects} objects, {groups} groups");
}

/// Ten ConfigMaps whose 16 names are pushed to 1,000 namespaces are 160,000 targets. Where they are refused, or wait, that is a state that
/// may go on for years: each of them takes a few bytes besides its name, which others have too, and nothing else.
#[test]
fn of_an_object_that_is_refused_its_name_and_a_fingerprint_are_remembered() {
    const TARGETS: usize = 10_000;
    let mut reports = Reports::default();
    for second in [0, 60, 3_600] {
        let now = Duration::from_secs(second);
        for n in 0..TARGETS {
            let detail = Some(format!("the source has no key \"k-{}\"", n % 16));
            let outcome = if n % 2 == 0 { Outcome::Refused } else { Outcome::Waits(None) };
            let verdict = Verdict { detail, ..verdict(Reason::KeyMissing) };
            reports.standing(now, Report::new(target(&format!("n{n}/t")), verdict, outcome));
        }
        drop(reports.take());
        reports.flush(now + Duration::from_secs(1));
        drop(reports.take());
        let Kept { states, told, spaced, allowed, held, bytes } = reports.kept();
        assert_eq!((states, told, spaced, allowed, held), (TARGETS, 0, 0, 0, 0));
        assert!(bytes <= 24, "{bytes}");
    }
    // They are well now, all at the same time.
    for n in 0..TARGETS {
        nothing(&mut reports, Duration::from_secs(3_601), &format!("n{n}/t"), Reason::UpToDate);
    }
    let Kept { states, allowed, .. } = reports.kept();
    assert_eq!((states, allowed), (0, MOST_OBJECTS));
    reports.flush(Duration::from_secs(3_601 + 600));
    assert_eq!(reports.remembered().0, 0);
}

/// A ConfigMap pushes 8,192 names, which are refused or cannot be written, and its owner replaces all of them every 25 seconds.
#[test]
fn names_that_are_replaced_again_and_again_leave_nothing_behind() {
    const NAMES: usize = 8_192;
    let mut reports = Reports::default();
    let mut lines = 0;
    for turn in 0..20u64 {
        let now = Duration::from_secs(turn * 25);
        reports.flush(now);
        for n in 0..NAMES {
            if let Some(before) = turn.checked_sub(1) {
                nothing(&mut reports, now, &format!("b/t-{before}-{n}"), Reason::NotWanted);
            }
            let name = format!("b/t-{turn}-{n}");
            match n % 2 {
                0 => reports.standing(now, refusal(&name, Reason::KeyMissing)),
                _ => reports.failed(now, failure(&name, &format!("{name}: denied"))),
            }
        }
        lines += said(&mut reports).len();
        let (objects, groups) = reports.remembered();
        assert!(objects <= NAMES + 2 * MOST_OBJECTS && groups <= 2, "{objects} objects, {groups} causes");
        assert!(reports.kept().allowed <= MOST_OBJECTS);
    }
    assert!(lines <= 20 * 4 + 11, "{lines}");
}

/// More objects flap than have an allowance: those that had the most lines keep theirs, and what is held of the others is logged.
#[test]
fn of_many_objects_that_flap_those_that_flap_most_are_remembered() {
    let mut reports = Reports::default();
    let flap = |reports: &mut Reports, second, name: &str| {
        let reason = [Reason::Ring, Reason::Loop][usize::try_from(second).unwrap() % 2];
        reports.standing(Duration::from_secs(second), refusal(name, reason));
        reports.flush(Duration::from_secs(second + 1));
    };
    for second in 0..60 {
        flap(&mut reports, second, "a/often");
    }
    assert_eq!(reports.kept().held, 1);
    for n in 0..2 * MOST_OBJECTS {
        for second in [60, 61] {
            reports.standing(
                Duration::from_secs(second),
                refusal(&format!("b/t-{n}"), [Reason::Ring, Reason::Loop][n % 2]),
            );
            nothing(&mut reports, Duration::from_secs(second), &format!("b/t-{n}"), Reason::UpToDate);
        }
    }
    let Kept { allowed, held, .. } = reports.kept();
    assert_eq!((allowed, held), (MOST_OBJECTS, 1), "what it flaps to is held as before");
    drop(reports.take());
    flap(&mut reports, 62, "a/often");
    assert!(said(&mut reports).iter().all(|line| !line.starts_with("a/often")));
}

/// Issue 9, 1: nothing grows by what others write: a webhook that says something else each time made a group of each of its messages, which
/// were forgotten only when there were many objects.
#[test]
fn what_one_object_is_refused_for_does_not_grow_without_bound() {
    let mut reports = Reports::default();
    let word = |n: u64| n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    for n in 0..20_000u64 {
        let now = Duration::from_secs(n * 3_600);
        reports.failed(now, failure("b/t", &word(n)));
        reports.advise(
            now,
            &Key::new("a", "s").unwrap(),
            vec![Advice { reason: Reason::LooksLikeGlob, detail: word(n) }],
        );
        drop(reports.take());
        reports.flush(now);
    }
    let (objects, groups) = reports.remembered();
    assert!(objects <= 2 && groups < 1_000, "{objects} objects and {groups} causes");
}

/// SPEC 8: what the log line of each outcome says.
#[test]
fn what_a_log_line_says() {
    let report = |outcome| Report::new(target("b/t"), verdict(Reason::SourceChanged), outcome);
    let logged = |report: &Report| {
        let mut lines = lines(|| report.log(&Secret));
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    };
    let sentence = Reason::SourceChanged.sentence();
    for (verb, words, failed_words) in [
        (Verb::Create, "replica created", "the replica could not be created"),
        (Verb::Adopt, "replica adopted", "the replica could not be adopted"),
        (Verb::Update, "replica updated", "the replica could not be updated"),
        (Verb::Clear, "replica cleared", "the replica could not be cleared"),
        (Verb::Delete, "replica deleted", "the replica could not be deleted"),
        (Verb::Recreate, "replica deleted, to be created again", "the replica could not be deleted"),
    ] {
        let resource_version = Some(ResourceVersion::new("7"));
        let expected = json!({ "level": "INFO", "message": words, "kind": "Secret", "source": "a/s", "target": "b/t",
            "action": verb.word(), "reason": "SourceChanged", "resource_version": "7" });
        assert_eq!(logged(&report(Outcome::Done { verb, resource_version })), expected);
        let failed = Outcome::Failed {
            verb: Some(verb),
            reason: Reason::Forbidden,
            error: "update: denied".into(),
            retry_in: Duration::from_millis(1_540),
        };
        let message = format!("{failed_words}; next attempt in 1.5 s: {}", Reason::Forbidden.sentence());
        let expected = json!({ "level": "WARN", "message": message, "kind": "Secret", "source": "a/s", "target": "b/t",
            "action": verb.word(), "reason": "Forbidden", "error": "update: denied" });
        assert_eq!(logged(&report(failed)), expected);
    }
    let simple = |level: &str, action: &str, message: String| {
        json!({ "level": level, "message": message, "kind": "Secret", "source": "a/s", "target": "b/t", "action": action,
            "reason": "SourceChanged" })
    };
    assert_eq!(logged(&report(Outcome::Nothing)), simple("DEBUG", "nothing", sentence.into()));
    assert_eq!(logged(&report(Outcome::Refused)), simple("WARN", "refuse", sentence.into()));
    for (time, words) in [(None, "until something changes"), (Some(Duration::from_secs(5)), "for 5.0 s")] {
        assert_eq!(
            logged(&report(Outcome::Waits(time))),
            simple("WARN", "wait", format!("{sentence} It waits {words}."))
        );
    }
    let advice = Verdict { source: None, detail: Some("team-*".into()), ..verdict(Reason::LooksLikeGlob) };
    let expected = json!({ "level": "WARN", "message": Reason::LooksLikeGlob.sentence(), "kind": "Secret", "target": "b/t",
        "action": "advise", "reason": "LooksLikeGlob", "error": "team-*" });
    assert_eq!(logged(&Report::new(target("b/t"), advice, Outcome::Advice)), expected);
}

/// One line about several objects has how many they are, and names some.
#[test]
fn a_line_about_several_objects_names_some() {
    for (count, named, targets, words) in [
        (0, 0, json!(null), ""),
        (1, 1, json!(2), " The same for n0/t."),
        (3, 3, json!(4), " The same for n0/t, n1/t, n2/t."),
        (7, 3, json!(8), " The same for n0/t, n1/t, n2/t and 4 more."),
    ] {
        let mut report = refusal("b/t", Reason::IllFormed);
        report.others = Others { count, names: (0..named).map(|n| target(&format!("n{n}/t"))).collect() };
        let lines = lines(|| report.log(&Secret));
        assert_eq!(lines[0]["message"], format!("{}{words}", Reason::IllFormed.sentence()));
        assert_eq!(lines[0]["targets"], targets);
    }
}

/// Advice and losers are reported anew where the object is another one of the same name, and only then.
#[test]
fn what_is_gone_is_reported_anew() {
    let mut reports = Reports::default();
    let advice = || vec![Advice { reason: Reason::LooksLikeGlob, detail: "team-*".into() }];
    let key = Key::new("a", "s").unwrap();
    let advised = |reports: &mut Reports, advice| {
        reports.advise(Duration::ZERO, &key, advice);
        said(reports).len()
    };
    assert_eq!(
        [advised(&mut reports, vec![]), advised(&mut reports, advice()), advised(&mut reports, advice())],
        [0, 1, 0]
    );
    assert_eq!(reports.remembered().0, 1);
    reports.gone(Duration::ZERO, &key);
    assert_eq!(advised(&mut reports, advice()), 1);
}

/// What Events need is kept only where they are on, and what existed before the start is none.
#[test]
fn what_existed_before_the_start_is_no_event() {
    let mut reports = Reports::default();
    reports.standing(Duration::ZERO, refusal("a/early", Reason::IllFormed));
    assert!(!reports.wants_occurred() && reports.take_occurred().is_empty());
    reports.want_occurred();
    assert!(reports.wants_occurred());
    for (is_old, name) in [(true, "a/old"), (false, "a/new")] {
        reports.are_old(is_old);
        reports.standing(Duration::ZERO, refusal(name, Reason::IllFormed));
    }
    let occurred: Vec<String> = reports.take_occurred().iter().map(|report| report.target.to_string()).collect();
    assert_eq!(occurred, ["a/new"]);
    assert!(reports.take_occurred().is_empty());
}

/// A fight is reported once while it goes on, and again when it was over.
#[test]
fn a_fight_is_reported_once() {
    let mut reports = Reports::default();
    let fight = || {
        let outcome = Outcome::Failed {
            verb: Some(Verb::Update),
            reason: Reason::Contested,
            error: "changed by kubectl".into(),
            retry_in: Duration::from_secs(60),
        };
        Report::new(target("b/t"), verdict(Reason::Drift), outcome)
    };
    let mut at = |seconds| {
        let now = Duration::from_secs(seconds);
        reports.flush(now);
        reports.failed(now, fight());
        said(&mut reports).len()
    };
    assert_eq!([at(0), at(1), at(60), at(600)], [1, 0, 0, 0]);
    assert_eq!([at(4_000), at(4_001)], [1, 0]);
}
