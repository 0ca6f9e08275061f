//! One source → many namespaces.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, Spent, Stage, Used, in_words, say};
use super::super::subject::{Running, Subject};
use super::super::writer::{Writer, data};

/// Bytes of a source's data.
pub(super) const PAYLOAD: usize = 1_024;
const BARE: &str = "bare writer";

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (count, rounds) in lab.sizes.fan_out {
        figures.extend(one(lab, subject, *count, *rounds).await?);
    }
    Ok(figures)
}

/// What several rounds took together.
#[derive(Default)]
struct Sum {
    objects: usize,
    seconds: f64,
    /// Processor time.
    controller: f64,
    server: f64,
}

impl Sum {
    fn add(&mut self, objects: usize, took: Duration, spent: &Spent) {
        self.objects += objects;
        self.seconds += took.as_secs_f64();
        self.controller += spent.controller;
        self.server += spent.server;
    }

    fn per_second(&self) -> f64 {
        self.objects as f64 / self.seconds
    }

    /// Milliseconds of the server's processor time.
    fn server_for_each(&self) -> f64 {
        1e3 * self.server / self.objects as f64
    }
}

async fn one(lab: &Lab, subject: &Subject, count: usize, rounds: usize) -> Result<Vec<Figure>> {
    let mut stage = lab.stage(subject).await?;
    let namespaces = stage.namespaces("ns", count).await?;
    // The machine is not as fast all the time: bare writer and controller take turns, and the bare writer begins and ends.
    let mut bare: [Sum; 2] = Default::default();
    let mut measured: [Sum; 2] = Default::default();
    let mut requests = Vec::new();
    bare_round(&stage, &namespaces, 0, &mut bare).await?;
    for round in 1..=rounds {
        requests = controller_round(lab, &mut stage, subject, (count, round), &mut measured).await?;
        bare_round(&stage, &namespaces, round, &mut bare).await?;
    }
    let all = rounds * count;
    let note = |sum: &Sum| (sum.objects < all).then(|| format!("gave up after {} of {all}", sum.objects));
    let [mut create, create_cpu] = figures("create", count, &measured[0], &bare[0]);
    if let Some(note) = note(&measured[0]) {
        create = create.note(note);
    }
    let [update, update_cpu] = figures("update", count, &measured[1], &bare[1]);
    let requests = format!("requests of the last round: {}", in_words(&requests));
    let update = update.note(note(&measured[1]).unwrap_or(requests));
    Ok(vec![create, create_cpu, update, update_cpu])
}

async fn bare_round(stage: &Stage, namespaces: &Arc<Vec<String>>, round: usize, sums: &mut [Sum; 2]) -> Result<()> {
    let (count, name) = (namespaces.len(), format!("bare-{round}"));
    say(format_args!("{count} namespaces: bare writer"));
    // A new one for each round: the controller begins without connections too.
    let writer = Writer::new(&stage.plane).await?;
    let before = stage.used(None)?;
    let created = writer.create(namespaces, &name, &data(PAYLOAD)).await?;
    let between = stage.used(None)?;
    let updated = writer.update(namespaces, &name, &data(PAYLOAD)).await?;
    sums[0].add(count, created, &before.until(between));
    sums[1].add(count, updated, &between.until(stage.used(None)?));
    Ok(())
}

/// Answers how often the controller asked for each verb while it updated.
async fn controller_round(
    lab: &Lab,
    stage: &mut Stage,
    subject: &Subject,
    (count, round): (usize, usize),
    sums: &mut [Sum; 2],
) -> Result<Vec<(String, usize)>> {
    say(format_args!("{count} namespaces: {}", subject.name));
    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;
    let name = format!("source-{round}");

    let before = stage.used(Some(&controller))?;
    let version = stage.source(subject, &name, "ns-.*", &data(PAYLOAD)).await?;
    wait(lab, stage, &controller, (count, before), &version, &mut sums[0]).await?;

    let asked = stage.asked(&controller.user).await?;
    let before = stage.used(Some(&controller))?;
    let version = stage.change(&name, &data(PAYLOAD)).await?;
    wait(lab, stage, &controller, (count, before), &version, &mut sums[1]).await?;
    let requests = stage.requests(&controller.user, asked).await?;
    controller.stop();
    Ok(requests)
}

/// Waits until all replicas hold this version of the source, and adds what that took.
async fn wait(
    lab: &Lab,
    stage: &mut Stage,
    controller: &Running,
    (count, before): (usize, Used),
    version: &str,
    sum: &mut Sum,
) -> Result<()> {
    let seen = stage.observer.until(count, lab.patience, |event| event.from_version == version).await;
    let spent = before.until(stage.used(Some(controller))?);
    let end = if seen.count < count { Instant::now() } else { seen.last };
    sum.add(seen.count, end - before.at(), &spent);
    Ok(())
}

fn figures(what: &str, count: usize, measured: &Sum, bare: &Sum) -> [Figure; 2] {
    let mut rate = Figure::new(format!("{what}, {count} namespaces"), measured.per_second(), "/s");
    rate = rate.limit(bare.per_second(), BARE);
    if count >= 2_000 {
        rate = rate.target(Target::RatioAtLeast(0.9));
    }
    let mut cpu = Figure::new(
        format!("its CPU in % of the server's: {what}, {count}"),
        100.0 * measured.controller / measured.server,
        "%",
    );
    if count >= 10_000 {
        cpu = cpu.target(Target::AtMost(25.0));
    }
    let (with, without) = (measured.server_for_each(), bare.server_for_each());
    [rate, cpu.note(format!("the server's CPU for each write: {with:.2} ms, and {without:.2} ms for the bare writer"))]
}
