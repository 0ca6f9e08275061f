//! Authorization, as RBAC decides it for a controller whose account has nothing but the chart's Role in some namespaces.

use super::events::Events;
use super::http::{Refusal, Request};

/// The name of every controller's account.
pub const ACCOUNT: &str = "system:serviceaccount:k8s-replicator:k8s-replicator";

/// The namespaces in which there is a Role: `get` of the Namespace itself, and all that the controller does with Secrets, ConfigMaps and
/// Events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(pub Vec<&'static str>);

impl Roles {
    /// The refusal of a request that no Role grants; `None`: it is granted. The server asks this before anything else, so that the
    /// answer does not depend on whether the object, or the namespace, exists. A watch that is open stays open when its Role goes.
    #[must_use]
    pub fn refuse(&self, request: &Request) -> Option<Refusal> {
        let (group, skipped) = if Events::is_about(request) { ("events.k8s.io", 4) } else { ("", 3) };
        let parts: Vec<&str> = request.path().split('/').skip(skipped).collect();
        let (namespace, resource, name) = match *parts.as_slice() {
            [resource] => (None, resource, None),
            ["namespaces", name] => (Some(name), "namespaces", Some(name)),
            ["namespaces", namespace, resource] => (Some(namespace), resource, None),
            ["namespaces", namespace, resource, name] => (Some(namespace), resource, Some(name)),
            _ => (None, "", None),
        };
        let verb = match (&*request.method, name) {
            ("GET", Some(_)) => "get",
            ("GET", None) if request.is_watch() => "watch",
            ("GET", None) => "list",
            ("POST", _) => "create",
            ("PATCH", _) => "patch",
            ("DELETE", _) => "delete",
            _ => "update",
        };
        let is_granted = match resource {
            "namespaces" => verb == "get",
            "secrets" | "configmaps" => verb != "update",
            "events" => matches!(verb, "create" | "patch"),
            _ => false,
        };
        if is_granted && namespace.is_some_and(|namespace| self.0.contains(&namespace)) {
            return None;
        }
        let place = namespace
            .map_or_else(|| "at the cluster scope".to_owned(), |namespace| format!("in the namespace \"{namespace}\""));
        let why = format!("User \"{ACCOUNT}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}");
        Some(Refusal::forbidden(group, resource, name.unwrap_or_default(), &why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the words of kube-apiserver 1.33 to 1.37.
    #[test]
    fn what_no_role_grants_is_refused() {
        let asked = |method: &str, uri: &str| {
            let (method, uri) = (method.to_owned(), uri.to_owned());
            let (accept, content_type, body, whole) = (String::new(), String::new(), Vec::new(), None);
            let refusal = Roles(vec!["a"]).refuse(&Request { method, uri, accept, content_type, body, whole });
            refusal.map(|refusal| refusal.message.replace(ACCOUNT, "u"))
        };
        for (method, uri) in [
            ("GET", "/api/v1/namespaces/a"),
            ("GET", "/api/v1/namespaces/a/secrets?limit=500"),
            ("GET", "/api/v1/namespaces/a/secrets?watch=true"),
            ("DELETE", "/api/v1/namespaces/a/configmaps/x"),
        ] {
            assert_eq!(asked(method, uri), None, "{method} {uri}");
        }
        for (method, uri, said) in [
            (
                "GET",
                "/api/v1/namespaces",
                r#"namespaces is forbidden: User "u" cannot list resource "namespaces" in API group "" at the cluster scope"#,
            ),
            (
                "GET",
                "/api/v1/secrets?watch=1",
                r#"secrets is forbidden: User "u" cannot watch resource "secrets" in API group "" at the cluster scope"#,
            ),
            (
                "GET",
                "/api/v1/namespaces/b",
                r#"namespaces "b" is forbidden: User "u" cannot get resource "namespaces" in API group "" in the namespace "b""#,
            ),
            (
                "DELETE",
                "/api/v1/namespaces/a",
                r#"namespaces "a" is forbidden: User "u" cannot delete resource "namespaces" in API group "" in the namespace "a""#,
            ),
            (
                "PATCH",
                "/api/v1/namespaces/b/secrets/x",
                r#"secrets "x" is forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "b""#,
            ),
            (
                "POST",
                "/api/v1/namespaces/b/secrets",
                r#"secrets is forbidden: User "u" cannot create resource "secrets" in API group "" in the namespace "b""#,
            ),
        ] {
            assert_eq!(asked(method, uri).as_deref(), Some(said), "{method} {uri}");
        }
    }
}
