//! A restart with all replicas in place, and an idle time after it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, in_words, say, writes};
use super::super::subject::Subject;
use super::super::writer::data;
use super::fan_out::PAYLOAD;

/// What a start leads to has been asked for by then.
const AFTER_START: Duration = Duration::from_secs(5);

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let side = lab.sizes.sources;
    let replicas = side * side;
    let mut stage = lab.stage(subject).await?;
    stage.namespaces("ns", side).await?;
    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;
    for n in 0..side {
        stage.source(subject, &format!("source-{n:03}"), "ns-.*", &data(PAYLOAD)).await?;
    }
    let seen = stage.observer.until(replicas, lab.patience, |event| !event.from_version.is_empty()).await;
    controller.stop();

    // Verification reads each replica once in its period, also right after a start: that is the second measure.
    let flags: &[&str] = if subject.is_ours() { &["--resync-period=0"] } else { &[] };
    let mut controller = subject.start(&stage.plane, flags)?;
    let ready = controller.ready(lab.patience).await?.as_secs_f64() * 1e3;
    tokio::time::sleep(AFTER_START).await;
    let asked = stage.requests(&controller.user, 0).await?;
    let reads: usize = asked.iter().filter(|(verb, _)| verb == "get").map(|(_, count)| count).sum();
    let title = |what: &str| format!("restart with {} replicas: {what}", seen.count);
    let (memory, _) = controller.memory()?;
    let mut figures = vec![
        Figure::new(title("writes"), writes(&asked) as f64, "requests")
            .target(Target::AtMost(0.0))
            .note(format!("requests: {}", in_words(&asked))),
        Figure::new(title("reads"), reads as f64, "requests").target(Target::AtMost(0.0)),
        Figure::new(title("ready after"), ready, "ms"),
        Figure::new(title("memory"), memory, "MB"),
    ];
    let [requests, cpu] = idle(lab, &stage, &controller, "without verification").await?;
    figures.extend([requests.target(Target::AtMost(0.0)), cpu.target(Target::AtMost(0.1))]);
    controller.stop();
    if subject.is_ours() {
        let mut controller = subject.start(&stage.plane, &[])?;
        controller.ready(lab.patience).await?;
        tokio::time::sleep(AFTER_START).await;
        figures.extend(idle(lab, &stage, &controller, "with verification of all replicas in 30 minutes").await?);
        controller.stop();
    }
    Ok(figures)
}

/// What is asked and used while nothing happens.
async fn idle(
    lab: &Lab,
    stage: &super::super::lab::Stage,
    controller: &super::super::subject::Running,
    how: &str,
) -> Result<[Figure; 2]> {
    let skip = stage.asked(&controller.user).await?;
    say(format_args!("idle for {} s {how}", lab.sizes.idle.as_secs()));
    let before = stage.used(Some(controller))?;
    let begun = Instant::now();
    tokio::time::sleep(lab.sizes.idle).await;
    let spent = before.until(stage.used(Some(controller))?);
    let seconds = begun.elapsed().as_secs();
    let requests = stage.requests(&controller.user, skip).await?;
    let others: usize = requests.iter().filter(|(verb, _)| verb != "watch").map(|(_, count)| count).sum();
    Ok([
        Figure::new(format!("idle for {seconds} s {how}: requests but watches"), others as f64, "requests")
            .note(format!("requests: {}", in_words(&requests))),
        Figure::new(format!("idle for {seconds} s {how}: CPU time"), spent.controller, "s"),
    ])
}
