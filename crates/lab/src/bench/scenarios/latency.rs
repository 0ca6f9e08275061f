//! An isolated update: how long until the one replica has it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::Method;

use super::super::api::Call;
use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, Stage, percentiles, say, version};
use super::super::subject::Subject;
use super::super::writer::{create, data, update};
use super::fan_out::PAYLOAD;

/// Between two updates: nothing is under way any more.
const APART: Duration = Duration::from_millis(200);

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let mut stage = lab.stage(subject).await?;
    let namespaces = stage.namespaces("ns", 1).await?;
    say("single requests alone");
    let alone = alone(lab, &mut stage, &namespaces[0]).await?;

    say(&subject.name);
    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;
    let first = stage.source(subject, "source", &namespaces[0], &data(PAYLOAD)).await?;
    stage.observer.until(1, lab.patience, |event| event.from_version == first).await;
    let mut took = Vec::new();
    for _ in 0..lab.sizes.updates {
        tokio::time::sleep(APART).await;
        let version = stage.change("source", &data(PAYLOAD)).await?;
        let answered = Instant::now();
        let seen = stage.observer.until(1, lab.patience, |event| event.from_version == version).await;
        ensure!(seen.count == 1, "the update of the source never came to its replica");
        took.push(milliseconds(seen.last.saturating_duration_since(answered)));
    }
    controller.stop();
    let (middle, worst) = percentiles(took);
    let limit = 1.3 * (alone.read + alone.write) + alone.delivery;
    let what = format!(
        "alone: read {:.2} ms, write {:.2} ms, watch delivery {:.2} ms after the write's answer",
        alone.read, alone.write, alone.delivery
    );
    Ok(vec![
        Figure::new("isolated update, p50", middle, "ms")
            .limit(limit, "1.3 × (read + write) + watch delivery")
            .target(Target::RatioAtMost(1.0))
            .note(what),
        Figure::new("isolated update, p50, absolute", middle, "ms").target(Target::AtMost(10.0)),
        Figure::new("isolated update, p99", worst, "ms"),
    ])
}

/// Medians of single requests, as far apart as the updates are.
struct Alone {
    read: f64,
    write: f64,
    delivery: f64,
}

async fn alone(lab: &Lab, stage: &mut Stage, namespace: &str) -> Result<Alone> {
    let api = stage.writer.api().clone();
    api.send(create(namespace, "bare", &data(PAYLOAD))).await?;
    let (mut reads, mut writes, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..lab.sizes.updates {
        tokio::time::sleep(APART).await;
        let begun = Instant::now();
        let path = format!("/api/v1/namespaces/{namespace}/secrets/bare");
        api.send(Call::new(Method::GET, path, String::new())).await?;
        reads.push(milliseconds(begun.elapsed()));
        let begun = Instant::now();
        let written = version(&api.json(update(namespace, "bare", &data(PAYLOAD))).await?)?;
        let answered = Instant::now();
        writes.push(milliseconds(answered - begun));
        let seen = stage.observer.until(1, lab.patience, |event| event.resource_version == written).await;
        deliveries.push(milliseconds(seen.last.saturating_duration_since(answered)));
    }
    Ok(Alone { read: percentiles(reads).0, write: percentiles(writes).0, delivery: percentiles(deliveries).0 })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
