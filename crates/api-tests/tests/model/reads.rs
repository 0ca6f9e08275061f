//! What the controller reads by: lists in pages, tokens that are broken or expired, watches with bookmarks, with an end, and from a
//! version that is too old; of Namespaces too. On a control plane of its own, since all is listed, and etcd is compacted.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use k8s_replicator_sim::api::object::Id;
use k8s_replicator_sim::api::server::Outcome;
use k8s_replicator_sim::dice::Dice;
use k8s_replicator_testenv::{Client, ControlPlane, Rights, Settings};
use serde_json::{Value, json};

use super::answer::Answer;
use super::pair::{
    self, Ask, JSON, JSON_METADATA, JSON_METADATA_LIST, LASTS, METADATA, METADATA_LIST, Pair, Seen, events, watching,
};
use super::random::request;

/// So many every API server makes for itself: `default`, `kube-system` and the like.
const OWN: usize = 4;
/// For what must happen.
const LIMIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);
const FORMS: [&str; 2] = [METADATA_LIST, JSON_METADATA_LIST];

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn post(object: Value) -> Ask {
    ("POST", JSON, "?fieldManager=user", Box::new(move |_| object.clone()))
}

/// A control plane, and a model with the same Namespaces: its own, `m` and `n`.
fn both(plane: &ControlPlane) -> Pair {
    let mut pair = Pair::of(plane.client().clone(), "m");
    let end = Instant::now() + LIMIT;
    let mut own = loop {
        let list = pair.real("GET", "/api/v1/namespaces", [JSON, ""], &Value::Null).json();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        if items.len() == OWN {
            break items;
        }
        assert!(Instant::now() < end, "the API server makes its Namespaces: {list}");
        std::thread::sleep(LOOK);
    };
    own.sort_by_key(|item| Seen::of(item).version.parse::<u64>().expect("a number"));
    for item in own {
        let namespace = namespace(item["metadata"]["name"].as_str().expect("a name"));
        let made = pair.model("POST", "/api/v1/namespaces?fieldManager=kube-apiserver", [JSON, JSON], &namespace);
        assert_eq!(made.status, 201, "{}", made.json());
    }
    for name in ["m", "n"] {
        pair.ask(&Id::of_namespace(name), &<[Seen; 2]>::default(), METADATA, &post(namespace(name)));
    }
    pair
}

/// A user's JSON Patch of the object as it is.
fn change(pair: &mut Pair, id: &Id, operations: &Value) {
    let (operations, seen) = (operations.clone(), pair.seen[&id.to_string()].last().cloned().unwrap_or_default());
    let body = move |seen: &Seen| {
        let is = [("uid", &seen.uid), ("resourceVersion", &seen.version)];
        let is = is.map(|(name, value)| json!({ "op": "add", "path": format!("/metadata/{name}"), "value": value }));
        let mut all = operations.clone();
        all.as_array_mut().expect("operations").extend(is);
        all
    };
    pair.ask(id, &seen, METADATA, &("PATCH", "application/json-patch+json", "?fieldManager=user", Box::new(body)));
}

/// The versions of a list's items, each by its rank: the order in which they were written.
fn ranks(list: &Value) -> Vec<usize> {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let version = |item: &Value| -> u64 { Seen::of(item).version.parse().expect("a number") };
    let versions: Vec<u64> = items.iter().map(version).collect();
    let of_list: u64 = Seen::of(list).version.parse().expect("a number");
    assert!(versions.iter().all(|version| *version <= of_list), "{list}");
    versions.iter().map(|version| versions.iter().filter(|other| *other < version).count()).collect()
}

/// Both answer a page alike; the tokens of the next one.
fn page(pair: &mut Pair, path: &str, tokens: &[String; 2], accept: &str) -> [Answer; 2] {
    let path = |token: &String| if token.is_empty() { path.to_owned() } else { format!("{path}&continue={token}") };
    let types = [accept, ""];
    let answers = [
        pair.real("GET", &path(&tokens[0]), types, &Value::Null),
        pair.model("GET", &path(&tokens[1]), types, &Value::Null),
    ];
    pair.history.push(format!("GET {} ({accept})\n  → {}", path(&tokens[0]), answers[0].json()));
    pair.alike(&answers[0], &answers[1]);
    answers
}

