//! SPEC 11.9: certificates as cert-manager and others issue and renew them, in steps, are copied as pairs.

use k8s_replicator_api_tests::{Object, Scene, secret};

/// A certificate or key of the tests beside the code that reads them.
macro_rules! pem {
    ($file:literal) => {
        include_str!(concat!("../../core/src/certificate/testdata/", $file))
    };
}

pub(crate) const FIRST: (&str, &str) = (pem!("p256.crt"), pem!("p256.key"));
pub(crate) const NEXT: (&str, &str) = (pem!("ed25519.crt"), pem!("ed25519.key"));

pub(crate) fn tls(key: &str, (certificate, private_key): (&str, &str)) -> Object {
    secret(key).of_type("kubernetes.io/tls").data("tls.crt", certificate).data("tls.key", private_key)
}

/// A source that pushes, and may be pulled from.
fn source(pair: (&str, &str)) -> Object {
    tls("a/s", pair).note("replicate-to-namespaces", "{b}").note("replication-allowed", "true")
}

/// The whole of a certificate's life: asked for with a key alone, issued, renewed with the key first. Neither who is pushed to nor who
/// pulls ever sees a half.
#[test]
fn an_issued_and_a_renewed_certificate_are_copied_as_pairs() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    scene.create(&tls("b/stub", ("", "")).note("replicate-from", "{a}/s"));
    scene.is_logged("b/stub", "refuse", "SourceMissing");

    let asked_for = scene.create(&source(("", FIRST.1)));
    for target in ["b/s", "b/stub"] {
        scene.is_logged(target, "refuse", "SourceIncomplete");
    }
    scene.barrier();
    assert_eq!(scene.get("b/s"), None);
    scene.has_data_of(&tls("b/stub", ("", "")));
    scene.stays(&asked_for);

    scene.put(&source(FIRST));
    let replicas = ["b/s", "b/stub"].map(|key| scene.has_data_of(&tls(key, FIRST)));
    // Each half alone, and none at all.
    for half in [(FIRST.0, NEXT.1), (NEXT.0, FIRST.1), ("", NEXT.1), (NEXT.0, ""), ("", "")] {
        scene.put(&source(half));
        scene.all_stay(&replicas);
    }
    scene.put(&source(NEXT));
    for key in ["b/s", "b/stub"] {
        scene.has_data_of(&tls(key, NEXT));
    }
    for target in ["b/s", "b/stub"] {
        let written = scene.changes().into_iter().filter(|change| format!("b/{}", change.name) == target).count();
        assert_eq!(written, 2, "{target}: the first pair and the next");
    }
}

/// What was held is held by a controller that is started then, too.
#[test]
fn a_half_is_held_over_a_restart() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    scene.create(&source(FIRST));
    let replica = scene.has_data_of(&tls("b/s", FIRST));
    scene.kill();
    scene.put(&source((FIRST.0, NEXT.1)));
    scene.start(&["--resync-period=0"]);
    scene.is_logged("b/s", "refuse", "SourceIncomplete");
    scene.stays(&replica);
    scene.put(&source(NEXT));
    scene.has_data_of(&tls("b/s", NEXT));
}

/// `--hold-incomplete-tls=false`: as v1.3.0 did.
#[test]
fn halves_are_copied_where_that_is_asked_for() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0", "--hold-incomplete-tls=false"]);
    for pair in [("", FIRST.1), (FIRST.0, NEXT.1), NEXT] {
        scene.put(&source(pair));
        scene.has_data_of(&tls("b/s", pair));
    }
}
