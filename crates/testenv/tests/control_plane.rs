//! Tests of the test environment itself, with the real programs.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use k8s_replicator_testenv::{Change, Client, ControlPlane, Fault, Proxy, Request, Rights, Settings};
use serde_json::json;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited too long: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn users_have_their_rights_and_their_requests_are_known_in_order() {
    let plane = ControlPlane::shared();
    let (admin, nobody) = (plane.user(Rights::Admin), plane.user(Rights::Nothing));
    let client = Client::new(&admin.kubeconfig).unwrap();
    let secret = json!({"metadata": {"name": "audited"}});
    client.request(&Method::POST, SECRETS, Some(&secret)).unwrap();
    client.get(SECRETS).unwrap();
    client.get(&format!("{SECRETS}?watch=true&timeoutSeconds=1")).unwrap();
    client.request(&Method::PATCH, &format!("{SECRETS}/audited"), Some(&json!({"type": "Opaque"}))).unwrap();
    client.request(&Method::DELETE, &format!("{SECRETS}/audited"), None).unwrap();
    assert_eq!(Client::new(&nobody.kubeconfig).unwrap().send(&Method::GET, SECRETS, None).unwrap().0, 403);

    wait_until("the audit log", || plane.requests(&admin).len() == 5 && plane.requests(&nobody).len() == 1);
    let requests = plane.requests(&admin);
    let listed: Vec<_> =
        requests.iter().map(|request| (request.verb.as_str(), request.name.as_str(), request.code)).collect();
    // A creation has no name in its path; the server fills it in from the object.
    let expected = [
        ("create", "audited", 201),
        ("list", "", 200),
        ("watch", "", 200),
        ("patch", "audited", 200),
        ("delete", "audited", 200),
    ];
    assert_eq!(listed, expected);
    let requests = plane.requests(&nobody);
    let received = requests.first().map(|request| request.received).unwrap_or_default();
    let now = jiff::Timestamp::now();
    assert!(received <= now && now.duration_since(received).as_secs() < 600, "{received}, and it is {now}");
    let refused = Request {
        verb: "list".into(),
        resource: "secrets".into(),
        subresource: String::new(),
        namespace: "default".into(),
        name: String::new(),
        code: 403,
        uri: SECRETS.into(),
        received,
        authorized: false,
    };
    assert_eq!(requests, [refused]);
}

#[test]
fn calls_work_inside_a_runtime_of_the_test_itself() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut proxy = Proxy::start(&ControlPlane::shared().user(Rights::Admin));
        Client::new(proxy.kubeconfig()).unwrap().get("/version").unwrap();
        proxy.stop();
    });
}

#[test]
fn a_namespace_terminates_until_it_is_finished() {
    let plane = ControlPlane::shared();
    let path = "/api/v1/namespaces/short-lived";
    plane.create_namespace("short-lived").unwrap();
    plane.terminate_namespace("short-lived").unwrap();
    assert_eq!(plane.client().get(path).unwrap()["status"]["phase"], "Terminating");
    plane.finish_namespace("short-lived").unwrap();
    assert_eq!(plane.client().send(&Method::GET, path, None).unwrap().0, 404);
}

/// Issue 9, section 5: with its controllers a deleted namespace really goes, with what is in it; and what nobody owns any more goes too.
#[test]
fn with_its_controllers_namespaces_and_orphans_go() {
    let plane = ControlPlane::start(Settings::default()).unwrap();
    let client = plane.client();
    plane.create_namespace("goes").unwrap();
    let secrets = "/api/v1/namespaces/goes/secrets";
    client.request(&Method::POST, secrets, Some(&json!({"metadata": {"name": "within"}}))).unwrap();
    let owner = client.request(&Method::POST, SECRETS, Some(&json!({"metadata": {"name": "owner"}}))).unwrap();
    let owner = json!({"apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": owner["metadata"]["uid"]});
    let owned = json!({"metadata": {"name": "owned", "ownerReferences": [owner]}});
    client.request(&Method::POST, SECRETS, Some(&owned)).unwrap();
    plane.start_controllers().unwrap();
    let first = plane.controllers_id();
    plane.start_controllers().unwrap();
    assert!(first.is_some() && plane.controllers_id() == first, "it is started once");
    plane.terminate_namespace("goes").unwrap();
    client.request(&Method::DELETE, &format!("{SECRETS}/owner"), None).unwrap();
    let is_gone = |path: &str| client.send(&Method::GET, path, None).unwrap().0 == 404;
    wait_until("the namespace goes", || is_gone("/api/v1/namespaces/goes"));
    wait_until("the orphan goes", || is_gone(&format!("{SECRETS}/owned")));
}

