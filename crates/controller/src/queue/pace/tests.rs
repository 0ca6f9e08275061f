use super::*;

fn key(name: &str) -> Key {
    Key::new("ns", name).unwrap()
}

fn said(version: Option<u64>, said: u64) -> Work {
    let version = version.map(|version| ResourceVersion::new(&version.to_string()));
    Work::new([(&key("source").into(), version.as_ref())], None, said)
}

fn work(version: u64) -> Work {
    said(Some(version), 0)
}

fn gives(work: Work) -> (Work, Because) {
    (work, Because::OfWork)
}

/// Issue 9, 1: whatever goes wrong, at most one request a second in the mean over a minute; and it never ends.
#[test]
fn a_repeated_request_is_made_once_a_second_at_most() {
    let mut paces = Paces::default();
    let (mut asked, mut at) = (Vec::new(), Moment::ZERO);
    while at < Duration::from_secs(600) {
        match paces.read(at, &key("a"), None) {
            Ok(_) => asked.push(at),
            Err(hold) => {
                assert!(hold.until > at && hold.until <= at + ONE_IN && hold.why == Why::TooMany);
            }
        }
        at += Duration::from_millis(1);
    }
    for from in &asked {
        let in_a_minute = asked.iter().filter(|at| *at >= from && **at < *from + Duration::from_secs(60)).count();
        assert!(in_a_minute <= 40, "{in_a_minute} from {from:?}");
    }
    assert!(asked.len() > 300);
}

/// Issue 9, 1: ordinary work is not slowed.
#[test]
fn new_versions_of_a_source_are_free() {
    let mut paces = Paces::default();
    for version in 1..1_000 {
        let version_read = ResourceVersion::new(&version.to_string());
        assert!(paces.read(Moment::ZERO, &key("source"), Some(&version_read)).is_ok());
        assert!(paces.write(Moment::ZERO, &key("a"), gives(work(version)), 0).is_ok());
        assert_eq!(paces.was_written(Moment::ZERO, &key("a"), work(version), Because::OfWork), 0);
    }
}

