//! `plan`: what the controller would do with manifests, or with other flags. Nothing is written.
//!
//! The plan itself is made by `crates/plan`. Here are its arguments, files and cluster in, and a text out.

mod files;
mod json;
mod live;
mod markdown;
mod snippet;
mod text;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use k8s_replicator_core::names::Namespace;
use k8s_replicator_plan::planner::Flags;
use k8s_replicator_plan::{Level, Manifests, Question, Reader, Report, plan};

use super::Exit;
use super::options::namespace;
use crate::cluster::{Cluster, ClusterArgs, named};
use crate::settings::Settings;
use crate::terminal::{Paper, Terminal};

/// Say what the controller would do with manifests, or with other flags, and write nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Plan {
    /// A file, a folder with all that is below it, or - for standard input. May be given several times.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// More files, as pre-commit gives them.
    #[arg(value_name = "FILE")]
    more: Vec<PathBuf>,
    /// Plan that the manifests are deleted. By default they are applied.
    #[arg(long)]
    delete: bool,
    /// Plan the edit of what is in the cluster, which is read and not written.
    #[arg(long)]
    against_cluster: bool,
    /// With --against-cluster: read also the contents that the controller would read. By default only metadata is read, and the
    /// objects that the manifests name.
    #[arg(long, requires = "against_cluster")]
    read_contents: bool,
    /// The namespace of manifests that say none. By default that of the kubeconfig's context with --against-cluster, else default.
    #[arg(short, long, value_name = "NAME", value_parser = namespace)]
    namespace: Option<Namespace>,
    /// Namespaces that are taken to exist, besides those of the manifests and of their objects.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = namespace)]
    assume_namespaces: Vec<Namespace>,
    /// The flags that the controller has now, if not those of --controller-flags, or of its Deployment: then the change of flags is
    /// planned.
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    flags_now: Option<String>,
    /// Exit with 1 also where there is advice only.
    #[arg(long)]
    strict: bool,
    /// How the answer is written: as a table, as json or yaml, as markdown for a comment, or as github's workflow commands.
    #[arg(short, long, value_enum, default_value = "table", hide_possible_values = true)]
    output: Output,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
    Yaml,
    Markdown,
    Github,
}

const EXAMPLES: &str = "\
Exit codes: 0 nothing is wrong; 1 something that is asked for is refused, or a manifest cannot be
read; 2 there is no plan, since the command line cannot be read or the cluster cannot be reached.

Examples:
  k8s-replicator plan -f manifests/
  helm template shop ./chart | k8s-replicator plan -f - --assume-namespaces team-a,team-b
  kubectl replicator plan -f manifests/ --against-cluster
  kubectl replicator plan -f old.yaml --delete --against-cluster -o json
  kubectl replicator plan --against-cluster --controller-flags '--require-acceptance'";

impl Plan {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let files: Vec<PathBuf> = self.files.iter().chain(&self.more).cloned().collect();
        if files.is_empty() && !self.against_cluster {
            bail!("there is nothing to plan; name manifests by -f, or a cluster by --against-cluster");
        }
        let cluster = if self.against_cluster { Some(Cluster::open(&self.cluster).await?) } else { None };
        let (flags_now, settings, mut notes) = self.flags(cluster.as_ref()).await?;
        let mut flags = planner_flags(&settings);
        let mut flags_now = flags_now.as_ref().map(planner_flags);
        if files.is_empty() && flags_now.is_none() {
            bail!("there is nothing to plan; name manifests by -f, or other flags by --controller-flags");
        }
        let own = match (&self.namespace, &cluster) {
            (Some(namespace), _) => namespace.clone(),
            (None, Some(cluster)) => cluster.namespace()?,
            (None, None) => Namespace::parse("default")?,
        };
        let mut manifests = Manifests::default();
        let reader = Reader { dialect: &flags.dialect, namespace: &own };
        files::read(&files, &reader, &mut manifests)?;
        let seen = match &cluster {
            None => None,
            Some(cluster) => {
                let look = live::Look {
                    manifests: &manifests,
                    around: &own,
                    reads_contents: self.read_contents,
                    flags_now: flags_now.as_ref().unwrap_or(&flags),
                };
                let (seen, scope) = look.at(cluster, &mut notes).await?;
                if let Some(scope) = scope {
                    for flags in flags_now.iter_mut().chain([&mut flags]) {
                        flags.scope = scope.clone();
                    }
                }
                Some(seen)
            }
        };
        let namespaces: BTreeSet<String> = self.assume_namespaces.iter().map(ToString::to_string).collect();
        let question = Question {
            manifests: &manifests,
            deletes: self.delete,
            cluster: seen,
            namespaces,
            flags_now: flags_now.as_ref(),
            flags: &flags,
        };
        let mut report = plan(question);
        report.notes.append(&mut notes);
        terminal.print(&draw(&report, self.output, terminal.paper)?)?;
        let is_bad = report.problem_count() > 0 || (self.strict && report.of(Level::Advice).next().is_some());
        Ok(if is_bad { Exit::Problems } else { Exit::Fine })
    }

    /// The controller's flags: those that it has now, if they are others, and those that it is to have.
    async fn flags(&self, cluster: Option<&Cluster>) -> anyhow::Result<(Option<Settings>, Settings, Vec<String>)> {
        let now = self.flags_now.as_deref().map(|flags| named("--flags-now", flags)).transpose()?;
        let to_be = self.cluster.controller_flags().map(|flags| named("--controller-flags", flags)).transpose()?;
        let (now, to_be, notes) = match (cluster, to_be) {
            (None, to_be) => (now, to_be.map_or_else(|| named("the defaults", ""), Ok)?, Vec::new()),
            (Some(cluster), None) => {
                let flags = cluster.flags().await?;
                (now, flags.settings, flags.note.into_iter().collect())
            }
            (Some(cluster), Some(to_be)) => {
                let deployed = match &now {
                    Some(_) => None,
                    None => cluster.flags_of_deployment().await?,
                };
                let note = deployed.as_ref().and_then(|flags| flags.note.clone());
                (now.or(deployed.map(|flags| flags.settings)), to_be, note.into_iter().collect())
            }
        };
        let is_another = |now: &Settings| {
            let (now, to_be) = (planner_flags(now), planner_flags(&to_be));
            format!("{now:?}") != format!("{to_be:?}")
        };
        let now = now.filter(is_another);
        if let Some(now) = &now
            && now.annotations_prefix != to_be.annotations_prefix
        {
            bail!("a change of --annotations-prefix cannot be planned: all annotations would be others");
        }
        Ok((now, to_be, notes))
    }
}

fn planner_flags(settings: &Settings) -> Flags {
    let options = settings.options();
    Flags { dialect: options.dialect, rules: options.rules, scope: options.scope, kinds: options.kinds }
}

/// A plan in every form, with the form's name: what must hold for all of them can be tested.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn drawn(report: &Report) -> anyhow::Result<Vec<(String, String)>> {
    let paper = Paper { width: Some(80), colour: false };
    let forms = Output::value_variants().iter();
    forms.map(|output| Ok((format!("{output:?}"), draw(report, *output, paper)?))).collect()
}

fn draw(report: &Report, output: Output, paper: Paper) -> anyhow::Result<String> {
    Ok(match output {
        Output::Table => text::draw(report, paper),
        Output::Json => super::options::json(&json::value(report)),
        Output::Yaml => serde_saphyr::to_string(&json::value(report)).context("cannot write YAML")?,
        Output::Markdown => markdown::draw(report),
        Output::Github => markdown::workflow_commands(report),
    })
}

#[cfg(test)]
mod tests;