/// Issue 9, section 1: what a second API server shows can be later than what the first one does.
#[test]
fn a_second_api_server_shares_the_content_and_can_lag() {
    let plane = ControlPlane::shared();
    let second = plane.second_api_server().unwrap();
    assert_ne!(plane.url(), second.url());
    let user = plane.user(Rights::Admin);
    let there = Client::new(&second.kubeconfig_of(&user).unwrap()).unwrap();
    // Its cache, as a list at version 0 shows it.
    let cached = |name: &str| {
        let list = there.get(&format!("{SECRETS}?resourceVersion=0")).unwrap();
        list["items"].as_array().unwrap().iter().any(|item| item["metadata"]["name"] == name)
    };
    let make = |name: &str| {
        let secret = json!({"metadata": {"name": name}});
        plane.client().request(&Method::POST, SECRETS, Some(&secret)).unwrap();
        Instant::now()
    };
    make("in-both");
    wait_until("the second server's cache", || cached("in-both"));
    second.set_lag(Duration::from_millis(1500));
    let made = make("late");
    assert!(!cached("late"), "{:?} after it was made", made.elapsed());
    wait_until("the second server's cache", || cached("late"));
    assert!(made.elapsed() >= Duration::from_millis(1400), "{:?}", made.elapsed());
    second.kill();
    assert!(there.get("/version").is_err());
}