/// SPEC 9.14: at once the first time, then after pauses that grow from 1 s to 5 min while it goes on.
#[test]
fn corrections_are_made_after_growing_pauses_while_it_goes_on() {
    let mut paces = Paces::default();
    let a = key("a");
    assert!(paces.write(Moment::ZERO, &a, gives(work(1)), 0).is_ok());
    assert_eq!(paces.was_written(Moment::ZERO, &a, work(1), Because::OfWork), 0);
    let (mut now, mut pauses) = (Moment::ZERO, Vec::new());
    for n in 1..=12 {
        let began = now;
        while let Err(hold) = paces.write(now, &a, gives(work(1)), 0) {
            assert_eq!(hold.why, Why::Contested(n - 1));
            now = hold.until;
        }
        pauses.push((now - began).as_secs());
        assert_eq!(paces.was_written(now, &a, work(1), Because::OfWork), n);
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert!(paces.write(now, &a, gives(work(2)), 0).is_ok(), "a new version of the source is written all the same");
    now += REMEMBERED;
    assert!(paces.write(now, &key("b"), gives(work(1)), 0).is_ok());
    assert!(paces.write(now, &a, gives(work(2)), 0).is_ok());
    assert_eq!(paces.was_written(now, &a, work(2), Because::OfWork), 0, "it was forgotten");
}

/// Two controllers that do not know the same let two sources have a name in turns: each time it is another work than the last one.
#[test]
fn works_that_take_turns_are_not_new_each_time() {
    let (mut paces, a) = (Paces::default(), key("a"));
    let mut written = 0;
    for turn in 0..1_000 {
        let (now, work) = (Duration::from_millis(turn), work(1 + turn % 3));
        if paces.write(now, &a, gives(work), 0).is_ok() {
            paces.was_written(now, &a, work, Because::OfWork);
            written += 1;
        }
    }
    assert!(written <= 5, "{written} within a second");
    // A source that is gone can be gone again.
    let gone = said(None, 0);
    for version in 10..13 {
        for work in [work(version), gone] {
            assert!(paces.write(Duration::from_secs(2), &a, gives(work), 0).is_ok(), "{work:?}");
            paces.was_written(Duration::from_secs(2), &a, work, Because::OfWork);
        }
    }
}

/// However often one of them is put right, the others are not forgotten: what was written for once is put right after the same pauses.
#[test]
fn a_work_that_is_repeated_displaces_no_other() {
    let (mut paces, a) = (Paces::default(), key("a"));
    let counts =
        [1, 2, 1, 1, 1, 1, 2].map(|version| paces.was_written(Moment::ZERO, &a, work(version), Because::OfWork));
    assert_eq!(counts, [0, 0, 1, 2, 3, 4, 5]);
}

/// SPEC 9.5: the create that follows a delete does not wait, and is told as the delete was.
#[test]
fn what_is_deleted_and_made_again_is_one_write() {
    let (mut paces, a, now) = (Paces::default(), key("a"), Duration::from_secs(1));
    for _ in 0..8 {
        paces.was_written(now, &a, work(1), Because::SomebodyChangedIt);
    }
    assert!(paces.write(now, &a, gives(work(1)), 0).is_ok(), "nothing was tried");
    assert!(paces.write(now, &a, gives(work(1)), 0).is_err());
    // The delete is new work, and the create has the same.
    assert!(paces.write(now, &a, (work(2), Because::Remade), 0).is_ok());
    assert_eq!(paces.was_written(now, &a, work(2), Because::Remade), 0);
    assert!(paces.write(now, &a, (work(2), Because::Remade), 0).is_err(), "another delete is no second half");
    for _ in 0..2 {
        assert!(paces.write(now, &a, gives(work(2)), 0).is_ok(), "also where an attempt fails");
    }
    assert_eq!(paces.was_written(now, &a, work(2), Because::OfWork), 0);
    assert!(paces.write(now, &a, gives(work(2)), 0).is_err(), "whatever comes then is another write");
    // Of a delete that is a correction, so is the create.
    let corrections = paces.was_written(now, &a, work(2), Because::Remade);
    assert_eq!((corrections, paces.was_written(now, &a, work(2), Because::OfWork)), (9, 9));
    // Deletes without a create are corrections each.
    let counts = [0; 3].map(|_| paces.was_written(now, &a, work(2), Because::Remade));
    assert_eq!(counts, [10, 11, 12]);
}

/// What is said in turns is no fight, and is paid for; what takes something away first is none, whatever was said.
#[test]
fn what_is_said_in_turns_is_no_correction_and_not_free() {
    let (mut paces, a, now) = (Paces::default(), key("a"), Duration::ZERO);
    let mut written = 0;
    for turn in 0..100 {
        let work = said(Some(1), turn % 2);
        match paces.write(now, &a, gives(work), 0) {
            Ok(_) => assert_eq!(paces.was_written(now, &a, work, Because::OfWork), 0),
            Err(hold) => assert_eq!(hold.why, Why::TooMany),
        }
        written = turn;
        if paces.write(now, &a, gives(said(Some(1), turn % 2 + 2)), 0).is_err() {
            break;
        }
    }
    assert!(written <= u64::from(AT_ONCE), "{written}");
    let (mut paces, takes) = (Paces::default(), (work(1), Because::Withdrawn));
    let mut count = |because| paces.was_written(now, &a, work(1), because);
    assert_eq!([0; 3].map(|_| count(Because::OfWork)), [0, 1, 2]);
    assert_eq!([0; 2].map(|_| count(Because::Withdrawn)), [0, 3], "once");
    assert_eq!([0; 1].map(|_| count(Because::OfWork)), [4], "what gives again is a correction as before");
    let _tried = paces.write(now, &a, takes, 0);
    assert!(paces.write(now, &a, gives(work(1)), 0).is_err());
    assert!(paces.write(now, &a, takes, 0).is_ok());
}

#[test]
fn what_is_kept_of_an_object_is_small() {
    assert!(size_of::<Pace>() <= 256, "{}", size_of::<Pace>());
}

#[test]
fn objects_are_forgotten_when_nothing_was_asked_about_them_and_their_number_is_bounded() {
    let mut paces = Paces::default();
    let second = Duration::from_secs(1);
    for n in 0..MOST_REMEMBERED + 100 {
        assert!(paces.read(second, &key(&format!("a{n}")), None).is_ok());
    }
    assert!(paces.paces.len() <= MOST_REMEMBERED && paces.forget_at.len() <= MOST_REMEMBERED);
    let last = key(&format!("a{}", MOST_REMEMBERED + 99));
    assert_eq!(paces.write_failed(second * 500, &last), 0);
    assert_eq!(paces.write_failed(second * 700, &last), 1, "used in between");
    assert_eq!((paces.paces.len(), paces.forget_at.len()), (1, 1));
    assert_eq!(paces.write_failed(second * 1_300, &last), 0);
}

#[test]
fn a_new_namespace_of_the_same_name_starts_afresh() {
    let mut paces = Paces::default();
    assert!(paces.write(Moment::ZERO, &key("a"), gives(work(1)), 0).is_ok());
    for n in 0..5 {
        assert_eq!(paces.was_written(Moment::ZERO, &key("a"), work(1), Because::OfWork), n);
    }
    assert!(paces.write(Moment::ZERO, &key("a"), gives(work(1)), 0).is_err());
    paces.namespace_gone("n");
    assert!(paces.write(Moment::ZERO, &key("a"), gives(work(1)), 0).is_err());
    paces.namespace_gone("ns");
    assert!(paces.write(Moment::ZERO, &key("a"), gives(work(1)), 0).is_ok());
    assert_eq!(paces.was_written(Moment::ZERO, &key("a"), work(1), Because::OfWork), 0);
}

/// Whoever deletes a namespace and makes it again, again and again, gets no more requests by that.
#[test]
fn a_new_namespace_has_what_is_left_of_the_budget() {
    let mut paces = Paces::default();
    let is_made = |paces: &mut Paces, at| paces.read(at, &key("a"), None).is_ok();
    assert!(is_made(&mut paces, Moment::ZERO));
    // Just before it could be forgotten, had it not been asked about since.
    let late = REMEMBERED - Duration::from_secs(1);
    let made = (0..20).filter(|_| is_made(&mut paces, late)).count();
    assert_eq!(made, AT_ONCE as usize);
    paces.namespace_gone("ns");
    assert!(!is_made(&mut paces, REMEMBERED));
    assert!(is_made(&mut paces, late + ONE_IN));
}
