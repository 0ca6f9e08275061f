//! The namespaces, and what is in them at the beginning.

use std::sync::OnceLock;

use anyhow::{Result, ensure};
use http::Method;
use k8s_replicator_testenv::{Client, User};
use serde_json::json;

/// How many namespaces there are, with the tenant's.
pub(crate) const NAMESPACES: usize = 50;
/// The namespace of the hostile tenant, who has no rights elsewhere.
pub(crate) const TENANT: &str = "hostile";
/// The name of objects that no annotation names: they have to be untouched at the end.
const BYSTANDER: &str = "bystander";

/// The namespaces in which people work: those that the simulation's patterns name, and more like them.
pub(crate) fn places() -> &'static [&'static str] {
    static PLACES: OnceLock<Vec<&str>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let teams = (1..NAMESPACES - 3).map(|number| &*format!("team-{number}").leak());
        ["a", "b", "late"].into_iter().chain(teams).collect()
    })
}

/// Those that people make and delete.
pub(crate) fn passing() -> &'static [&'static str] {
    static PASSING: OnceLock<Vec<&str>> = OnceLock::new();
    PASSING.get_or_init(|| places().iter().skip(2).step_by(4).copied().collect())
}

/// Creates the namespaces, in each an object that no annotation names, and the tenant's rights: all on Secrets and ConfigMaps of its own
/// namespace.
pub(crate) fn furnish(client: &Client, tenant: &User) -> Result<()> {
    let create = |path: &str, object| client.request(&Method::POST, path, Some(&object)).map(drop);
    for name in places().iter().chain([&TENANT]) {
        create("/api/v1/namespaces", json!({ "metadata": { "name": name } }))?;
        let object = json!({ "metadata": { "name": BYSTANDER }, "data": { "k": "bystander" } });
        create(&format!("/api/v1/namespaces/{name}/configmaps"), object)?;
    }
    let of_rbac = |plural: &str| format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{TENANT}/{plural}");
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["*"] }]);
    create(&of_rbac("roles"), json!({ "metadata": { "name": TENANT }, "rules": rules }))?;
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": TENANT });
    let user = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": tenant.name });
    create(&of_rbac("rolebindings"), json!({ "metadata": { "name": TENANT }, "roleRef": role, "subjects": [user] }))
}

/// The objects that nobody speaks of are as they were made.
pub(crate) fn bystanders(client: &Client) -> Result<()> {
    // With those that people delete goes all that is in them.
    for namespace in places().iter().chain([&TENANT]).filter(|name| !passing().contains(name)) {
        let object = client.get(&format!("/api/v1/namespaces/{namespace}/configmaps/{BYSTANDER}"))?;
        let managers = object["metadata"]["managedFields"].as_array().map_or(0, Vec::len);
        ensure!(managers == 1 && object["data"]["k"] == BYSTANDER, "somebody wrote {namespace}/{BYSTANDER}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_namespaces_as_said() {
        assert_eq!(places().len() + 1, NAMESPACES);
        assert!(passing().len() > 10 && !places().contains(&TENANT));
    }
}
