//! Who else has an object: what its metadata says of the tools that made it or write it.

use k8s_replicator_core::managers::FIELD_MANAGER;
use serde_json::Value;

/// A sentence for each tool that claims the object, and one for the field managers that own its data.
#[must_use]
pub(super) fn owners(object: &Value) -> Vec<String> {
    let label = |key: &str| text(object, "labels", key);
    let annotation = |key: &str| text(object, "annotations", key);
    let mut owners = Vec::new();
    if let Some(release) = annotation("meta.helm.sh/release-name") {
        let namespace = annotation("meta.helm.sh/release-namespace").unwrap_or("?");
        owners.push(format!("Helm release {release} in namespace {namespace}"));
    }
    if let Some(application) = annotation("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next()) {
        owners.push(format!("Argo CD application {application}"));
    } else if let Some(application) = label("argocd.argoproj.io/instance") {
        owners.push(format!("Argo CD application {application}"));
    }
    for (tool, prefix) in [("Kustomization", "kustomize.toolkit.fluxcd.io"), ("HelmRelease", "helm.toolkit.fluxcd.io")]
    {
        if let Some(name) = label(&format!("{prefix}/name")) {
            let namespace = label(&format!("{prefix}/namespace")).unwrap_or("?");
            owners.push(format!("Flux {tool} {namespace}/{name}"));
        }
    }
    let references = object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    for reference in references {
        let field = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or("?");
        owners.push(format!("{} {}, by an owner reference", field("kind"), field("name")));
    }
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let mut managers: Vec<&str> = Vec::new();
    for entry in entries {
        let owns_data =
            ["f:data", "f:binaryData"].iter().any(|field| entry.pointer(&format!("/fieldsV1/{field}")).is_some());
        if let Some(manager) = entry.get("manager").and_then(Value::as_str).filter(|_| owns_data)
            && manager != FIELD_MANAGER
            && !managers.contains(&manager)
        {
            managers.push(manager);
        }
    }
    if !managers.is_empty() {
        owners.push(format!("its data was written by {}", managers.join(", ")));
    }
    owners
}

fn text<'a>(object: &'a Value, map: &str, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get(map)?.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_tool_is_known_by_its_marks() {
        let cases = [
            (json!({}), vec![]),
            (
                json!({"annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "web"}}),
                vec!["Helm release shop in namespace web"],
            ),
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:/Secret:web/db"}}),
                vec!["Argo CD application shop"],
            ),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}}),
                vec!["Flux Kustomization flux/apps"],
            ),
            (
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "web"}}),
                vec!["Flux HelmRelease web/shop"],
            ),
            (
                json!({"ownerReferences": [{"kind": "Certificate", "name": "web"}]}),
                vec!["Certificate web, by an owner reference"],
            ),
            (
                json!({"managedFields": [
                    {"manager": "kubectl-create", "fieldsV1": {"f:data": {}}},
                    {"manager": "k8s-replicator", "fieldsV1": {"f:data": {}}},
                    {"manager": "kubectl-annotate", "fieldsV1": {"f:metadata": {}}},
                    {"manager": "helm", "fieldsV1": {"f:data": {"f:k": {}}}},
                ]}),
                vec!["its data was written by kubectl-create, helm"],
            ),
        ];
        for (metadata, expected) in cases {
            assert_eq!(owners(&json!({ "metadata": metadata })), expected);
        }
    }
}
