//! How fast the controller is, and what it costs, on a real API server: each figure beside the limit that was measured in the
//! same run on the same machine.
//!
//! Machines differ and are noisy; a ratio between two measures of one run says more than either. Requests are counted by the
//! API server's audit log, never by the controller's own word.

mod api;
mod figure;
mod lab;
mod machine;
mod observer;
mod process;
mod scenarios;
mod subject;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_replicator_testenv::assets;

use self::figure::Figures;
use self::lab::{Lab, Sizes};
use self::scenarios::SCENARIOS;
use self::subject::{Dialect, Subject};
use crate::{cargo, workspace};

/// What figures were measured on, in a line.
pub(crate) fn machine_facts() -> String {
    machine::facts().to_string()
}

/// What `cargo xtask bench` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Smaller numbers, under three minutes: to see that nothing is broken, not to quote.
    #[arg(long)]
    quick: bool,
    /// Only these scenarios, separated by commas; a name of none lists them.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Another controller that goes through the same scenarios in the same run. `{kubeconfig}` and `{port}` (of its status
    /// address, on 127.0.0.1) are filled in; it runs without a shell, words are separated by spaces. May be repeated.
    #[arg(long, value_name = "NAME=COMMAND")]
    versus: Vec<String>,
    /// Which annotations the other controller reads. For several, in the order of --versus.
    #[arg(long, value_name = "DIALECT", value_enum)]
    annotations: Vec<Dialect>,
    /// A controller that has not finished after this time is not waited for; what it did until then counts.
    #[arg(long, value_name = "SECONDS", default_value_t = 240)]
    patience: u64,
    /// Where the figures go as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    output: PathBuf,
}

/// Runs the scenarios, each on a control plane of its own, and prints what came out.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let chosen: Vec<_> = SCENARIOS
        .iter()
        .filter(|scenario| arguments.only.is_empty() || arguments.only.iter().any(|name| name == scenario.name))
        .collect();
    let unknown = arguments.only.iter().find(|name| SCENARIOS.iter().all(|scenario| scenario.name != **name));
    if let Some(unknown) = unknown {
        let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        bail!("--only {unknown}: there is no such scenario; there are {}", names.join(", "));
    }
    // The limits are this program's own work: they have to be measured with it as fast as the controller is.
    ensure!(!cfg!(debug_assertions), "the bench is run by `cargo xtask bench`, which compiles it with optimisation");
    let subjects = subjects(arguments)?;
    let built = cargo(&["build", "--release", "--package", "k8s-replicator"]).status().context("cannot run cargo")?;
    ensure!(built.success(), "cannot build the controller");
    assets::find_or_build()?;

    let sizes = if arguments.quick { Sizes::quick() } else { Sizes::full() };
    let lab = Lab { sizes, patience: Duration::from_secs(arguments.patience) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut figures = Figures::default();
    for scenario in chosen {
        for subject in &subjects {
            eprintln!("=== {}: {} ({})", scenario.name, scenario.what, subject.name);
            let start = std::time::Instant::now();
            let measured = runtime.block_on((scenario.run)(&lab, subject));
            let measured = measured.with_context(|| format!("scenario {} with {}", scenario.name, subject.name))?;
            for figure in measured {
                eprintln!("    {}", figure.line());
                figures.add(scenario.name, &subject.name, figure);
            }
            eprintln!("=== {}: done in {:.0} s\n", scenario.name, start.elapsed().as_secs_f64());
        }
    }
    println!("{}", figures.table());
    let output = workspace().join(&arguments.output);
    std::fs::write(&output, figures.json(arguments.quick)?)
        .with_context(|| format!("cannot write {}", output.display()))?;
    println!("As JSON: {}", output.display());
    Ok(())
}

fn subjects(arguments: &Arguments) -> Result<Vec<Subject>> {
    ensure!(
        arguments.annotations.len() <= arguments.versus.len(),
        "--annotations says what the controller of a --versus reads: there are more of them than of those"
    );
    let mut subjects = vec![Subject::ours()?];
    for (number, versus) in arguments.versus.iter().enumerate() {
        let dialect = arguments.annotations.get(number).copied().unwrap_or(Dialect::Olli);
        subjects.push(Subject::parse(versus, dialect)?);
    }
    Ok(subjects)
}
