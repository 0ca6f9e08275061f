//! The flags as they are typed: their names, their help, and v1.3.0's defaults. What a value means is in
//! [`settings`](crate::settings).

use std::ffi::OsString;

use clap::Parser;

pub(crate) const BEHAVIOUR: &str = "What to replicate";
pub(crate) const ANNOTATIONS: &str = "Annotations";
pub(crate) const CONNECTION: &str = "Connection and status";
pub(crate) const LOGGING: &str = "Logging";
pub(crate) const OTHER: &str = "Other";

/// The flags as typed, with v1.3.0's defaults.
#[derive(Debug, Parser)]
#[command(
    name = "k8s-replicator",
    version,
    about = "Copies Secrets and ConfigMaps between namespaces, as their annotations ask for it, and keeps the copies \
             up to date.",
    override_usage = "k8s-replicator [FLAGS]\n       k8s-replicator COMMAND",
    args_override_self = true,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100,
    next_line_help = true
)]
pub(crate) struct Flags {
    #[arg(long, help_heading = BEHAVIOUR, value_name = "true|false", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", default_value = "false", hide_default_value = true)]
    #[arg(
        help = "Replicate also what carries no annotation that allows it. By default a source has to allow it; with \
                  this flag it can still forbid it."
    )]
    pub(crate) allow_all: OsString,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "KINDS", default_value = "all", hide_default_value = true)]
    #[arg(help = "The kinds of objects to replicate: all of them, which is the default, or a list of secret and \
                  configMap, separated by commas.")]
    pub(crate) run_replicators: OsString,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "NAMES", hide_default_value = true)]
    #[arg(
        help = "The namespaces to work in, separated by commas: nothing outside of them is read or written, and the \
                  program needs no rights there. The default is all namespaces."
    )]
    pub(crate) namespaces: Option<OsString>,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "DURATION", default_value = "30m", hide_default_value = true)]
    #[arg(help = "Compare every replica with its source once within this time, such as 90s or 1h30m. The default is \
                  30m, and 0 means never; changes are seen at once in any case. Less than 1s is taken as 1s.")]
    pub(crate) resync_period: OsString,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "DURATION", default_value = "5s", hide_default_value = true)]
    #[arg(
        help = "Keep the replicas of a source that was deleted, or that lost all its annotations, for this time: if it \
                  comes back meanwhile, they are updated and not made again. The default is 5s, and 0 means to remove \
                  them at once. The annotation removal-delay of a source takes precedence."
    )]
    pub(crate) removal_delay: OsString,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "NUMBER", hide_default_value = true)]
    #[arg(
        help = "Hold the removal of replicas when more than this number are due because of one source, until it comes back \
                  or each removal is approved by the annotation removal-approved. By default there is no limit."
    )]
    pub(crate) removal_limit: Option<OsString>,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "LIST", default_value = "", hide_default_value = true)]
    #[arg(
        help = "Namespaces in which nothing is written, whatever is asked for: names and patterns, separated by commas, as \
                  in kube-.*,vault. What is there is left alone. By default there are none."
    )]
    pub(crate) exclude_namespaces: OsString,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "true|false", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", default_value = "false", hide_default_value = true)]
    #[arg(
        help = "Push only into namespaces whose annotation accept-replicas-from names the source's namespace. By default a \
                  namespace without that annotation accepts all."
    )]
    pub(crate) require_acceptance: OsString,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "true|false", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", default_value = "true", hide_default_value = true)]
    #[arg(
        help = "Do not copy a TLS secret while its certificate or its key is missing, or while the two do not belong \
                  together: its replicas keep what they have until the pair is whole. This is the default; \
                  --hold-incomplete-tls=false copies whatever is there."
    )]
    pub(crate) hold_incomplete_tls: OsString,

    #[arg(long, help_heading = BEHAVIOUR, value_name = "LABELS", hide_default_value = true)]
    #[arg(help = "The labels of the objects that are created, as key=value, separated by commas. An empty list \
                  means none. The default is app.kubernetes.io/managed-by=k8s-replicator, or with another annotation \
                  prefix that prefix as the value.")]
    pub(crate) create_with_labels: Option<OsString>,

    #[arg(long, help_heading = ANNOTATIONS, value_name = "PREFIX")]
    #[arg(default_value = "k8s-replicator", hide_default_value = true)]
    #[arg(help = "What stands before the slash in the annotations' names. The default is k8s-replicator, as in \
                  k8s-replicator/replicate-from. With an empty prefix the names stand alone.")]
    pub(crate) annotations_prefix: OsString,

    #[arg(long, help_heading = ANNOTATIONS, value_name = "true|false", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", default_value = "false", hide_default_value = true)]
    #[arg(help = "Pass over annotations that have the prefix and an unknown name. By default an object with such an \
                  annotation is left alone, since the name may be misspelt.")]
    pub(crate) ignore_unknown: OsString,

    #[arg(long, help_heading = CONNECTION, value_name = "PATH", hide_default_value = true)]
    #[arg(help = "The kubeconfig file that says which cluster to work in. By default it is the cluster that the \
                  program itself runs in.")]
    pub(crate) kube_config: Option<OsString>,

    #[arg(long, help_heading = CONNECTION, value_name = "ADDRESS", default_value = ":9102", hide_default_value = true)]
    #[arg(help = "The host and port that serve /healthz, /livez, /readyz and /metrics. The default is \
                  :9102, which is port 9102 of every interface.")]
    pub(crate) status_address: OsString,

    #[arg(long, help_heading = CONNECTION, value_name = "ADDRESS", hide_default_value = true)]
    #[arg(
        help = "Serve a read-only page about what is replicated at this host and port, such as :9103. Without a host it \
                  is served to this machine (or pod) alone, as for kubectl port-forward. By default there is no page. \
                  Whoever reaches the address sees the names of all sources and targets, and no data."
    )]
    pub(crate) dashboard: Option<OsString>,

    #[arg(long, help_heading = CONNECTION, value_name = "NAMES", default_value = "", hide_default_value = true)]
    #[arg(help = "Names, separated by commas, under which browsers may ask for that page, as behind an Ingress. \
                  Addresses, localhost and names that end in .svc need not be named; by default no \
                  other is taken.")]
    pub(crate) dashboard_hosts: OsString,

    #[arg(long, help_heading = CONNECTION, value_name = "true|false", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", default_value = "true", hide_default_value = true)]
    #[arg(
        help = "Tell what is done, and why something is not, as Kubernetes Events on the objects whose owners can act. This \
                  is the default; --events=false tells it in the log alone."
    )]
    pub(crate) events: OsString,

    #[arg(long, help_heading = CONNECTION, value_name = "true|false", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", default_value = "false", hide_default_value = true)]
    #[arg(
        help = "Of several programs with this flag only the one that holds a Lease writes. The others watch, and one of \
                  them goes on when it ends. By default each writes, which is safe too."
    )]
    pub(crate) leader_elect: OsString,

    #[arg(long, help_heading = CONNECTION, value_name = "NAME", default_value = "k8s-replicator", hide_default_value = true)]
    #[arg(help = "The name of the Lease that --leader-elect uses. The default is k8s-replicator.")]
    pub(crate) leader_elect_name: OsString,

    #[arg(long, help_heading = CONNECTION, value_name = "NAMESPACE", hide_default_value = true)]
    #[arg(
        help = "The namespace of the Lease that --leader-elect uses. The default is the pod's own, or the one of the \
                  kubeconfig's context."
    )]
    pub(crate) leader_elect_namespace: Option<OsString>,

    #[arg(long, help_heading = LOGGING, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    #[arg(help = "How log lines are written: text, which is the default, for people, or json for programs.")]
    pub(crate) log_format: OsString,

    #[arg(long, help_heading = LOGGING, value_name = "LEVEL", default_value = "info", hide_default_value = true)]
    #[arg(help = "How much is logged: off, error, warn, info, debug or trace. The default is info. Parts of the \
                  program can be given levels of their own, as in info,k8s_replicator_controller=debug.")]
    pub(crate) log_level: OsString,

    #[arg(long, short, help_heading = OTHER, action = clap::ArgAction::Help, help = "Print this help.")]
    help: Option<bool>,

    #[arg(long, short = 'V', help_heading = OTHER, action = clap::ArgAction::Version, help = "Print the version.")]
    version: Option<bool>,
}

pub(crate) const EXAMPLES: &str = "\
Flags may be written with one dash or two, and their values behind a space or an equals sign. Of a
flag that is given twice the last one counts.

Examples:
  In a cluster, replicating what its sources allow:
      k8s-replicator
  Outside the cluster, Secrets only, with debug messages:
      k8s-replicator --kube-config ~/.kube/config --run-replicators secret --log-level debug
  Beside another one, with annotations of its own:
      k8s-replicator --annotations-prefix replicator.example.com --status-address :9103";
