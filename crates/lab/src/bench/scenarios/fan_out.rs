//! One source → many namespaces.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, Stage, Used, in_words, say};
use super::super::subject::{Running, Subject};
use super::super::writer::data;

/// Bytes of a source's data.
pub(super) const PAYLOAD: usize = 1_024;
const BARE: &str = "bare writer";

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for count in lab.sizes.fan_out {
        figures.extend(one(lab, subject, *count).await?);
    }
    Ok(figures)
}

async fn one(lab: &Lab, subject: &Subject, count: usize) -> Result<Vec<Figure>> {
    let mut stage = lab.stage(subject).await?;
    let namespaces = stage.namespaces("ns", count).await?;
    let per_second = |took: Duration| count as f64 / took.as_secs_f64();

    // The limit before and after, without a controller: the machine is not as fast all the time, so the middle counts.
    let mut limits = Vec::new();
    let mut measures = None;
    for round in ["bare-1", "bare-2"] {
        say(format_args!("{count} namespaces: bare writer"));
        let created = stage.writer.create(&namespaces, round, &data(PAYLOAD)).await?;
        let updated = stage.writer.update(&namespaces, round, &data(PAYLOAD)).await?;
        limits.push((per_second(created), per_second(updated)));
        if round == "bare-1" {
            measures = Some(measured(lab, &mut stage, subject, count).await?);
        }
    }
    let rounds = limits.len() as f64;
    let (created, updated) =
        limits.into_iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0 / rounds, sum.1 + one.1 / rounds));
    let [create, create_cpu, update, update_cpu] = measures.context("nothing was measured")?;
    Ok(vec![create.limit(created, BARE), create_cpu, update.limit(updated, BARE), update_cpu])
}

async fn measured(lab: &Lab, stage: &mut Stage, subject: &Subject, count: usize) -> Result<[Figure; 4]> {
    say(format_args!("{count} namespaces: {}", subject.name));
    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;

    let before = stage.used(&controller)?;
    let version = stage.source(subject, "source", "ns-.*", &data(PAYLOAD)).await?;
    let [create, create_cpu] = wait(lab, stage, &controller, ("create", count, before), &version).await?;

    let asked = stage.asked(&controller.user).await?;
    let before = stage.used(&controller)?;
    let version = stage.change("source", &data(PAYLOAD)).await?;
    let [update, update_cpu] = wait(lab, stage, &controller, ("update", count, before), &version).await?;
    let requests = stage.requests(&controller.user, asked).await?;
    controller.stop();
    Ok([create, create_cpu, update.note(format!("requests: {}", in_words(&requests))), update_cpu])
}

/// Waits until all replicas hold this version of the source; the rate at which they came to it, and what that took.
async fn wait(
    lab: &Lab,
    stage: &mut Stage,
    controller: &Running,
    (what, count, before): (&str, usize, Used),
    version: &str,
) -> Result<[Figure; 2]> {
    let seen = stage.observer.until(count, lab.patience, |event| event.from_version == version).await;
    let spent = before.until(stage.used(controller)?);
    let end = if seen.count < count { Instant::now() } else { seen.last };
    let rate = seen.count as f64 / (end - before.at()).as_secs_f64();
    let mut figure = Figure::new(format!("{what}, {count} namespaces"), rate, "/s");
    if seen.count < count {
        figure = figure.note(format!("gave up after {} of {count}", seen.count));
    }
    if count >= 2_000 {
        figure = figure.target(Target::RatioAtLeast(0.9));
    }
    let mut cpu = Figure::new(
        format!("its CPU in % of the server's: {what}, {count}"),
        100.0 * spent.controller / spent.server,
        "%",
    );
    if count >= 10_000 {
        cpu = cpu.target(Target::AtMost(25.0));
    }
    Ok([figure, cpu])
}
