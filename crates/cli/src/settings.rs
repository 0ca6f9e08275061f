//! What the flags mean: checked, and ready to use.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_replicator_controller::run::Options;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::duration;
use k8s_replicator_core::kind::{self, Kind};
use k8s_replicator_core::labels;
use k8s_replicator_core::names::{Namespace, cut, is_subdomain};
use k8s_replicator_core::pattern::{Budget, NamespaceList};
use k8s_replicator_core::scope::Scope;
use thiserror::Error;
use tracing::warn;
use tracing_subscriber::EnvFilter;

use crate::flags::Flags;
use crate::go_flags;
use crate::status_address::StatusAddress;

/// The shortest time within which all replicas are verified. A shorter one would keep the API server busy with nothing else.
const SHORTEST_RESYNC: Duration = Duration::from_secs(1);
/// The value of the label that says what manages a created object, unless the annotations' prefix is another one.
const MANAGER: &str = "k8s-replicator";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What the program is to do (SPEC 10).
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sources need no annotation that allows replication.
    pub allow_all: bool,
    /// Unknown annotations under the prefix do no harm.
    pub ignore_unknown: bool,
    /// Every replica is verified once within this time; zero: never. As typed: see [`Settings::options`] for the shortest.
    pub resync_period: Duration,
    /// How long replicas are kept when their source is missing or says nothing any more, unless an annotation says otherwise
    /// (SPEC 11.1); zero: not at all.
    pub removal_delay: Duration,
    /// How many replicas may be removed at once because of one source (SPEC 11.2); `None`: any.
    pub removal_limit: Option<usize>,
    /// Where nothing is written (SPEC 11.4).
    pub exclude_namespaces: NamespaceList,
    /// Whether a namespace that does not say which sources it accepts accepts none (SPEC 11.4).
    pub require_acceptance: bool,
    /// Whether a TLS secret whose certificate and key do not make a pair is held back (SPEC 11.9).
    pub hold_incomplete_tls: bool,
    /// The kinds to replicate; at least one, each once.
    pub replicators: Vec<&'static dyn Kind>,
    /// The namespaces to work in.
    pub scope: Scope,
    /// What stands before the annotations' names. It ends in a slash, or is empty.
    pub annotations_prefix: String,
    /// Labels of created objects.
    pub create_with_labels: BTreeMap<String, String>,
    /// Where the status is served.
    pub status_address: StatusAddress,
    /// Where the page is served; `None`: it is not.
    pub dashboard: Option<StatusAddress>,
    /// Under which other names it may be asked for.
    pub dashboard_hosts: Vec<String>,
    /// The kubeconfig file; `None`: the cluster that the program runs in.
    pub kube_config: Option<PathBuf>,
    /// Whether what is done is told as Kubernetes Events.
    pub events: bool,
    /// The Lease whose holder alone writes; `None`: without election (SPEC 13).
    pub leader_elect: Option<LeaseName>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// A level (`info`, in lower case), or directives of `tracing` (`info,k8s_replicator_controller=debug`).
    pub log_level: String,
}

/// Which Lease it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseName {
    /// Its namespace; `None`: the program's own.
    pub namespace: Option<Namespace>,
    /// Its name.
    pub name: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// A flag with a value that cannot be read. The message is one line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid value {value:?} for {flag}: expected {expected}")]
pub struct BadValue {
    /// The flag, with its dashes.
    pub flag: &'static str,
    /// The value, or its beginning if it is long.
    pub value: String,
    /// What was expected.
    pub expected: String,
}

