//! Where the status is served.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use k8s_replicator_core::names::is_subdomain;
use socket2::{Domain, Protocol, Socket, Type};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// `host:port` as in `--status-address`. Its `Display` is an address that can be bound: without a host it is that of all
/// interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusAddress {
    host: Option<Host>,
    /// The port; 0 leaves the choice to the system.
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

impl StatusAddress {
    /// Reads `:port`, `name:port`, `1.2.3.4:port` or `[::1]:port`. `None`: it is none of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        // Rust would take a sign for a part of the number.
        let port = port.bytes().all(|digit| digit.is_ascii_digit()).then(|| port.parse().ok())??;
        let host = match host.strip_prefix('[') {
            Some(inside) => Some(Host::Address(inside.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into())),
            None if host.is_empty() => None,
            None => match host.parse::<Ipv4Addr>() {
                Ok(address) => Some(Host::Address(address.into())),
                Err(_) if is_host_name(host) => Some(Host::Name(host.to_owned())),
                Err(_) => return None,
            },
        };
        Some(Self { host, port })
    }

    /// The same; without a host it is that of this machine alone.
    #[must_use]
    pub fn or_loopback(self) -> Self {
        Self { host: self.host.or(Some(Host::Address(Ipv4Addr::LOCALHOST.into()))), ..self }
    }

    /// Listens on the first of the addresses that the system has. On `[::]`, which is also what is meant without a host, that is IPv6
    /// and IPv4, whatever the system's default is. The socket does not block, as tokio wants it. A name is looked up, which may take
    /// time.
    ///
    /// # Errors
    /// When a name cannot be looked up, or none of the addresses can be had.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.resolve()? {
            match listen(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// The addresses to bind, the best first; the first that the system has is enough.
    fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.host {
            // A system without IPv6 refuses the first.
            None => Ok(vec![(Ipv6Addr::UNSPECIFIED, self.port).into(), (Ipv4Addr::UNSPECIFIED, self.port).into()]),
            Some(Host::Address(address)) => Ok(vec![(*address, self.port).into()]),
            Some(Host::Name(name)) => Ok((name.as_str(), self.port).to_socket_addrs()?.collect()),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // As tokio does: else a program that is started again at once would find its address taken.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether a text is a DNS name. One that ends in a number would be an address (RFC 1123), and a wrong one.
fn is_host_name(text: &str) -> bool {
    let ends_in_number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    is_subdomain(&text.to_ascii_lowercase()) && !ends_in_number
}

impl fmt::Display for StatusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, "[::]:{}", self.port),
            Some(Host::Address(address)) => write!(f, "{}", SocketAddr::new(*address, self.port)),
            Some(Host::Name(name)) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let good = [
            (":9102", "[::]:9102"),
            (":0", "[::]:0"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("0.0.0.0:65535", "0.0.0.0:65535"),
            ("[::1]:80", "[::1]:80"),
            ("[::]:80", "[::]:80"),
            ("localhost:9102", "localhost:9102"),
            ("Status.example.com:1", "Status.example.com:1"),
        ];
        for (text, expected) in good {
            assert_eq!(
                StatusAddress::parse(text).map(|address| address.to_string()).as_deref(),
                Some(expected),
                "{text:?}"
            );
        }
        let bad = [
            "",
            ":",
            "9102",
            "localhost",
            "localhost:",
            ":http",
            ":-1",
            ":+1",
            ":65536",
            ": 1",
            " :1",
            "::1:80",
            "::1",
            "[::1]",
            "[::1:80",
            "::1]:80",
            "[]:80",
            "[127.0.0.1]:80",
            "[::1]x:80",
            "1.2.3:80",
            "1.2.3.4.5:80",
            "256.0.0.1:80",
            "a_b:80",
            "-a:80",
            "http://a:80",
            "a b:1",
            "[fe80::1%eth0]:80",
        ];
        for text in bad {
            assert_eq!(StatusAddress::parse(text), None, "{text:?}");
        }
    }

    /// Issue 9: `[::]` and no host are for IPv4 too.
    #[test]
    fn the_address_of_all_interfaces_is_for_both_protocols() {
        for text in [":0", "[::]:0"] {
            let listener = StatusAddress::parse(text).unwrap().listen().unwrap();
            let port = listener.local_addr().unwrap().port();
            std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_or_else(|error| panic!("{text}: {error}"));
            if listener.local_addr().unwrap().is_ipv6() {
                std::net::TcpStream::connect((Ipv6Addr::LOCALHOST, port))
                    .unwrap_or_else(|error| panic!("{text}: {error}"));
            }
        }
        let listener = StatusAddress::parse("127.0.0.1:0").unwrap().listen().unwrap();
        let taken = StatusAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        assert_eq!(taken.listen().unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_without_a_host_is_that_of_all_interfaces() {
        let resolve = |text| StatusAddress::parse(text).unwrap().resolve().unwrap();
        assert_eq!(resolve(":1"), ["[::]:1".parse().unwrap(), "0.0.0.0:1".parse().unwrap()]);
        assert_eq!(resolve("[::1]:1"), ["[::1]:1".parse().unwrap()]);
        assert_eq!(resolve("127.0.0.1:0"), ["127.0.0.1:0".parse().unwrap()]);
        assert!(resolve("localhost:1").iter().all(|address| address.ip().is_loopback() && address.port() == 1));
    }
}
