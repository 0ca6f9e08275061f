//! Who waits for an object: the Pods and ServiceAccounts that name it.

use serde_json::Value;

/// One that names the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Consumer {
    /// As in manifests: `Pod`.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: String,
    /// Where it names it.
    pub(super) uses: Vec<String>,
    /// What it is in, such as `CreateContainerConfigError`, if it is a pod.
    pub(super) state: Option<String>,
}

/// How objects of a kind are named in a pod.
struct Names {
    volume: [&'static str; 2],
    key: &'static str,
    all: &'static str,
}

const SECRETS: Names = Names { volume: ["secret", "secretName"], key: "secretKeyRef", all: "secretRef" };
const CONFIG_MAPS: Names = Names { volume: ["configMap", "name"], key: "configMapKeyRef", all: "configMapRef" };

/// The pods of a list that name the object.
pub(super) fn pods(list: &Value, is_secret: bool, name: &str) -> Vec<Consumer> {
    items(list)
        .filter_map(|pod| {
            let uses = pod_uses(pod.get("spec")?, if is_secret { &SECRETS } else { &CONFIG_MAPS }, is_secret, name);
            (!uses.is_empty()).then(|| Consumer { kind: "Pod", name: name_of(pod), uses, state: state(pod) })
        })
        .collect()
}

/// The ServiceAccounts of a list whose pods pull images with the Secret.
pub(super) fn accounts(list: &Value, name: &str) -> Vec<Consumer> {
    items(list)
        .filter(|account| pulls(account, name))
        .map(|account| Consumer {
            kind: "ServiceAccount",
            name: name_of(account),
            uses: vec!["imagePullSecrets".to_owned()],
            state: None,
        })
        .collect()
}

fn pod_uses(spec: &Value, names: &Names, is_secret: bool, name: &str) -> Vec<String> {
    let mut uses = Vec::new();
    let is_named = |value: Option<&Value>| value.and_then(Value::as_str) == Some(name);
    for volume in array(spec, "volumes") {
        let [field, key] = names.volume;
        let directly = is_named(volume.get(field).and_then(|volume| volume.get(key)));
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array).into_iter().flatten();
        let projected = sources.filter_map(|source| source.get(field)).any(|source| is_named(source.get("name")));
        if directly || projected {
            uses.push(format!("volume {}", volume.get("name").and_then(Value::as_str).unwrap_or("?")));
        }
    }
    for container in ["initContainers", "containers", "ephemeralContainers"].iter().flat_map(|field| array(spec, field))
    {
        for variable in array(container, "env") {
            let reference = variable.get("valueFrom").and_then(|from| from.get(names.key));
            if is_named(reference.and_then(|reference| reference.get("name"))) {
                uses.push(format!("env {}", variable.get("name").and_then(Value::as_str).unwrap_or("?")));
            }
        }
        for all in array(container, "envFrom") {
            if is_named(all.get(names.all).and_then(|reference| reference.get("name"))) {
                uses.push("envFrom".to_owned());
            }
        }
    }
    if is_secret && pulls(spec, name) {
        uses.push("imagePullSecrets".to_owned());
    }
    uses.dedup();
    uses
}

fn pulls(object: &Value, name: &str) -> bool {
    array(object, "imagePullSecrets").any(|secret| secret.get("name").and_then(Value::as_str) == Some(name))
}

/// Why a container waits, else the phase.
fn state(pod: &Value) -> Option<String> {
    let status = pod.get("status")?;
    let statuses = ["initContainerStatuses", "containerStatuses"].iter().flat_map(|field| array(status, field));
    let mut waiting = statuses.filter_map(|status| status.pointer("/state/waiting/reason")?.as_str());
    Some(waiting.next().or_else(|| status.get("phase")?.as_str())?.to_owned())
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    array(list, "items")
}

fn array<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn name_of(object: &Value) -> String {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, spec: &Value, status: &Value) -> Value {
        json!({ "metadata": { "name": name }, "spec": spec, "status": status })
    }

    #[test]
    fn every_way_to_name_an_object_is_found() {
        let secret = [
            (json!({"volumes": [{"name": "v", "secret": {"secretName": "db"}}]}), "volume v"),
            (json!({"volumes": [{"name": "p", "projected": {"sources": [{"secret": {"name": "db"}}]}}]}), "volume p"),
            (
                json!({"containers": [{"env": [{"name": "PW", "valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}]}]}),
                "env PW",
            ),
            (json!({"initContainers": [{"envFrom": [{"secretRef": {"name": "db"}}]}]}), "envFrom"),
            (json!({"imagePullSecrets": [{"name": "db"}]}), "imagePullSecrets"),
        ];
        for (spec, expected) in secret {
            let list = json!({"items": [pod("web", &spec, &json!({}))]});
            let found = pods(&list, true, "db");
            assert_eq!(found.first().map(|pod| pod.uses.clone()), Some(vec![expected.to_owned()]), "{spec}");
            assert_eq!((pods(&list, true, "other"), pods(&list, false, "db")), (vec![], vec![]), "{spec}");
        }
        let config_map = [
            (json!({"volumes": [{"name": "v", "configMap": {"name": "db"}}]}), "volume v"),
            (json!({"containers": [{"envFrom": [{"configMapRef": {"name": "db"}}]}]}), "envFrom"),
        ];
        for (spec, expected) in config_map {
            let list = json!({"items": [pod("web", &spec, &json!({}))]});
            assert_eq!(pods(&list, false, "db").first().map(|pod| pod.uses.clone()), Some(vec![expected.to_owned()]));
        }
    }

    #[test]
    fn what_a_pod_waits_for_is_said() {
        let spec = json!({"imagePullSecrets": [{"name": "db"}]});
        let waiting =
            json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]});
        let list = json!({"items": [pod("a", &spec, &waiting), pod("b", &spec, &json!({"phase": "Running"}))]});
        let states: Vec<_> = pods(&list, true, "db").into_iter().map(|pod| pod.state).collect();
        assert_eq!(states, [Some("ImagePullBackOff".to_owned()), Some("Running".to_owned())]);
    }

    #[test]
    fn accounts_pull_images() {
        let account =
            |name: &str, secret: &str| json!({"metadata": {"name": name}, "imagePullSecrets": [{"name": secret}]});
        let list = json!({"items": [account("default", "registry"), account("other", "x")]});
        let found = accounts(&list, "registry");
        assert_eq!(
            found.iter().map(|found| (found.kind, &*found.name)).collect::<Vec<_>>(),
            [("ServiceAccount", "default")]
        );
    }
}
