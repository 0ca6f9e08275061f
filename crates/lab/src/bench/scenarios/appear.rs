//! Many namespaces appear at once, each to get a replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, Stage, namespace};
use super::super::subject::Subject;
use super::super::writer::{AT_ONCE, create, data};
use super::fan_out::PAYLOAD;

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let count = lab.sizes.appearing;
    let mut stage = lab.stage(subject).await?;
    let before = bare(&stage, "bare-1", count).await?;

    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;
    let version = stage.source(subject, "source", "ns-.*,first", &data(PAYLOAD)).await?;
    // It knows the source by now when the first replica is there.
    stage.admin.send(namespace("first")).await?;
    stage.observer.until(1, lab.patience, |event| event.from_version == version).await;
    let begun = Instant::now();
    stage.namespaces("ns", count).await?;
    let created = Instant::now();
    let seen = stage.observer.until(count, lab.patience, |event| event.from_version == version).await;
    controller.stop();

    // The machine is not as fast all the time: the middle counts.
    let limit = (before + bare(&stage, "bare-2", count).await?) / 2;
    let end = if seen.count < count { Instant::now() } else { seen.last };
    let title = format!("{count} namespaces appear: the last has its replica after");
    let late = end.saturating_duration_since(created).as_secs_f64() * 1e3;
    let mut note = format!("{late:.0} ms after the last namespace was made");
    if seen.count < count {
        note = format!("gave up after {} of {count}", seen.count);
    }
    Ok(vec![
        Figure::new(title, (end - begun).as_secs_f64(), "s")
            .limit(limit.as_secs_f64(), "bare writer makes namespace and Secret")
            .target(Target::RatioAtMost(1.2))
            .note(note),
    ])
}

/// The limit: the client that creates a namespace also writes the Secret into it.
async fn bare(stage: &Stage, prefix: &str, count: usize) -> Result<Duration> {
    let next = Arc::new(AtomicUsize::new(0));
    let content = Arc::new(data(PAYLOAD));
    let begun = Instant::now();
    let mut workers: JoinSet<Result<()>> = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (admin, writer) = (stage.admin.clone(), stage.writer.api().clone());
        let (next, content, prefix) = (next.clone(), content.clone(), prefix.to_owned());
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                let name = format!("{prefix}-{number:05}");
                admin.send(namespace(&name)).await?;
                writer.send(create(&name, "bare", &content)).await?;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(begun.elapsed())
}
