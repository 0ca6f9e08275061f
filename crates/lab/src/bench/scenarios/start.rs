//! A start beside many Secrets without annotations.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use http::Method;

use super::super::api::{Api, Call, METADATA_LIST};
use super::super::figure::{Figure, Target};
use super::super::lab::{Lab, Stage, percentiles, say};
use super::super::subject::Subject;
use super::super::writer::{AT_ONCE, create, data};

/// Bytes of each unrelated Secret's data.
const SIZE: usize = 4_096;
const NAMESPACES: usize = 50;
/// Starts, and lists, of which the middle one counts.
const ROUNDS: usize = 5;
/// An allocator gives memory back some time after it was used.
const SETTLING: Duration = Duration::from_secs(15);

const PROTOBUF_LIST: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

pub(super) async fn run(lab: &Lab, subject: &Subject) -> Result<Vec<Figure>> {
    let stage = lab.stage(subject).await?;
    let namespaces = stage.namespaces("unrelated", NAMESPACES).await?;
    let mut figures = Vec::new();
    let mut made = 0;
    let mut settled_before: Option<(usize, f64)> = None;
    for unrelated in lab.sizes.unrelated {
        say(format_args!("making Secrets, up to {unrelated}"));
        let (places, content) = (namespaces.clone(), Arc::new(data(SIZE)));
        let first = made;
        let call = move |n: usize| create(&places[n % NAMESPACES], &format!("secret-{:06}", first + n), &content);
        stage.admin.parallel(unrelated - made, AT_ONCE, call).await?;
        made = *unrelated;

        say(format_args!("{ROUNDS} starts"));
        // By turns: the server is not as fast all the time.
        let (mut times, mut limits) = (Vec::new(), WAYS.map(|_| Vec::new()));
        let (mut peak, mut settled): (f64, f64) = (0.0, 0.0);
        for round in 1..=ROUNDS {
            for (way, times) in WAYS.iter().zip(&mut limits) {
                times.push(lists(&stage, way).await?);
            }
            let mut controller = subject.start(&stage.plane, &[])?;
            times.push(controller.ready(lab.patience).await?.as_secs_f64() * 1e3);
            if round == ROUNDS {
                tokio::time::sleep(SETTLING).await;
                settled = controller.memory()?.0;
            }
            peak = peak.max(controller.memory()?.1);
            controller.stop();
        }
        let (time, _) = percentiles(times);
        let (limit, how) = WAYS
            .iter()
            .zip(limits)
            .map(|(way, times)| (percentiles(times).0, way.what))
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .context("no way to list")?;
        let title = |what: &str| format!("{unrelated} unrelated Secrets: {what}");
        let mut ready = Figure::new(title("ready after"), time, "ms").limit(limit, how);
        let mut peak = Figure::new(title("memory, peak"), peak, "MB");
        let mut now = Figure::new(title("memory, settled"), settled, "MB");
        if made >= 50_000 {
            ready = ready.target(Target::RatioAtMost(1.3));
            peak = peak.target(Target::AtMost(40.0));
            now = now.target(Target::AtMost(25.0));
        }
        figures.extend([ready, peak, now]);
        if let Some((fewer, before)) = settled_before.filter(|(fewer, _)| *fewer > 0 || lab.sizes.unrelated.len() == 2)
        {
            let each = ((settled - before) * 1e6 / 1_024.0 / (made - fewer) as f64).max(0.0);
            figures
                .push(Figure::new("memory for each further unrelated Secret", each, "KiB").target(Target::AtMost(0.1)));
        }
        settled_before = Some((made, settled));
    }
    Ok(figures)
}

/// A way to fetch the lists.
struct Way {
    accept: &'static str,
    query: &'static str,
    what: &'static str,
}

/// The fastest of them is the limit.
const WAYS: [Way; 3] = [
    Way { accept: METADATA_LIST, query: "?limit=500", what: "the lists as JSON, in pages of 500" },
    Way { accept: METADATA_LIST, query: "?resourceVersion=0", what: "the lists as JSON" },
    Way { accept: PROTOBUF_LIST, query: "?resourceVersion=0", what: "the lists as protobuf" },
];

/// How many milliseconds a client takes to fetch the lists that a controller needs, all at once, over connections of its own.
async fn lists(stage: &Stage, way: &Way) -> Result<f64> {
    let client = Api::new(stage.plane.kubeconfig()).await?;
    let begun = Instant::now();
    let list = |resource| list(&client, resource, way.accept, way.query);
    tokio::try_join!(list("secrets"), list("configmaps"), list("namespaces"))?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

async fn list(client: &Api, resource: &str, accept: &'static str, page: &str) -> Result<()> {
    let mut position = String::new();
    loop {
        let path = format!("/api/v1/{resource}{page}{position}");
        let body = client.send(Call { accept, ..Call::new(Method::GET, path, String::new()) }).await?;
        // Only what stands before the items is looked at.
        let head = String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned();
        match head.split_once("\"continue\":\"").and_then(|(_, rest)| rest.split_once('"')) {
            Some((token, _)) if accept == METADATA_LIST => position = format!("&continue={token}"),
            _ => return Ok(()),
        }
    }
}