impl Settings {
    /// What the controller needs of them. Says in the log where it is not what was typed.
    #[must_use]
    pub fn options(&self) -> Options {
        let is_too_short = !self.resync_period.is_zero() && self.resync_period < SHORTEST_RESYNC;
        let resync_period = if is_too_short { SHORTEST_RESYNC } else { self.resync_period };
        if is_too_short {
            let (typed, used) = (format!("{:?}", self.resync_period), format!("{resync_period:?}"));
            warn!(typed, used, "--resync-period is too short; the shortest is used in its place");
        }
        Options {
            kinds: self.replicators.clone(),
            scope: self.scope.clone(),
            dialect: Dialect::new(&self.annotations_prefix, self.ignore_unknown),
            rules: Rules {
                allow_all: self.allow_all,
                removal_delay: self.removal_delay,
                removal_limit: self.removal_limit,
                exclude_namespaces: self.exclude_namespaces.clone(),
                require_acceptance: self.require_acceptance,
                hold_incomplete_tls: self.hold_incomplete_tls,
                create_with_labels: Arc::new(self.create_with_labels.clone()),
            },
            resync_period,
        }
    }
}

impl TryFrom<Flags> for Settings {
    type Error = BadValue;

    fn try_from(flags: Flags) -> Result<Self, BadValue> {
        const BOOLEAN: &str = "true or false";
        let annotations_prefix = read(
            "--annotations-prefix",
            &flags.annotations_prefix,
            "the DNS name that stands before the slash of an annotation, such as replicator.example.com, or nothing",
            prefix,
        )?;
        let create_with_labels = match flags.create_with_labels {
            None => BTreeMap::from([(MANAGED_BY.to_owned(), manager(&annotations_prefix).to_owned())]),
            Some(text) => read(
                "--create-with-labels",
                &text,
                "legal labels as key=value, separated by commas, or nothing",
                labels::parse,
            )?,
        };
        let lease = LeaseName {
            namespace: flags.leader_elect_namespace.map_or(Ok(None), |text| {
                let namespace = |text: &str| Namespace::parse(text).ok().map(Some);
                read("--leader-elect-namespace", &text, "the name of a namespace", namespace)
            })?,
            name: read("--leader-elect-name", &flags.leader_elect_name, "the name of a Lease", |text| {
                is_subdomain(text).then(|| text.to_owned())
            })?,
        };
        let kinds: Vec<_> = kind::ALL.iter().map(|kind| kind.replicator()).collect();
        let kinds = format!("all, or a list of {}, separated by commas", kinds.join(" and "));
        Ok(Self {
            allow_all: read("--allow-all", &flags.allow_all, BOOLEAN, go_flags::boolean)?,
            ignore_unknown: read("--ignore-unknown", &flags.ignore_unknown, BOOLEAN, go_flags::boolean)?,
            resync_period: read(
                "--resync-period",
                &flags.resync_period,
                "a duration that is not negative, such as 30m, 1h30m or 90s, or 0 for never",
                duration::parse,
            )?,
            removal_delay: read(
                "--removal-delay",
                &flags.removal_delay,
                "a duration that is not negative, such as 5s, 90s or 1h30m, or 0 for at once",
                duration::parse,
            )?,
            removal_limit: flags.removal_limit.map_or(Ok(None), |text| {
                read("--removal-limit", &text, "a whole number that is not negative", |text| {
                    text.parse().ok().map(Some)
                })
            })?,
            exclude_namespaces: read(
                "--exclude-namespaces",
                &flags.exclude_namespaces,
                "names and patterns of namespaces, separated by commas, such as kube-.*,vault",
                |text| NamespaceList::parse_without_slash(&text.into(), &mut Budget::default()).ok(),
            )?,
            require_acceptance: read("--require-acceptance", &flags.require_acceptance, BOOLEAN, go_flags::boolean)?,
            hold_incomplete_tls: read("--hold-incomplete-tls", &flags.hold_incomplete_tls, BOOLEAN, go_flags::boolean)?,
            replicators: read("--run-replicators", &flags.run_replicators, &kinds, replicators)?,
            scope: match flags.namespaces {
                None => Scope::Cluster,
                Some(text) => read(
                    "--namespaces",
                    &text,
                    "names of namespaces, separated by commas, at least one; patterns are none",
                    namespaces,
                )?,
            },
            annotations_prefix,
            create_with_labels,
            status_address: read(
                "--status-address",
                &flags.status_address,
                "host:port or :port, such as :9102, 127.0.0.1:9102 or [::1]:9102",
                StatusAddress::parse,
            )?,
            dashboard: flags.dashboard.map_or(Ok(None), |text| {
                let address = |text: &str| StatusAddress::parse(text).map(StatusAddress::or_loopback).map(Some);
                read("--dashboard", &text, "host:port or :port, such as :9103, 0.0.0.0:9103 or [::1]:9103", address)
            })?,
            dashboard_hosts: read(
                "--dashboard-hosts",
                &flags.dashboard_hosts,
                "names of hosts without ports, separated by commas, such as replication.example.com",
                hosts,
            )?,
            kube_config: flags.kube_config.filter(|path| !path.is_empty()).map(PathBuf::from),
            events: read("--events", &flags.events, BOOLEAN, go_flags::boolean)?,
            leader_elect: read("--leader-elect", &flags.leader_elect, BOOLEAN, go_flags::boolean)?.then_some(lease),
            log_format: read("--log-format", &flags.log_format, "text or json", log_format)?,
            log_level: read(
                "--log-level",
                &flags.log_level,
                "off, error, warn, info, debug or trace, or levels of parts such as info,hyper=debug",
                log_level,
            )?,
        })
    }
}

