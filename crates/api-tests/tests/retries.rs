//! SPEC 9.1, 9.9: failed writes are tried again, target by target; many at once; and the server's `Retry-After` is obeyed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_replicator_api_tests::{Scene, config_map, secret};
use k8s_replicator_testenv::{Fault, Proxy, RequestView};

/// The moments at which requests came to a proxy.
#[derive(Clone, Default)]
struct Moments(Arc<Mutex<Vec<Instant>>>);

impl Moments {
    fn note(&self) -> usize {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moments.push(Instant::now());
        moments.len()
    }

    fn all(&self) -> Vec<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn gaps(&self) -> Vec<Duration> {
        self.all().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// Writes to this object, or creations in this namespace, fail.
fn fail(proxy: &Proxy, path_end: String) {
    proxy.set_rule(move |request| match is_write(request) && request.path.ends_with(&path_end) {
        true => Fault::status(500),
        false => Fault::Pass,
    });
}

fn is_write(request: &RequestView) -> bool {
    request.method != "GET"
}

fn too_many(seconds: u32) -> Fault {
    Fault::Status { code: 429, headers: vec![("Retry-After".into(), seconds.to_string())], body: String::new() }
}

/// SPEC 9.1: whatever the write was, it is tried again; the failure holds up no other target, and is logged.
#[test]
fn a_failed_write_is_tried_again_and_holds_up_no_other() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    for kind in [secret, config_map] {
        let source = |value: &str| kind("a/s").data("k", value).note("replicate-to-namespaces", "{b},{c}");
        let (bad, good) = (kind("b/s"), kind("c/s"));
        let resource = bad.resource();
        fail(&proxy, format!("/namespaces/{}/{resource}", scene.namespace_name("b")));
        scene.put(&source("1"));
        scene.has_data_of(&good.clone().data("k", "1"));
        scene.is_logged("b/s", "create", "ServerError");
        assert_eq!(scene.get_of(resource, "b/s"), None);
        proxy.set_rule(|_| Fault::Pass);
        scene.has_data_of(&bad.clone().data("k", "1"));

        fail(&proxy, format!("/namespaces/{}/{resource}/s", scene.namespace_name("b")));
        scene.put(&source("2"));
        scene.has_data_of(&good.clone().data("k", "2"));
        scene.is_logged("b/s", "update", "ServerError");
        scene.has_data_of(&bad.clone().data("k", "1"));
        proxy.set_rule(|_| Fault::Pass);
        scene.has_data_of(&bad.clone().data("k", "2"));

        fail(&proxy, format!("/namespaces/{}/{resource}/s", scene.namespace_name("b")));
        scene.remove(&source("2"));
        scene.is_deleted(&good);
        scene.is_logged("b/s", "delete", "ServerError");
        scene.has_data_of(&bad.clone().data("k", "2"));
        proxy.set_rule(|_| Fault::Pass);
        scene.is_deleted(&bad);
    }
}

/// SPEC 9.1: a source that cannot be read holds up nobody but those who wait for it.
#[test]
fn a_failed_read_is_tried_again_and_holds_up_no_other() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    proxy.set_rule(|request| if request.path.ends_with("/secrets/bad") { Fault::status(503) } else { Fault::Pass });
    for name in ["bad", "good"] {
        scene.create(&secret(&format!("a/{name}")).data("k", name).note("replicate-to-namespaces", "{b}"));
    }
    scene.has_data("b/good", &[("k", "good")]);
    scene.is_logged("b/bad", "read", "ServerError");
    proxy.set_rule(|_| Fault::Pass);
    scene.has_data("b/bad", &[("k", "bad")]);
}

/// SPEC 9.1: the pauses grow.
#[test]
fn the_pauses_between_attempts_grow() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    let attempts = Moments::default();
    let note = attempts.clone();
    proxy.set_rule(move |request| {
        if !is_write(request) {
            return Fault::Pass;
        }
        note.note();
        Fault::status(500)
    });
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    scene.until("five attempts", || (attempts.all().len() >= 5).then_some(()));
    for (gap, least) in attempts.gaps().iter().zip([100, 200, 400, 800]) {
        assert!(*gap >= Duration::from_millis(least), "{:?}", attempts.gaps());
    }
    proxy.set_rule(|_| Fault::Pass);
    scene.has_data("b/s", &[("k", "v")]);
}

