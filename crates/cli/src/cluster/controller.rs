//! The controller that runs in the cluster: its flags have a say in every decision.

use serde_json::Value;

use super::{Cluster, is_forbidden};
use crate::args;
use crate::settings::Settings;

/// By which its Deployment is found.
const LABEL: &str = "app.kubernetes.io%2Fname%3Dk8s-replicator";

/// The controller's Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// `namespace/name`.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// How many of its pods are ready.
    pub ready: u64,
}

/// The flags that are decided by, and where they come from.
#[derive(Debug, Clone)]
pub struct Flags {
    /// What they mean.
    pub settings: Settings,
    /// The Deployment, if one was found.
    pub deployed: Option<Deployed>,
    /// What is to be said about it: where they come from, if that is not the one Deployment in the cluster.
    pub note: Option<String>,
}

impl Cluster {
    /// The controller's flags: those that were named, else its Deployment's, else the defaults.
    ///
    /// # Errors
    /// When flags were named that cannot be read, or the cluster cannot be reached.
    pub async fn flags(&self) -> anyhow::Result<Flags> {
        let (deployed, why_not) = self.deployed().await?;
        match &self.controller_flags {
            Some(flags) => {
                let settings = named("--controller-flags", flags)?;
                Ok(Flags { settings, deployed: deployed.into_iter().next(), note: None })
            }
            None => choose(deployed, why_not),
        }
    }

    /// The flags of the controller's Deployment, whatever flags were named. `None`: there is none, or there are several.
    ///
    /// # Errors
    /// When the cluster cannot be reached.
    pub(crate) async fn flags_of_deployment(&self) -> anyhow::Result<Option<Flags>> {
        let (deployed, why_not) = self.deployed().await?;
        if deployed.len() == 1 { choose(deployed, why_not).map(Some) } else { Ok(None) }
    }

    async fn deployed(&self) -> anyhow::Result<(Vec<Deployed>, Option<&'static str>)> {
        match self.get(format!("/apis/apps/v1/deployments?labelSelector={LABEL}")).await {
            Ok(list) => Ok((list.as_ref().map(deployments).unwrap_or_default(), None)),
            Err(failure) if is_forbidden(&failure) => Ok((Vec::new(), Some("you may not list Deployments"))),
            Err(failure) => anyhow::bail!("cannot ask the cluster: {}", failure.message),
        }
    }
}

/// Flags of the controller as the value of a flag, which is called so.
pub(crate) fn named(flag: &str, flags: &str) -> anyhow::Result<Settings> {
    args::parse(words(flags)).map_err(|stop| anyhow::anyhow!("{flag}: {}", stop.message))
}

fn choose(deployed: Vec<Deployed>, why_not: Option<&str>) -> anyhow::Result<Flags> {
    let defaults = || args::parse(words("")).map_err(|stop| anyhow::anyhow!(stop.message));
    let count = deployed.len();
    let Some(first) = deployed.into_iter().next() else {
        let why = why_not.unwrap_or("no Deployment has the label app.kubernetes.io/name=k8s-replicator");
        let note =
            format!("The controller is taken to have its default flags, since {why}; --controller-flags says others.");
        return Ok(Flags { settings: defaults()?, deployed: None, note: Some(note) });
    };
    let read = args::parse(std::iter::once("k8s-replicator".into()).chain(first.args.iter().map(Into::into)));
    let (settings, note) = match read {
        Ok(settings) if count == 1 => (settings, None),
        Ok(settings) => {
            let note = format!(
                "Of {count} controllers in the cluster this is about {}; --controller-flags is for another.",
                first.name
            );
            (settings, Some(note))
        }
        Err(stop) => {
            let note = format!(
                "The flags of Deployment {} cannot be read ({}): the defaults are taken.",
                first.name, stop.message
            );
            (defaults()?, Some(note))
        }
    };
    Ok(Flags { settings, deployed: Some(first), note })
}

/// A command line of flags, after the program's name. Quotes keep a word together.
fn words(text: &str) -> Vec<std::ffi::OsString> {
    let mut words = vec!["k8s-replicator".to_owned()];
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    for character in text.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (_, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words.into_iter().map(Into::into).collect()
}

fn deployments(list: &Value) -> Vec<Deployed> {
    let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
    let mut all: Vec<Deployed> = items.filter_map(deployed).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn deployed(item: &Value) -> Option<Deployed> {
    let text = |path: &str| item.pointer(path).and_then(Value::as_str);
    let strings = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_array).into_iter().flatten().filter_map(|arg| Some(arg.as_str()?.to_owned())).collect()
    };
    let containers = item.pointer("/spec/template/spec/containers")?.as_array()?;
    let is_ours = |container: &&Value| {
        let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
        image.contains("k8s-replicator")
    };
    let container = containers.iter().find(is_ours).or(containers.first())?;
    let command = strings(container.get("command")).into_iter().skip(1);
    Some(Deployed {
        name: format!("{}/{}", text("/metadata/namespace")?, text("/metadata/name")?),
        args: command.chain(strings(container.get("args"))).collect(),
        ready: item.pointer("/status/readyReplicas").and_then(Value::as_u64).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(name: &str, args: &[&str]) -> Value {
        json!({
            "metadata": {"namespace": "kube-system", "name": name},
            "spec": {"template": {"spec": {"containers": [
                {"image": "proxy:1", "args": ["--allow-all=maybe"]},
                {"image": "registry.example.com/k8s-replicator:2", "command": ["/k8s-replicator"], "args": args},
            ]}}},
            "status": {"readyReplicas": 1},
        })
    }

    #[test]
    fn the_flags_are_those_of_the_deployment() {
        let list = json!({"items": [deployment("k8s-replicator", &["-allow-all", "--removal-delay", "1m"])]});
        let flags = choose(deployments(&list), None).unwrap();
        assert!(flags.settings.allow_all && flags.settings.removal_delay.as_secs() == 60);
        let deployed = flags.deployed.unwrap();
        assert_eq!((&*deployed.name, deployed.ready, flags.note), ("kube-system/k8s-replicator", 1, None));
    }

    #[test]
    fn it_is_said_where_they_come_from_elsewhere() {
        let note =
            |items: &[Value], why_not| choose(deployments(&json!({"items": items})), why_not).unwrap().note.unwrap();
        assert_eq!(
            note(&[], None),
            "The controller is taken to have its default flags, since no Deployment has the label \
             app.kubernetes.io/name=k8s-replicator; --controller-flags says others."
        );
        assert!(note(&[], Some("you may not list Deployments")).contains("since you may not list Deployments;"));
        let two = [deployment("b", &["--allow-all"]), deployment("a", &[])];
        assert_eq!(
            note(&two, None),
            "Of 2 controllers in the cluster this is about kube-system/a; --controller-flags is for another."
        );
        let bad = [deployment("a", &["--allow-all=$(ALLOW)"])];
        assert!(note(&bad, None).contains("cannot be read (error: invalid value \"$(ALLOW)\" for --allow-all"));
    }

    #[test]
    fn a_line_of_flags_is_read_as_a_shell_does() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" -a  --b=c ", &["-a", "--b=c"]),
            ("--x 'a b' --y=\"c 'd'\" ''", &["--x", "a b", "--y=c 'd'", ""]),
        ];
        for (text, expected) in cases {
            let expected: Vec<std::ffi::OsString> = expected.iter().map(Into::into).collect();
            assert_eq!(words(text)[1..], expected, "{text}");
        }
    }
}