fn read<T>(
    flag: &'static str,
    typed: &OsString,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, BadValue> {
    typed.to_str().and_then(parse).ok_or_else(|| BadValue {
        flag,
        value: cut(&typed.to_string_lossy()),
        expected: expected.to_owned(),
    })
}

/// Kinds by their names, in any case; spaces and empty items do not count. A list that names none would do nothing.
fn replicators(text: &str) -> Option<Vec<&'static dyn Kind>> {
    let items: Vec<_> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    let is_all = |item: &str| item.eq_ignore_ascii_case("all");
    let is = |item: &str, kind: &dyn Kind| item.eq_ignore_ascii_case(kind.replicator());
    if !items.iter().all(|item| is_all(item) || kind::ALL.iter().any(|kind| is(item, *kind))) {
        return None;
    }
    let is_named = |kind: &dyn Kind| items.iter().any(|item| is_all(item) || is(item, kind));
    let named: Vec<_> = kind::ALL.into_iter().filter(|kind| is_named(*kind)).collect();
    (!named.is_empty()).then_some(named)
}

/// Namespaces by their names; spaces and empty items do not count. A list that names none could be meant as all, or as none.
fn namespaces(text: &str) -> Option<Scope> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let named: BTreeSet<_> = items.map(Namespace::parse).collect::<Result<_, _>>().ok()?;
    (!named.is_empty()).then_some(Scope::Namespaces(named))
}

/// Names of hosts; spaces and empty items do not count.
fn hosts(text: &str) -> Option<Vec<String>> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_ascii_lowercase);
    items.map(|item| is_subdomain(&item).then_some(item)).collect()
}

/// The prefix with its slash. (Annotations' prefixes may have capital letters, unlike those of labels.)
fn prefix(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let name = text.strip_suffix('/').unwrap_or(text);
    is_subdomain(&name.to_ascii_lowercase()).then(|| format!("{name}/"))
}

/// The value of the default label: the prefix, where it is a value.
fn manager(prefix: &str) -> &str {
    let name = prefix.trim_end_matches('/');
    if !name.is_empty() && labels::is_value(name) { name } else { MANAGER }
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn log_level(text: &str) -> Option<String> {
    let is_level = |text: &str| {
        ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| text.eq_ignore_ascii_case(level))
    };
    if is_level(text) {
        return Some(text.to_ascii_lowercase());
    }
    // A single word that is no level would be taken for a part of the program, at its highest level.
    let is_directive = |item: &str| is_level(item) || item.contains('=');
    let is_known = text.split(',').all(is_directive) && EnvFilter::builder().parse(text).is_ok();
    is_known.then(|| text.to_owned())
}