/// SPEC 9.9: after 429 nothing is asked for as long as the server says, and then it goes on by itself.
#[test]
fn retry_after_is_obeyed() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &["--run-replicators=secret"]);
    let (refused, after) = (Moments::default(), Moments::default());
    let (note_refused, note_after) = (refused.clone(), after.clone());
    proxy.set_rule(move |request| {
        if request.is_watch() {
            return Fault::Pass;
        }
        // What was under way already when the server said so cannot be called back.
        let just_refused =
            note_refused.all().first().is_none_or(|first| first.elapsed() < Duration::from_millis(1_500));
        if is_write(request) && just_refused {
            note_refused.note();
            return too_many(3);
        }
        note_after.note();
        Fault::Pass
    });
    let to = (0..40).map(|n| format!("{{b}}/t{n}")).collect::<Vec<_>>().join(",");
    scene.create(&secret("a/s").data("k", "v").note("replicate-to", &to));
    for n in 0..40 {
        scene.has_data(&format!("b/t{n}"), &[("k", "v")]);
    }
    let refused = refused.all();
    let next = after.all().into_iter().find(|moment| *moment > refused[0]).map(|moment| moment - refused[0]);
    assert!(next >= Some(Duration::from_millis(2_900)), "{next:?} after {} refusals", refused.len());
    scene.is_logged("b/t0", "create", "Throttled");
}

/// SPEC 9.9: the same for lists and watches.
#[test]
fn retry_after_is_obeyed_by_lists_and_watches() {
    let mut scene = Scene::new();
    let proxy = scene.proxy();
    let (lists, watches) = (Moments::default(), Moments::default());
    let (note_list, note_watch) = (lists.clone(), watches.clone());
    proxy.set_rule(move |request| {
        let moments = match request.path.as_str() {
            "/api/v1/secrets" if request.is_watch() => &note_watch,
            // There may be more than fit into one page: other tests make some, too.
            "/api/v1/secrets" if !request.query.contains("continue=") => &note_list,
            _ => return Fault::Pass,
        };
        if moments.note() == 1 { too_many(3) } else { Fault::Pass }
    });
    scene.start_behind(&proxy, &[]);
    scene.until("a second watch", || (watches.all().len() >= 2).then_some(()));
    for moments in [lists, watches] {
        let gaps = moments.gaps();
        assert!(gaps.len() == 1 && gaps[0] >= Duration::from_millis(2_900), "{gaps:?}");
    }
}

/// SPEC 9.9: many targets at once; one whose write is not answered holds up nobody.
#[test]
fn many_targets_at_once_without_waiting_for_a_slow_one() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "slow"]);
    let proxy = scene.proxy();
    scene.start_behind(&proxy, &[]);
    let (slow, pause) = (scene.namespace_name("slow"), Duration::from_millis(400));
    let begun = Moments::default();
    let note = begun.clone();
    proxy.set_rule(move |request| match is_write(request) {
        true if request.path.contains(&slow) => Fault::Hang,
        true => {
            note.note();
            Fault::Delay(pause)
        }
        false => Fault::Pass,
    });
    let to = (0..30).map(|n| format!("{{b}}/t{n}")).collect::<Vec<_>>().join(",");
    scene.create(&secret("a/s").data("k", "v").note("replicate-to", &format!("{{slow}}/t,{to}")));
    for n in 0..30 {
        scene.has_data(&format!("b/t{n}"), &[("k", "v")]);
    }
    // One after the other, each would begin after the one before had its answer, however slow the machine is.
    let (gaps, is_short) = (begun.gaps(), |gap: &&Duration| **gap < pause);
    assert!(gaps.iter().filter(is_short).count() >= 20, "{gaps:?}");
    assert_eq!(scene.get("slow/t"), None);
}
