//! `explain` gives each advice with the object that it is about, and it goes when it is followed.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::{Value, json};

/// A certificate that cannot be read, and a key.
const UNREADABLE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

struct Case {
    reason: &'static str,
    /// The object that it is about.
    object: Object,
    says: &'static str,
    follow: fn(&Scene),
}

fn pushes(to: &str) -> Object {
    secret("a/s").data("k", "v").note("replicate-to-namespaces", to)
}

fn to(scene: &Scene, value: &str) {
    scene.note("a/s", "replicate-to-namespaces", Some(&scene.full(value)));
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            reason: "ItemNamesNothing",
            object: pushes("{b},Team_A"),
            says: "Team_A",
            follow: |scene| to(scene, "{b}"),
        },
        Case {
            reason: "ListNamesNothing",
            object: pushes("!{b}"),
            says: "replicate-to-namespaces",
            follow: |scene| to(scene, "{b}"),
        },
        Case {
            reason: "NoNamespaceReached",
            object: pushes("nowhere"),
            says: "no namespace that exists",
            follow: |scene| to(scene, "{b}"),
        },
        Case {
            reason: "LooksLikeGlob",
            object: pushes("{b},team-*"),
            says: "team-*",
            follow: |scene| to(scene, "{b}"),
        },
        Case {
            reason: "NamesAreNamespaces",
            object: secret("a/s").data("k", "v").note("replicate-to", "{b}"),
            says: "replicate-to",
            follow: |scene| {
                scene.note("a/s", "replicate-to", None);
                to(scene, "{b}");
            },
        },
        Case {
            reason: "PushesOwnData",
            object: config_map("a/s")
                .data("k", "v")
                .note("replicate-to-namespaces", "{b}")
                .note("replicate-from", "{b}/f"),
            says: "replicate-from",
            follow: |scene| {
                scene.patch(
                    "configmaps",
                    "a/s",
                    &json!({"metadata": {"annotations": {scene.prefix() + "replicate-from": null}}}),
                );
            },
        },
        Case {
            reason: "UnknownAnnotation",
            object: secret("a/s").data("k", "v").note("replicated-by", "{b}/gone").note("replicated-buy", "x"),
            says: "replicated-buy",
            follow: |scene| drop(scene.note("a/s", "replicated-buy", None)),
        },
        Case {
            reason: "StubWillConflict",
            object: secret("a/s")
                .of_type("kubernetes.io/basic-auth")
                .data("username", "")
                .data("password", "")
                .note("replicate-from", "{b}/f"),
            says: "the field manager kubectl-create",
            follow: |scene| {
                // Without the keys in what is applied.
                scene.delete("a/s");
                scene.create(&secret("a/s").note("replicate-from", "{b}/f"));
            },
        },
        Case {
            reason: "CertificateUnreadable",
            object: secret("a/s")
                .of_type("kubernetes.io/tls")
                .data("tls.crt", UNREADABLE)
                .data("tls.key", "none")
                .note("replicate-to-namespaces", "{b}"),
            says: "tls.crt",
            follow: |scene| scene.delete("a/s"),
        },
    ]
}

pub(super) fn reasons() -> Vec<&'static str> {
    cases().iter().map(|case| case.reason).collect()
}

/// SPEC 8, 11.9, 11.10. Advice needs no controller: it is about what is written.
#[test]
pub(super) fn each_advice_is_given_and_goes_when_it_is_followed() {
    let scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    for case in cases() {
        let reason = case.reason;
        scene.create(&case.object);
        let kind = case.object.resource().trim_end_matches('s');
        let given = || -> Option<Value> {
            let answer = scene.explains(&format!("{kind} {{a}}/s"), &[]);
            answer["advice"].as_array()?.iter().find(|advice| advice["reason"] == reason).cloned()
        };
        let advice =
            given().unwrap_or_else(|| panic!("{reason}: {:#}", scene.explains(&format!("{kind} {{a}}/s"), &[])));
        assert!(advice.to_string().contains(case.says), "{reason}: {:?} is not in {advice:#}", case.says);
        assert!(advice["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{reason}");
        assert!(advice["command"].as_str().is_some_and(|command| command.starts_with("kubectl -n ")), "{reason}");
        let text = scene.says(&format!("explain {kind} {{a}}/s"), &[]);
        assert!(text.output.contains(&format!("{reason} on ")), "{reason}: {text:?}");
        (case.follow)(&scene);
        assert_eq!(given(), None, "{reason}");
        if scene.get_of(case.object.resource(), "a/s").is_some() {
            scene.delete_of(case.object.resource(), "a/s");
        }
    }
}
