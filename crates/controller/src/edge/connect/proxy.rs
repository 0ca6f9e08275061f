//! Which proxy leads to the API server, if any.
//!
//! As kubectl chooses it: the `proxy-url` of the kubeconfig, whatever `NO_PROXY` says; else `HTTPS_PROXY` (for a server at
//! `http://`, `HTTP_PROXY`), unless `NO_PROXY` names the server, or the server is on this machine. `NO_PROXY` is a list of
//! hosts, domains, addresses and CIDRs; a domain names its subdomains too. Proxies are `http://`, `https://` or `socks5://`.

use std::net::IpAddr;

use ::http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// What the process's environment says of proxies.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `HTTPS_PROXY`.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`.
    pub http_proxy: Option<String>,
    /// `NO_PROXY`.
    pub no_proxy: Option<String>,
}

impl Environment {
    /// As it is now. Upper case comes before lower case, as in Go.
    #[must_use]
    pub fn of_the_process() -> Self {
        let read = |name: &str| {
            let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
            read(name).or_else(|| read(&name.to_lowercase()))
        };
        Self { https_proxy: read("HTTPS_PROXY"), http_proxy: read("HTTP_PROXY"), no_proxy: read("NO_PROXY") }
    }
}

/// How the API server is reached.
pub(super) enum Way {
    Direct,
    /// By `CONNECT` to this proxy.
    Http(Proxy),
    /// By `CONNECT` over TLS.
    Https(Proxy),
    /// By this SOCKS 5 proxy, as this user.
    Socks(Uri, Option<(String, String)>),
}

/// A proxy that knows `CONNECT`.
pub(super) struct Proxy {
    pub(super) url: Uri,
    auth: Option<HeaderValue>,
}

impl Proxy {
    pub(super) fn tunnel<C>(&self, tunnel: Tunnel<C>) -> Tunnel<C> {
        match &self.auth {
            None => tunnel,
            Some(auth) => tunnel.with_auth(auth.clone()),
        }
    }
}

impl Way {
    /// The way to this server. An error never contains the proxy's password.
    pub(super) fn to(server: &Uri, proxy_url: Option<&str>, environment: &Environment) -> Result<Self, String> {
        let (named_by, proxy) = match (proxy_url, server.scheme_str()) {
            (Some(url), _) => ("the kubeconfig's proxy-url", Some(url)),
            (None, Some("http")) => ("HTTP_PROXY", environment.http_proxy.as_deref()),
            (None, _) => ("HTTPS_PROXY", environment.https_proxy.as_deref()),
        };
        let Some(proxy) = proxy else { return Ok(Self::Direct) };
        if proxy_url.is_none() && (is_this_machine(server) || is_exempt(server, environment)) {
            return Ok(Self::Direct);
        }
        let unusable =
            || format!("{named_by} is not the URL of a proxy; expected http://, https:// or socks5://host:port");
        let intercept = Matcher::builder().all(proxy).build().intercept(server).ok_or_else(unusable)?;
        let connect =
            |intercept: &Intercept| Proxy { url: intercept.uri().clone(), auth: intercept.basic_auth().cloned() };
        match intercept.uri().scheme_str() {
            Some("http") => Ok(Self::Http(connect(&intercept))),
            Some("https") => Ok(Self::Https(connect(&intercept))),
            Some("socks5" | "socks5h") => {
                let user = intercept.raw_auth().map(|(name, password)| (name.to_owned(), password.to_owned()));
                Ok(Self::Socks(intercept.uri().clone(), user))
            }
            _ => Err(unusable()),
        }
    }
}

/// As in Go, the environment's proxy is not used for this machine itself.
fn is_this_machine(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_exempt(server: &Uri, environment: &Environment) -> bool {
    let Some(list) = &environment.no_proxy else { return false };
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    // Go also knows "host:port" and "*.domain".
    let items = list.split(',').map(str::trim).filter_map(|item| {
        let item = item.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(item);
        match item.rsplit_once(':') {
            Some((host, own)) if !host.contains(':') => own.parse::<u16>().is_ok_and(|own| own == port).then_some(host),
            _ => Some(item),
        }
    });
    let list = items.collect::<Vec<_>>().join(",");
    // The matcher needs some proxy to decide whether the list lets it be used.
    Matcher::builder().all("http://proxy").no(list).build().intercept(server).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(server: &str, proxy_url: Option<&str>, https_proxy: &str, no_proxy: &str) -> String {
        let value = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let environment = Environment { https_proxy: value(https_proxy), http_proxy: None, no_proxy: value(no_proxy) };
        match Way::to(&server.parse().unwrap(), proxy_url, &environment) {
            Ok(Way::Direct) => "direct".to_owned(),
            Ok(Way::Http(proxy)) => format!("http {}", proxy.url),
            Ok(Way::Https(proxy)) => format!("https {}", proxy.url),
            Ok(Way::Socks(url, user)) => format!("socks {url} {user:?}"),
            Err(error) => error,
        }
    }

    const SERVER: &str = "https://api.corp.example:6443";

    #[test]
    fn the_kubeconfig_comes_before_the_environment() {
        let via = "http http://p:3128/";
        assert_eq!(way(SERVER, None, "http://p:3128", ""), via);
        assert_eq!(way(SERVER, None, "p:3128", ""), via, "as curl takes it");
        assert_eq!(way(SERVER, Some("http://p:3128"), "http://other:1", "*"), via);
        assert_eq!(way(SERVER, None, "", ""), "direct");
        assert_eq!(way("http://api.example", None, "http://p:3128", ""), "direct", "HTTP_PROXY is for that");
        assert_eq!(way(SERVER, None, "https://p:3128", ""), "https https://p:3128/");
        assert_eq!(way(SERVER, Some("socks5://u:pw@p:1080"), "", ""), "socks socks5://p:1080/ Some((\"u\", \"pw\"))");
    }

    #[test]
    fn no_proxy_names_hosts_domains_addresses_and_networks() {
        let is_direct = |server: &str, no_proxy: &str| way(server, None, "http://p:3128", no_proxy) == "direct";
        for (server, no_proxy, expected) in [
            (SERVER, "api.corp.example", true),
            (SERVER, "other.example, corp.example", true),
            (SERVER, ".corp.example", true),
            (SERVER, "*.corp.example", true),
            (SERVER, "*", true),
            (SERVER, "corp.example:6443", true),
            (SERVER, "corp.example:443", false),
            (SERVER, "rp.example", false),
            (SERVER, ".api.corp.example.org", false),
            ("https://10.96.0.1:443", "10.96.0.0/12", true),
            ("https://10.96.0.1", "10.96.0.1", true),
            ("https://10.112.0.1", "10.96.0.0/12", false),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://[fd00::1]:6443", "10.0.0.0/8", false),
            ("https://127.0.0.1:6443", "", true),
            ("https://localhost:6443", "", true),
        ] {
            assert_eq!(is_direct(server, no_proxy), expected, "{server} with NO_PROXY={no_proxy}");
        }
    }

    #[test]
    fn an_error_about_a_proxy_does_not_show_its_password() {
        for url in ["ftp://u:hunter2@p", "http://u:hunter2@[", "socks4://u:hunter2@p"] {
            let error = way(SERVER, Some(url), "", "");
            assert!(
                error.starts_with("the kubeconfig's proxy-url is not the URL of a proxy") && !error.contains("hunter2")
            );
        }
        assert!(way(SERVER, None, "ftp://p", "").starts_with("HTTPS_PROXY is not the URL"));
    }
}
