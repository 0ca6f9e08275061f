//! The six examples of the README, played on a real API server.

mod acts;
mod log;
mod stage;
mod style;
mod table;

use std::io::{IsTerminal as _, stdout};
use std::pin::pin;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_replicator_testenv::{ControlPlane, Controller, Rights, Settings, assets};

use self::acts::ACTS;
use self::log::Entry;
use self::stage::{Snapshot, Stage};
use self::style::Style;
use crate::control_plane::shell_word;

/// How long the controller may take until its first lists are there.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// What the controller promises for a SIGTERM, and a little more.
const STOP_LIMIT: Duration = Duration::from_secs(12);
/// How often the cluster and the controller's log are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Between two acts.
const READING_TIME: Duration = Duration::from_secs(3);

/// The page is turned on, at a free port.
const PAGE: [&str; 2] = ["--dashboard", "127.0.0.1:0"];

const LEGEND: &str = "
In the tables, DATA is a digest: equal digests are equal data. VERSION is the source's own, and for a replica the one whose
data it holds. BECAUSE OF lists annotations without their prefix, WHY is the controller's reason for the last change. A star
marks what changed in the act.";

/// Plays all acts. Then stays up until Ctrl-C, or with `exit` says whether all went as it should.
pub(crate) fn run(exit: bool) -> Result<()> {
    let style = Style::for_stdout();
    let assets = assets::find_or_build()?;
    println!("{}", style.bold("Starting etcd, kube-apiserver and the controller"));
    // Only where they are there already: nobody is to wait for them, and the acts do without.
    let controllers = assets::built_controller_manager()?.is_some();
    let plane = ControlPlane::start(Settings { controllers, ..Settings::default() })?;
    let program = crate::controller()?;
    let controller = Controller::start_binary(&program, &plane.user(Rights::Admin).kubeconfig, &PAGE)?;
    let mut stage = Stage { controller, plane, kubectl: assets.join("kubectl"), program };
    stage.controller.wait_ready(READY_LIMIT)?;

    println!("\n{}  {}", style.bold("Watch it:"), stage.controller.page_url()?);
    println!("{}", style.dim(LEGEND));
    // For the eyes of a person only.
    let pause = if exit || !stdout().is_terminal() { Duration::ZERO } else { READING_TIME };
    let failed = play(&mut stage, style, pause)?;
    if !exit {
        stay(&mut stage, style)?;
    }
    let status = stage.controller.terminate(STOP_LIMIT);
    ensure!(status.success(), "the controller did not end in order: {status}");
    ensure!(failed == 0 || !exit, "{failed} of {} acts went wrong", ACTS.len());
    Ok(())
}

/// Returns how many acts went wrong.
fn play(stage: &mut Stage, style: Style, pause: Duration) -> Result<usize> {
    let mut failed = 0;
    let mut before = Snapshot::default();
    for (number, act) in ACTS.iter().enumerate() {
        println!("\n{}", style.bold(&format!("{} of {}  {}", number + 1, ACTS.len(), act.title)));
        println!("{}\n", act.story);
        let since = stage.controller.log().len();
        for command in act.commands {
            println!("{}", style.dim(&format!("$ {}", stage::shown(command))));
            stage.run_kubectl(command)?;
        }
        let outcome = stage.wait(act, &before, since)?;
        println!();
        print!("{}", table::table(act, &before, &outcome, style));
        println!();
        for (expectation, holds) in &outcome.checks {
            let mark = if *holds { style.good("✓") } else { style.bad("✗") };
            println!("{mark} {expectation}");
        }
        if outcome.is_good() {
            println!("{}", style.dim(&format!("{} ms after the last command", outcome.took.as_millis())));
        } else {
            println!("The controller's log of this act:\n{}", &stage.controller.log()[since..]);
            failed += 1;
        }
        // The last one is the one with a story.
        if let Some((asked, _)) = outcome.checks.last() {
            println!("\n{}", style.dim(&format!("$ kubectl replicator explain secret {}", asked.object)));
            print!("{}", stage.explain(asked.object)?);
        }
        before = outcome.snapshot;
        thread::sleep(pause);
    }
    Ok(failed)
}

/// Shows what the controller does, until Ctrl-C or until it ends.
fn stay(stage: &mut Stage, style: Style) -> Result<()> {
    println!("\n{}", style.bold("All stays up until Ctrl-C. Try it by hand in another terminal:"));
    println!("\n    export KUBECONFIG={}", shell_word(stage.plane.kubeconfig()));
    println!("    export PATH={}:$PATH", shell_word(&stage.tools()?));
    println!("    kubectl get secrets --all-namespaces");
    println!("    kubectl replicator list -A\n");
    println!("What the controller does is shown here; its whole log is {}\n", stage.controller.log_file().display());
    let mut shown = stage.controller.log().len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        while stage.controller.ended().is_none() {
            tokio::select! {
                signal = &mut interrupt => return signal,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            let log = stage.controller.log();
            for entry in Entry::all(&log[shown..]).filter(Entry::is_action) {
                println!("{entry}");
            }
            shown = log.len();
        }
        Ok(())
    })?;
    println!("\nStopping");
    Ok(())
}
