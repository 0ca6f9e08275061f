//! One source is updated again and again: superseded work has to be dropped.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, in_words, writes};
use super::super::subject::Subject;
use super::super::writer::data;
use super::fan_out::PAYLOAD;

const UPDATES: u32 = 50;
const WITHIN: Duration = Duration::from_secs(1);

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let count = lab.sizes.stormed;
    let mut stage = lab.stage(subject).await?;
    stage.namespaces("ns", count).await?;
    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;
    let mut version = stage.source(subject, "source", "ns-.*", &data(PAYLOAD)).await?;
    stage.observer.until(count, lab.patience, |event| event.from_version == version).await;
    let skip = stage.asked(&controller.user).await?;

    let begun = Instant::now();
    for number in 0..UPDATES {
        // At its own time, however long the one before took.
        tokio::time::sleep_until((begun + WITHIN * number / UPDATES).into()).await;
        version = stage.change("source", &data(PAYLOAD)).await?;
    }
    let last = Instant::now();
    let seen = stage.observer.until(count, lab.patience, |event| event.from_version == version).await;
    let requests = stage.requests(&controller.user, skip).await?;
    controller.stop();
    let each = writes(&requests) as f64 / count as f64;
    let late = seen.last.saturating_duration_since(last).as_secs_f64() * 1e3;
    let without = count - seen.count;
    Ok(vec![
        Figure::new(
            format!("{UPDATES} updates of a source with {count} replicas: writes for each replica"),
            each,
            "writes",
        )
        .target(Target::AtMost(3.0))
        .note(format!(
            "requests: {}; the updates took {:.1} s",
            in_words(&requests),
            (last - begun).as_secs_f64()
        )),
        Figure::new("replicas without the last value", without as f64, "replicas").target(Target::AtMost(0.0)),
        Figure::new("the last replica had the last value after", late, "ms"),
    ])
}
