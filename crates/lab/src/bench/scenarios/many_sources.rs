//! Many sources, each into as many namespaces.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::super::figure::Figure;
use super::super::lab::{Lab, Stage, change, in_words, say, version};
use super::super::subject::Subject;
use super::super::writer::{AT_ONCE, create, data, update};
use super::fan_out::PAYLOAD;

const BARE: &str = "bare writer";

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let side = lab.sizes.sources;
    let count = side * side;
    let mut stage = lab.stage(subject).await?;
    let namespaces = stage.namespaces("ns", side).await?;
    let per_second = |took: Duration, count: usize| count as f64 / took.as_secs_f64();

    say("bare writer");
    // The limit: the same number of Secrets, in the same namespaces.
    let name = move |n: usize| format!("bare-{:03}", n / side);
    let (places, content) = (namespaces.clone(), data(PAYLOAD));
    let created =
        stage.writer.api().parallel(count, AT_ONCE, move |n| create(&places[n % side], &name(n), &content)).await?;
    let (places, content) = (namespaces.clone(), data(PAYLOAD));
    let updated =
        stage.writer.api().parallel(count, AT_ONCE, move |n| update(&places[n % side], &name(n), &content)).await?;

    say(&subject.name);
    let mut controller = subject.start(&stage.plane, &[])?;
    controller.ready(lab.patience).await?;
    let names: Arc<Vec<String>> = Arc::new((0..side).map(|n| format!("source-{n:03}")).collect());
    let mut figures = Vec::new();

    let begun = Instant::now();
    let mut versions = HashMap::new();
    for name in names.iter() {
        versions.insert(name.clone(), stage.source(subject, name, "ns-.*", &data(PAYLOAD)).await?);
    }
    let (seen, took) = wait(lab, &mut stage, count, begun, &versions).await;
    let title = format!("create, {side} sources × {side} namespaces");
    figures.push(Figure::new(title, per_second(took, seen), "/s").limit(per_second(created, count), BARE));

    let asked = stage.asked(&controller.user).await?;
    let begun = Instant::now();
    let contents: Vec<Value> = names.iter().map(|_| data(PAYLOAD)).collect();
    let mut versions = HashMap::new();
    for (name, content) in names.iter().zip(&contents) {
        versions.insert(name.clone(), version(&stage.admin.json(change(name, content)).await?)?);
    }
    let (seen, took) = wait(lab, &mut stage, count, begun, &versions).await;
    let requests = stage.requests(&controller.user, asked).await?;
    let title = format!("update, {side} sources × {side} namespaces");
    let figure = Figure::new(title, per_second(took, seen), "/s").limit(per_second(updated, count), BARE);
    figures.push(figure.note(format!("requests: {}", in_words(&requests))));
    controller.stop();
    Ok(figures)
}

/// Waits until all replicas hold what their sources hold. Answers how many do, and how long that took.
async fn wait(
    lab: &Lab,
    stage: &mut Stage,
    count: usize,
    begun: Instant,
    versions: &HashMap<String, String>,
) -> (usize, Duration) {
    let wanted = |event: &super::super::observer::Event| versions.get(&event.name) == Some(&event.from_version);
    let seen = stage.observer.until(count, lab.patience, wanted).await;
    let end = if seen.count < count { Instant::now() } else { seen.last };
    (seen.count, end - begun)
}