/// The tokens of the next page, as a query has them.
fn tokens(pages: &[Answer; 2]) -> [String; 2] {
    [&pages[0], &pages[1]].map(|page| {
        let token = page.json()["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    })
}

/// A whole list in pages, during which others write.
fn list(pair: &mut Pair, dice: &mut Dice, path: &str, accept: &str, is_disturbed: bool) {
    let mut next = [String::new(), String::new()];
    let mut version = None;
    loop {
        let pages = page(pair, path, &next, accept);
        let [real, model] = [&pages[0], &pages[1]].map(Answer::json);
        assert_eq!(ranks(&real), ranks(&model), "{}", pair.history.join("\n"));
        // All pages show one moment.
        let is = [&real, &model].map(|list| Seen::of(list).version);
        assert_eq!(version.get_or_insert_with(|| is.clone()), &is, "{}", pair.history.join("\n"));
        next = tokens(&pages);
        if next[0].is_empty() {
            return;
        }
        if is_disturbed {
            (0..3).for_each(|_| request(pair, dice, "p"));
        }
    }
}

#[test]
fn lists_and_watches_are_the_same() {
    let plane = ControlPlane::start(Settings::default()).expect("a control plane");
    let mut pair = both(&plane);
    let mut dice = Dice::new(7);

    // Of Namespaces, and of objects, by one who follows and one who lists.
    let watched = ["/api/v1/namespaces", "/api/v1/secrets", "/api/v1/namespaces/m/configmaps"];
    let watches: Vec<_> = watched
        .iter()
        .flat_map(|path| [METADATA, JSON_METADATA].map(|accept| (*path, accept)))
        .map(|(path, accept)| (pair.watch(path, accept, LASTS), accept))
        .collect();
    let begun = watches[0].0.0.clone();
    for prefix in ["a", "b", "c", "d"] {
        (0..20).for_each(|_| request(&mut pair, &mut dice, prefix));
    }
    pair.namespace = "n".to_owned();
    (0..30).for_each(|_| request(&mut pair, &mut dice, "a"));
    pair.namespace = "m".to_owned();

    // A Namespace comes, is labelled, and goes.
    let late = Id::of_namespace("late");
    pair.ask(&late, &<[Seen; 2]>::default(), METADATA, &post(namespace("late")));
    pair.ask(&late, &<[Seen; 2]>::default(), METADATA, &post(namespace("late")));
    for operations in [
        json!([{ "op": "add", "path": "/metadata/labels/team", "value": "x" }]),
        json!([{ "op": "add", "path": "/metadata/annotations", "value": { "p/a": "x" } }]),
        json!([{ "op": "remove", "path": "/metadata/labels/team" }]),
        json!([{ "op": "remove", "path": "/metadata/labels" }]),
        json!([{ "op": "remove", "path": "/metadata/annotations" }]),
    ] {
        change(&mut pair, &late, &operations);
    }
    let seen = pair.seen[&late.to_string()].last().cloned().unwrap_or_default();
    pair.ask(&late, &seen, METADATA, &("DELETE", JSON, "", Box::new(|_| json!({}))));
    plane.finish_namespace("late").expect("it goes");
    pair.store.remove(Duration::from_secs(1), &late);
    pair.look(&late, METADATA);
    pair.events_are_alike(watches);

    for accept in FORMS {
        for (path, limits) in [
            ("/api/v1/namespaces", &[1, 4, 500][..]),
            ("/api/v1/secrets", &[1, 3, 500]),
            ("/api/v1/namespaces/m/configmaps", &[1, 2, 500]),
            ("/api/v1/namespaces/nowhere/secrets", &[2]),
        ] {
            for limit in limits {
                list(&mut pair, &mut dice, &format!("{path}?limit={limit}"), accept, *limit < 500);
            }
        }
    }

    // A watch ends when its time is over, and not before, and tells where it is two seconds before that: until then
    // both have to have begun, and something has to be changed, on a busy machine too.
    let lasts = Duration::from_secs(20);
    let watcher = plane.user(Rights::Admin);
    let watches = [METADATA, JSON_METADATA].map(|accept| {
        let (path, stream) = pair.watch("/api/v1/namespaces", accept, lasts.as_secs());
        let client = Client::new(&watcher.kubeconfig).expect("a client");
        let asked = Instant::now();
        let real =
            std::thread::spawn(move || (pair::ask(&client, "GET", &path, [accept, ""], &Value::Null), asked.elapsed()));
        (real, stream)
    });
    // A bookmark is sent where its version is newer than that of the events which the watch began with: so something is changed once
    // both have begun.
    let limit = Instant::now() + LIMIT;
    while plane.requests(&watcher).iter().filter(|request| request.verb == "watch").count() < 2 {
        assert!(Instant::now() < limit, "the watches begin");
        std::thread::sleep(LOOK);
    }
    let labelled = json!([{ "op": "add", "path": "/metadata/labels/team", "value": "y" }]);
    change(&mut pair, &Id::of_namespace("n"), &labelled);
    for (real, mut stream) in watches {
        let (real, took) = real.join().expect("an answer");
        assert!(took >= lasts, "{took:?}");
        let (begun, mut real) = (Duration::from_secs(1), events(real));
        // The API server may send it once more a moment later.
        real.dedup();
        assert_eq!(stream.ends, begun + lasts);
        let mut model = pair.model_events(&mut stream, begun + lasts / 2);
        assert!(model.len() == 2, "it is not time yet");
        model.extend(pair.model_events(&mut stream, begun + lasts).split_off(1));
        assert_eq!(real, model, "left: the API server's watch with its bookmark, right: the model's");
        assert!(real.len() == 3 && real[2].contains("BOOKMARK"), "{real:?}");
    }

    // Tokens and versions that nobody gave.
    for accept in FORMS {
        for (token, is_read) in [
            (r#"{}"#, true),
            (r#"{"v":"v2","rv":100,"start":"a"}"#, true),
            (r#"{"v":"meta.k8s.io/v1","rv":100}"#, true),
            ("no", false),
        ] {
            let token = BASE64.encode(token);
            let path = format!("/api/v1/secrets?limit=2&continue={token}");
            let answers = pair.both_get(&path, accept);
            if is_read {
                pair.alike(&answers[0], &answers[1]);
                continue;
            }
            // Why it cannot be read is said in Go's words.
            let start = "invalid continue token: continue key is not valid: ";
            let shown = answers.map(|answer| {
                let status = answer.json();
                let is_said = status["message"].as_str().is_some_and(|message| message.starts_with(start));
                (answer.status, answer.content_type, status["reason"].clone(), is_said)
            });
            assert!(shown[0] == shown[1] && shown[0].3, "{shown:?}");
        }
    }
    for accept in [METADATA, JSON_METADATA] {
        for version in ["none", "-1", "1.5"] {
            let path = format!("/api/v1/secrets?{}&resourceVersion={version}", watching(1));
            let [real, model] = pair.both_get(&path, accept);
            pair.alike(&real, &model);
        }
    }

    // etcd drops what is old, and the API server comes back with a cache that begins now.
    let half = FORMS
        .map(|accept| (accept, tokens(&page(&mut pair, "/api/v1/secrets?limit=1", &<[String; 2]>::default(), accept))));
    let model_began = pair.store.revision;
    (0..10).for_each(|_| request(&mut pair, &mut dice, "e"));
    plane.kill_api_server();
    plane.compact().expect("etcd is compacted");
    plane.bring_back().expect("it comes back");
    pair.store.compact();
    for (accept, next) in half {
        assert!(next.iter().all(|token| !token.is_empty()));
        let path = |token: &String| format!("/api/v1/secrets?limit=1&continue={token}");
        let real = pair.real("GET", &path(&next[0]), [accept, ""], &Value::Null);
        let model = pair.model("GET", &path(&next[1]), [accept, ""], &Value::Null);
        assert_eq!((real.status, real.json()["reason"].as_str()), (410, Some("Expired")), "{}", real.json());
        pair.alike(&real, &model);
        // Both tell how to go on at another moment.
        let rest = tokens(&[real, model]);
        let pages = page(&mut pair, "/api/v1/secrets?limit=500", &rest, accept);
        assert_eq!(ranks(&pages[0].json()), ranks(&pages[1].json()));
    }
    for accept in [METADATA, JSON_METADATA] {
        let real = events(pair.real("GET", &begun, [accept, ""], &Value::Null));
        let path = format!("/api/v1/namespaces?{}&resourceVersion={}", watching(1), model_began);
        let Outcome::Stream(mut stream) = pair.model_answers("GET", &path, [accept, ""], &Value::Null) else {
            panic!("an answer, and no watch")
        };
        let model = pair.model_events(&mut stream, Duration::from_secs(1));
        assert_eq!(real, model, "a watch from a version that is too old");
        assert!(real[0].starts_with("200 ") && real[1].contains("ERROR") && real.len() == 2, "{real:?}");
        assert_eq!(stream.ends, Duration::from_secs(1), "it ends at once");
    }
}
