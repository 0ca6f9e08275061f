//! Log lines on standard error, as text for people or as JSON for collectors.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::settings::LogFormat;

/// What the libraries underneath say is heard at level trace only, but for their warnings; and `kube`'s words on failed
/// requests never, since this program reports each of them itself, with the object and what is done about it.
fn directives(level: &str) -> String {
    let is_plain = level.parse::<tracing::Level>().is_ok() || level == "off";
    let libraries = if matches!(level, "trace" | "off") { level } else { "warn" };
    match is_plain {
        true => format!("{libraries},k8s_replicator={level},k8s_replicator_controller={level},kube_client=off"),
        false => level.to_owned(),
    }
}

/// Starts logging. `level`: one word for this program, or directives as `tracing` knows them
/// (`info,k8s_replicator_controller=debug`).
pub fn start(format: LogFormat, level: &str) {
    let filter = EnvFilter::new(directives(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_for_this_program_and_directives_are_taken_as_they_are() {
        let own = |level| format!("k8s_replicator={level},k8s_replicator_controller={level},kube_client=off");
        assert_eq!(directives("info"), format!("warn,{}", own("info")));
        assert_eq!(directives("debug"), format!("warn,{}", own("debug")));
        assert_eq!(directives("trace"), format!("trace,{}", own("trace")));
        assert_eq!(directives("off"), format!("off,{}", own("off")));
        assert_eq!(directives("info,hyper=debug"), "info,hyper=debug");
    }
}
