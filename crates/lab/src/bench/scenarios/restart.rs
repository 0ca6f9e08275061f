//! A restart with all replicas in place, an idle time after it, and rounds of verification.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_replicator_testenv::Request;

use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, Stage, count_by_verb, in_words, say, writes};
use super::super::subject::{Running, Subject};
use super::super::writer::data;
use super::fan_out::PAYLOAD;

/// What a start leads to has been asked for by then.
const AFTER_START: Duration = Duration::from_secs(5);
/// The period in which all replicas are verified, where that is measured; and so many rounds of it.
const PERIOD: &str = "--resync-period=10s";
const ROUNDS: usize = 3;
/// Between two looks at how many rounds there were.
const LOOK: Duration = Duration::from_secs(1);

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

    // Without verification, which is measured for itself.
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
        let mut controller = subject.start(&stage.plane, &[PERIOD])?;
        controller.ready(lab.patience).await?;
        tokio::time::sleep(AFTER_START).await;
        figures.extend(verification(lab, &stage, &controller, seen.count).await?);
        controller.stop();
    }
    Ok(figures)
}

/// What whole rounds of verification ask and use, where nothing is wrong: lists of metadata (SPEC 9.15).
async fn verification(lab: &Lab, stage: &Stage, controller: &Running, replicas: usize) -> Result<Vec<Figure>> {
    say(format_args!("{ROUNDS} rounds of verification, {PERIOD}"));
    let skip = stage.asked(&controller.user).await?;
    let before = stage.used(Some(controller))?;
    let begun = Instant::now();
    let is_page = |request: &Request| request.verb == "list" && request.resource == "secrets";
    let begins = |request: &&Request| is_page(request) && !request.uri.contains("continue=");
    let requests = loop {
        tokio::time::sleep(LOOK).await;
        let requests = stage.audited(&controller.user, skip).await?;
        // A round is over when the next one has begun.
        let rounds = requests.iter().filter(begins).count();
        ensure!(begun.elapsed() < lab.patience, "{rounds} rounds of verification within {:?}", lab.patience);
        if rounds > ROUNDS {
            break requests;
        }
    };
    let spent = before.until(stage.used(Some(controller))?);
    let rounds = requests.iter().filter(begins).count();
    let pages = requests.iter().filter(|request| is_page(request)).count();
    let title = |what: &str| format!("{rounds} rounds of verification of {replicas} replicas: {what}");
    let count = |verbs: &[&str]| requests.iter().filter(|request| verbs.contains(&&*request.verb)).count() as f64;
    let each = 1e3 * spent.controller / rounds as f64;
    let asked = count_by_verb(&requests);
    Ok(vec![
        Figure::new(title("reads"), count(&["get"]), "requests")
            .target(Target::AtMost(0.0))
            .note(format!("{pages} pages of lists of Secrets; requests: {}", in_words(&asked))),
        Figure::new(title("writes"), writes(&asked) as f64, "requests").target(Target::AtMost(0.0)),
        Figure::new(title("CPU time of each"), each, "ms"),
    ])
}

/// What is asked and used while nothing happens.
async fn idle(lab: &Lab, stage: &Stage, controller: &Running, how: &str) -> Result<[Figure; 2]> {
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