/// Issue 9, section 1: an API server and an etcd that are killed come back with all that was written, and a restored etcd with what
/// was there at the snapshot, where versions count from again.
#[test]
fn processes_come_back_and_etcd_can_be_restored() {
    let plane = ControlPlane::start(Settings::default()).unwrap();
    let client = plane.client();
    let make = |name: &str| {
        // The server needs a moment to find its etcd again.
        let secret = json!({"metadata": {"name": name}});
        wait_until("the secret is made", || client.request(&Method::POST, SECRETS, Some(&secret)).is_ok());
    };
    let is_there = |name: &str| client.send(&Method::GET, &format!("{SECRETS}/{name}"), None).unwrap().0 == 200;
    let version =
        || -> u64 { client.get(SECRETS).unwrap()["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap() };
    make("before");
    plane.kill_api_server();
    assert!(client.get(SECRETS).is_err());
    plane.kill_etcd();
    plane.bring_back().unwrap();
    assert!(is_there("before"));

    let snapshot = plane.snapshot().unwrap();
    wait_until("etcd is back", || client.get(SECRETS).is_ok());
    (0..20).for_each(|number| make(&format!("after-{number}")));
    let latest = version();
    plane.restore(&snapshot).unwrap();
    assert!(is_there("before") && !is_there("after-0"));
    assert!(version() < latest, "{} after {latest}", version());
    // It can be done again.
    plane.restore(&snapshot).unwrap();
    assert!(is_there("before"));
}

#[test]
fn the_proxy_passes_and_breaks_as_told() {
    let plane = ControlPlane::shared();
    let user = plane.user(Rights::Admin);
    let mut proxy = Proxy::start(&user);
    let client = Client::new(proxy.kubeconfig()).unwrap();
    let get = |path: &str| client.send(&Method::GET, path, None);

    assert_eq!(get("/version").unwrap().0, 200);
    proxy.set_rule(|request| match request.path.as_str() {
        "/limited" => {
            Fault::Status { code: 429, headers: vec![("Retry-After".into(), "1".into())], body: "slow down".into() }
        }
        "/version" => Fault::Disconnect,
        SECRETS if request.is_watch() => Fault::CloseAtOnce,
        SECRETS if request.method == "POST" => Fault::LoseReply,
        _ => Fault::Delay(Duration::from_millis(1)),
    });
    assert_eq!(get("/limited").unwrap(), (429, "slow down".into()));
    assert!(get("/version").is_err());
    assert_eq!(get(&format!("{SECRETS}?watch=true")).unwrap(), (200, String::new()));
    let secret = json!({"metadata": {"name": "lost-reply"}});
    assert!(client.send(&Method::POST, SECRETS, Some(&secret)).is_err());
    // The request reached the server all the same.
    assert_eq!(get(&format!("{SECRETS}/lost-reply")).unwrap().0, 200);
    let seen: Vec<_> = proxy.seen().into_iter().map(|request| request.path).collect();
    assert_eq!(seen, ["/version", "/limited", "/version", SECRETS, SECRETS, &format!("{SECRETS}/lost-reply")]);

    proxy.stop();
    assert!(get(SECRETS).is_err());
    proxy.start_again();
    assert_eq!(get(SECRETS).unwrap().0, 200);
}

#[test]
fn a_late_reply_is_of_what_was_done_at_once() {
    let plane = ControlPlane::shared();
    let mut proxy = Proxy::start(&plane.user(Rights::Admin));
    let client = Client::new(proxy.kubeconfig()).unwrap();
    proxy.set_rule(|_| Fault::DelayReply(Duration::from_secs(3_600)));
    thread::scope(|scope| {
        let secret = json!({"metadata": {"name": "late-reply"}});
        let late = scope.spawn(move || client.send(&Method::POST, SECRETS, Some(&secret)));
        let path = format!("{SECRETS}/late-reply");
        wait_until("the request is carried out", || plane.client().get(&path).is_ok());
        assert!(!late.is_finished());
        proxy.stop();
        assert!(late.join().unwrap().is_err());
    });
}

#[test]
fn every_state_that_there_was_is_remembered() {
    let maps = "/api/v1/namespaces/default/configmaps";
    let plane = ControlPlane::start(Settings { keeps_history: true, ..Settings::default() }).unwrap();
    let value = |value| json!({"metadata": {"name": "kept"}, "data": {"k": value}});
    let made = plane.client().request(&Method::POST, maps, Some(&value("1"))).unwrap();
    let edited = plane.client().request(&Method::PATCH, &format!("{maps}/kept"), Some(&value("2"))).unwrap();
    plane.client().request(&Method::DELETE, &format!("{maps}/kept"), None).unwrap();
    // No API server is needed for it, and etcd has it in its files.
    plane.kill_etcd();
    plane.bring_back().unwrap();
    plane.kill_api_server();
    let mut found = Vec::new();
    let keep = |change: Change| {
        if change.key == "/registry/configmaps/default/kept" {
            found.push((change.revision.to_string(), change.object.map(|object| object["data"]["k"].clone())));
        }
        Ok(())
    };
    plane.history(&["configmaps"], keep).unwrap();
    let version = |object: &serde_json::Value| object["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    assert_eq!(found[..2], [(version(&made), Some(json!("1"))), (version(&edited), Some(json!("2")))]);
    assert_eq!((found.len(), &found[2].1), (3, &None));
    assert!(ControlPlane::shared().history(&["configmaps"], |_| Ok(())).is_err());
}

#[test]
fn a_watch_flows_through_the_proxy_event_by_event() {
    let plane = ControlPlane::shared();
    let proxy = Proxy::start(&plane.user(Rights::Admin));
    let server = std::fs::read_to_string(proxy.kubeconfig()).unwrap();
    let address = server.split("http://").nth(1).unwrap().lines().next().unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let path = "/api/v1/namespaces?watch=true&fieldSelector=metadata.name=watched";
    std::io::Write::write_all(&mut stream, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "HTTP/1.1 200 OK");
    for (change, event) in [("create", "ADDED"), ("terminate", "MODIFIED"), ("finish", "DELETED")] {
        match change {
            "create" => plane.create_namespace("watched"),
            "terminate" => plane.terminate_namespace("watched"),
            _ => plane.finish_namespace("watched"),
        }
        .unwrap();
        // The answer has no end; each event must come before the next change is made.
        assert!(lines.any(|line| line.contains(&format!("\"type\":\"{event}\""))), "{event}");
    }
}

#[test]
fn a_program_that_does_not_start_shows_the_end_of_its_log() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = ControlPlane::start(Settings { port: Some(port), ..Settings::default() }).err().unwrap().to_string();
    assert!(error.starts_with("kube-apiserver ended (exit status: 1); the last it wrote:"), "{error}");
    assert!(error.contains("address already in use"), "{error}");
}

#[test]
fn nothing_is_left_of_a_process_that_was_killed() {
    // The process to be killed is this test once more.
    const ROLE: &str = "TO_BE_KILLED";
    if std::env::var_os(ROLE).is_some() {
        println!("\ndir {}", ControlPlane::shared().dir().display());
        thread::sleep(Duration::from_secs(60));
        return;
    }
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_is_left_of_a_process_that_was_killed", "--nocapture"])
        .env(ROLE, "")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let dir = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("dir ").map(str::to_owned)).unwrap();
    assert_eq!(processes_of(&dir), 2);
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the watchdog", || processes_of(&dir) == 0 && !Path::new(&dir).exists());
}

/// How many processes have `dir` among their arguments, without the watchdog's shell.
fn processes_of(dir: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    // Processes end while one looks: what cannot be read any more does not count.
    let lines = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(&format!("={dir}/"))).count()
}

#[test]
fn a_service_accounts_tokens_are_told_apart() {
    let plane = ControlPlane::shared();
    let account = json!({"metadata": {"name": "replicator"}});
    plane.client().request(&Method::POST, "/api/v1/namespaces/default/serviceaccounts", Some(&account)).unwrap();
    let [first, second] = [0, 1].map(|_| plane.service_account("default", "replicator").unwrap());
    assert_eq!(first.name, "system:serviceaccount:default:replicator");
    for (user, times) in [(&first, 1), (&second, 2)] {
        let client = Client::new(&user.kubeconfig).unwrap();
        (0..times).for_each(|_| assert_eq!(client.send(&Method::GET, SECRETS, None).unwrap().0, 403));
    }
    wait_until("the audit log", || plane.requests(&first).len() == 1 && plane.requests(&second).len() == 2);
    assert!(plane.requests(&first).iter().all(|request| !request.authorized && request.code == 403));
}
