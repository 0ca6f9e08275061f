//! Who is let in, and what browsers are told.
//!
//! The page has no accounts: whoever reaches its address sees it. So a browser must not be made to reach it for somebody else: a page of
//! another site that has its own name resolve to this address (DNS rebinding) sends its own name as `Host`, and is refused; what
//! another site includes or fetches is refused by `Sec-Fetch-Site`, and not readable in any case.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Nothing inline, nothing from elsewhere, and no text becomes markup.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// The names under which the page may be asked for, besides those that nobody on the internet can own.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// Also these names, as behind an Ingress.
    #[must_use]
    pub fn also(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether nobody else can have this `Host` lead here: addresses, this machine's own names, and names of a cluster's Services.
    fn has(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        let name = name.to_ascii_lowercase();
        let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let is_address = in_brackets.unwrap_or(&name).parse::<IpAddr>().is_ok();
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let is_service = name.ends_with(".svc") || name.ends_with(".svc.cluster.local");
        is_address || is_local || is_service || self.0.contains(&name)
    }
}

fn without_port(host: &str) -> Option<&str> {
    match host.rsplit_once(':') {
        // The last part of an IPv6 address without brackets is none, and such a Host is not sent.
        Some((name, port)) if !name.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) => Some(name),
        Some(_) if host.ends_with(']') => Some(host),
        Some(_) => None,
        None => Some(host).filter(|host| !host.is_empty()),
    }
}

/// Lets a request in, or not; and adds the headers to every response.
pub async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&hosts, request.method(), request.headers()) {
        None => next.run(request).await,
        Some(refused) => refused,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal(hosts: &Hosts, method: &Method, headers: &HeaderMap) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Some((StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.get_all(HOST).iter().count() != 1 || !text("host").is_some_and(|host| hosts.has(host)) {
        let said = "This page is not served under the name by which it was asked for. Ask for it by its address, as with kubectl \
                    port-forward, or name it in --dashboard-hosts.\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, said).into_response());
    }
    // A link from elsewhere may lead here; nothing else may.
    let is_from_elsewhere = matches!(text("sec-fetch-site"), Some("cross-site" | "same-site"));
    if is_from_elsewhere && text("sec-fetch-mode") != Some("navigate") {
        return Some((StatusCode::FORBIDDEN, "Another site asks for this.\n").into_response());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_somebody_can_own_are_refused() {
        let hosts = Hosts::also(["Replicator.example.com".to_owned()]);
        let good = [
            "localhost",
            "localhost:9103",
            "LOCALHOST:1",
            "127.0.0.1:9103",
            "10.1.2.3",
            "[::1]:9103",
            "[::1]",
            "x.localhost:80",
            "k8s-replicator.kube-system.svc:9103",
            "k8s-replicator.kube-system.svc.cluster.local",
            "replicator.example.com",
            "replicator.EXAMPLE.com:443",
        ];
        for host in good {
            assert!(hosts.has(host), "{host}");
        }
        let bad = [
            "",
            ":9103",
            "evil.example.com",
            "localhost.evil.com",
            "127.0.0.1.evil.com:9103",
            "evil.com:x",
            "svc",
            "evilsvc",
            "[::1",
            "::1:80:x",
        ];
        for host in bad {
            assert!(!hosts.has(host), "{host}");
        }
    }

    #[test]
    fn another_site_gets_nothing_but_a_link() {
        let refused = |pairs: &[(&'static str, &str)], method| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
            let headers = headers.collect();
            refusal(&Hosts::default(), &method, &headers).map(|response| response.status())
        };
        let host = ("host", "localhost:9103");
        assert_eq!(refused(&[host], Method::GET), None);
        assert_eq!(refused(&[host, ("sec-fetch-site", "same-origin")], Method::GET), None);
        let site = ("sec-fetch-site", "cross-site");
        assert_eq!(refused(&[host, site, ("sec-fetch-mode", "navigate")], Method::GET), None);
        for mode in ["cors", "no-cors", "websocket"] {
            let status = refused(&[host, site, ("sec-fetch-mode", mode)], Method::GET);
            assert_eq!(status, Some(StatusCode::FORBIDDEN), "{mode}");
        }
        assert_eq!(refused(&[host], Method::POST), Some(StatusCode::METHOD_NOT_ALLOWED));
        assert_eq!(refused(&[("host", "evil.com")], Method::GET), Some(StatusCode::MISDIRECTED_REQUEST));
        assert_eq!(refused(&[], Method::GET), Some(StatusCode::MISDIRECTED_REQUEST));
    }
}
