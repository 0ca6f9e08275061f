//! Small sources are created one by one, while nothing else happens, and while a source with very many replicas is copied: nobody waits
//! for somebody else's replicas.

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, Stage, percentile, say};
use super::super::subject::Subject;
use super::super::writer::data;
use super::fan_out::PAYLOAD;

/// Between two small sources.
const APART: Duration = Duration::from_millis(50);
/// So many of them while nothing else happens, and the most of them beside the large one.
const SMALL: usize = 100;
const NAMESPACE: &str = "small";

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let count = lab.sizes.large;
    let mut stage = lab.stage(subject).await?;
    stage.namespaces("ns", count).await?;
    stage.admin.send(super::super::lab::namespace(NAMESPACE)).await?;
    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;
    let version = stage.source(subject, "large", "ns-.*", &data(PAYLOAD)).await?;
    let seen = stage.observer.until(count, lab.patience, |event| event.from_version == version).await;
    ensure!(seen.count == count, "{} of {count} replicas of the large source were made", seen.count);

    say("small sources, and nothing else");
    let mut alone = Vec::new();
    for n in 0..SMALL {
        alone.push(small(lab, &mut stage, subject, &format!("alone-{n:03}"), &Large::default()).await?);
    }
    say(format_args!("small sources beside {count} replicas"));
    let large = Large { version: stage.change("large", &data(PAYLOAD)).await?, seen: RefCell::default() };
    let begun = Instant::now();
    let mut beside = Vec::new();
    while large.count() < count && begun.elapsed() < lab.patience && beside.len() < SMALL {
        beside.push(small(lab, &mut stage, subject, &format!("beside-{n:03}", n = beside.len()), &large).await?);
    }
    let written = large.count();
    // The rest of them: how long it all took.
    let rest = stage.observer.until(count - written, lab.patience, |event| event.from_version == large.version).await;
    let took = (rest.last - begun).as_secs_f64();
    controller.stop();
    let note = format!(
        "{written} of {count} were written beside them; all after {took:.1} s, {:.0} a second",
        count as f64 / took
    );
    Ok([figures("alone", &alone, None), figures(&format!("beside {count} of another source"), &beside, Some(note))]
        .concat())
}

/// How far the copy of the large source is.
#[derive(Default)]
struct Large {
    /// Empty: it is not copied now.
    version: String,
    seen: RefCell<HashSet<String>>,
}

impl Large {
    fn count(&self) -> usize {
        self.seen.borrow().len()
    }
}

/// Milliseconds.
#[derive(Clone, Copy)]
struct Small {
    /// Its creation.
    create: f64,
    /// From the response to that until its replica was seen.
    wait: f64,
}

/// Creates a small source, and waits for its replica.
async fn small(lab: &Lab, stage: &mut Stage, subject: &Subject, name: &str, large: &Large) -> Result<Small> {
    tokio::time::sleep(APART).await;
    let begun = Instant::now();
    stage.source(subject, name, NAMESPACE, &data(PAYLOAD)).await?;
    let answered = Instant::now();
    let seen = stage.observer.until(1, lab.patience, |event| {
        if !large.version.is_empty() && event.from_version == large.version {
            large.seen.borrow_mut().insert(event.namespace.clone());
        }
        event.namespace == NAMESPACE && event.name == name
    });
    let seen = seen.await;
    ensure!(seen.count == 1, "the source {name} never got its replica");
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Small {
        create: milliseconds(answered - begun),
        wait: milliseconds(seen.last.saturating_duration_since(answered)),
    })
}

fn figures(how: &str, small: &[Small], note: Option<String>) -> Vec<Figure> {
    let at = |part, of: fn(&Small) -> f64| percentile(&mut small.iter().map(of).collect::<Vec<_>>(), part);
    let wait = |part| at(part, |small| small.wait);
    let figure =
        |name: &str, part| Figure::new(format!("a small source {how}: its replica after, {name}"), wait(part), "ms");
    let creates = format!(
        "{} sources; the creation of the source itself took {:.1} ms, p90 {:.1}",
        small.len(),
        at(0.5, |small| small.create),
        at(0.9, |small| small.create)
    );
    let note = note.map_or(creates.clone(), |note| format!("{creates}; {note}"));
    vec![
        figure("p50", 0.5),
        figure("p90", 0.9).target(Target::AtMost(100.0)).note(note),
        figure("p99", 0.99),
        figure("longest", 1.0),
    ]
}
