//! Issue 10, SPEC 11.10: what helm owns and the controller fills, with the real helm 4. Each test asserts what is observed, so that
//! a change in helm or in the API server is noticed; `docs/gitops.md` describes it to users.

use std::path::{Path, PathBuf};

use k8s_replicator_api_tests::chart::{Rendered, helm};
use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use k8s_replicator_testenv::Said;
use serde_json::{Value, json};

/// How helm sends its manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// helm 4's default.
    ServerSide,
    /// As helm 3 did.
    ClientSide,
}

impl Way {
    const BOTH: [Self; 2] = [Self::ServerSide, Self::ClientSide];

    fn flag(self) -> &'static str {
        match self {
            Self::ServerSide => "--server-side=true",
            Self::ClientSide => "--server-side=false",
        }
    }
}

/// A small chart, released into the namespace `b`.
struct Release<'s> {
    scene: &'s Scene,
    chart: PathBuf,
}

impl<'s> Release<'s> {
    /// A chart with these objects. Each has a label that follows the chart's value `version`.
    fn of(scene: &'s Scene, objects: &[Object]) -> Self {
        let name = format!("gitops-{}-{}", std::process::id(), scene.namespace_name("b"));
        let chart = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(chart.join("templates")).expect("a folder");
        std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: small\nversion: 1.0.0\n").expect("a file");
        std::fs::write(chart.join("values.yaml"), "version: '1'\n").expect("a file");
        for (n, object) in objects.iter().enumerate() {
            // JSON is YAML.
            let manifest = scene.manifest(&object.clone().label("version", "v{{ .Values.version }}")).to_string();
            std::fs::write(chart.join(format!("templates/{n}.yaml")), manifest).expect("a file");
        }
        Self { scene, chart }
    }

    fn helm(&self, command: &[&str], more: &[&str]) -> Said {
        let namespace = self.scene.namespace_name("b");
        let arguments = [command, &["--namespace", &namespace], more].concat();
        helm().run(Some(self.scene.plane().kubeconfig()), &arguments).expect("helm runs")
    }

    fn try_upgrade(&self, flags: &[&str]) -> Said {
        self.helm(&["upgrade", "--install", "small", self.chart.to_str().expect("a path of text")], flags)
    }

    /// Installs or upgrades it.
    #[track_caller]
    fn upgrade(&self, flags: &[&str]) {
        let said = self.try_upgrade(flags);
        assert!(said.success, "{flags:?}: {}", said.errors);
    }
}

/// A pair that the API server takes.
fn tls(key: &str, certificate: &str, private_key: &str) -> Object {
    secret(key).of_type("kubernetes.io/tls").data("tls.crt", certificate).data("tls.key", private_key)
}

/// Namespaces, a source of each sort, and a controller.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--resync-period=0"]);
    for source in [tls("a/pair", "c", "p"), secret("a/s").data("k", "v"), config_map("a/s").data("k", "v")] {
        scene.create(&source.note("replication-allowed", "true"));
    }
    scene
}

/// Stubs whose keys have placeholders, and what they become.
fn with_placeholders() -> [(Object, Object); 3] {
    let pulls = |object: Object, from: &str| object.note("replicate-from", from);
    [
        (pulls(tls("b/typed", "", ""), "{a}/pair"), tls("b/typed", "c", "p")),
        (pulls(secret("b/opaque").data("k", ""), "{a}/s"), secret("b/opaque").data("k", "v")),
        (pulls(config_map("b/map").data("k", ""), "{a}/s"), config_map("b/map").data("k", "v")),
    ]
}

/// Stubs without a key, and what they become.
fn without_keys() -> [(Object, Object); 4] {
    let pulls = |object: Object| object.note("replicate-from", "{a}/s");
    let filled = |object: &Object| object.clone().empty().data("k", "v");
    [
        secret("b/absent"),
        secret("b/none").field("data", json!({})),
        secret("b/own-type").of_type("example.com/own"),
        config_map("b/map"),
    ]
    .map(|object| (pulls(object.clone()), filled(&object)))
}

fn advised(scene: &Scene) -> Vec<String> {
    let lines = scene.controller().log_lines().into_iter().filter(|line| line["reason"] == "StubWillConflict");
    let mut targets: Vec<String> = lines.map(|line| line["target"].as_str().unwrap_or_default().to_owned()).collect();
    targets.sort();
    targets
}

/// A stub whose keys have placeholders, by server-side apply: from the moment that it is filled on, every upgrade fails, and the
/// release is a failed one, though all its other objects are upgraded. The copy stays. What is forced undoes it until the
/// controller makes it again; the next upgrade fails as before. The controller logs the advice `StubWillConflict` before that.
#[test]
fn placeholders_conflict_with_server_side_apply() {
    let scene = scene();
    let stubs = with_placeholders();
    let other = config_map("b/other").data("own", "data");
    let mut objects: Vec<Object> = stubs.iter().map(|(stub, _)| stub.clone()).collect();
    objects.push(other.clone());
    let release = Release::of(&scene, &objects);
    // Server-side apply is helm 4's default.
    release.upgrade(&[]);
    let filled = || stubs.each_ref().map(|(_, filled)| scene.has_data_of(filled));
    let is_refused = |flags: &[&str]| {
        let before = filled();
        let said = release.try_upgrade(flags);
        assert!(!said.success, "{flags:?}: {}", said.output);
        for words in [
            "UPGRADE FAILED",
            "Apply failed with 2 conflicts: conflicts with \"k8s-replicator\" using v1:\n- .data.tls.crt\n- .data.tls.key",
            "Apply failed with 1 conflict: conflict with \"k8s-replicator\" using v1: .data.k",
        ] {
            assert!(said.errors.contains(words), "{words:?} is not in: {}", said.errors);
        }
        assert!(release.helm(&["status", "small"], &[]).output.contains("STATUS: failed"));
        scene.all_stay(&before);
    };
    filled();
    for (stub, filled) in &stubs {
        let advice = scene.is_logged(stub.key(), "advise", "StubWillConflict")["error"].to_string();
        assert!(advice.contains("the field manager helm gives keys to this object, which"), "{advice}");
        scene.is_logged(filled.key(), "update", "FirstCopy");
    }
    is_refused(&[]);
    is_refused(&["--set=version=2"]);
    let now = scene.get_of("configmaps", other.key()).expect("the other object");
    assert_eq!(now["metadata"]["labels"]["version"], "v2", "it is upgraded all the same");
    is_refused(&["--set=version=3", "--take-ownership"]);

    release.upgrade(&["--set=version=4", "--force-conflicts"]);
    for (stub, _) in &stubs {
        scene.is_logged(stub.key(), "update", "Drift");
        scene.is_logged_times(stub.key(), "update", 2);
    }
    for now in filled() {
        assert_eq!(now["metadata"]["labels"]["version"], "v4");
    }
    is_refused(&["--set=version=5"]);
}

/// The same by client-side apply: each upgrade succeeds and undoes the copy, and the controller makes it again: at once, and after
/// growing pauses when it happens often.
#[test]
fn placeholders_are_put_back_by_client_side_apply() {
    let scene = scene();
    let stubs = with_placeholders();
    let release = Release::of(&scene, &stubs.each_ref().map(|(stub, _)| stub.clone()));
    let filled = || stubs.each_ref().map(|(_, filled)| scene.has_data_of(filled));
    release.upgrade(&[Way::ClientSide.flag()]);
    filled();
    let advice = scene.is_logged("b/typed", "advise", "StubWillConflict")["error"].to_string();
    assert!(advice.contains("the field manager helm gives keys") && advice.contains("each time"), "{advice}");
    // Nothing changed in the chart. Without a flag a release is upgraded as it was before: so are those that helm 3 made.
    release.upgrade(&[]);
    for (stub, _) in &stubs {
        scene.is_logged(stub.key(), "update", "Drift");
        scene.is_logged_times(stub.key(), "update", 2);
    }
    filled();
    release.upgrade(&["--set=version=2"]);
    for (stub, _) in &stubs {
        let contested = scene.is_logged(stub.key(), "update", "Contested");
        assert!(contested["error"].as_str().unwrap_or_default().contains("helm"), "{contested}");
    }
    for now in filled() {
        assert_eq!(now["metadata"]["labels"]["version"], "v2");
    }
    // From client-side to server-side apply: as if it had been so from the beginning.
    let said = release.try_upgrade(&[Way::ServerSide.flag()]);
    assert!(!said.success && said.errors.contains("conflicts with \"k8s-replicator\""), "{said:?}");
    assert_eq!(advised(&scene), [scene.full("{b}/typed")], "once, and only where the type has required keys");
}

/// A stub that has no key: whatever helm does, the copy stays, the controller writes nothing, and there is nothing to advise.
#[test]
fn a_stub_without_keys_works_for_ever() {
    for way in Way::BOTH {
        let scene = scene();
        let stubs = without_keys();
        let release = Release::of(&scene, &stubs.each_ref().map(|(stub, _)| stub.clone()));
        release.upgrade(&[way.flag()]);
        let filled = stubs.each_ref().map(|(_, filled)| scene.has_data_of(filled));
        release.upgrade(&[way.flag()]);
        // Of one with `data: {}` helm becomes an owner of the field, without any key, by its second server-side apply.
        scene.all_stay(&[&filled[..1], &filled[2..]].concat());
        scene.has_data_of(&stubs[1].1);
        for (version, more) in [("2", None), ("3", Some("--take-ownership")), ("4", Some("--force-conflicts"))] {
            let set = format!("--set=version={version}");
            let more = more.filter(|flag| way == Way::ServerSide || *flag != "--force-conflicts");
            release.upgrade(&[[way.flag(), &set].as_slice(), more.as_slice()].concat());
            for ((_, filled), before) in stubs.iter().zip(&filled) {
                let now = scene.get_of(filled.resource(), filled.key()).expect("it is there");
                assert_eq!(now["data"], before["data"], "{way:?} {version}");
                assert_eq!(now["metadata"]["labels"]["version"], format!("v{version}"));
            }
        }
        for (stub, _) in &stubs {
            scene.is_logged_times(stub.key(), "update", 1);
        }
        // It goes on following its source.
        scene.set_data("a/s", "k", "new");
        scene.has_data("b/own-type", &[("k", "new")]);
        release.upgrade(&[way.flag(), "--set=version=5"]);
        scene.has_data("b/own-type", &[("k", "new")]);
        assert_eq!(advised(&scene), [""; 0], "{way:?}");
    }
}

/// A type with required keys cannot do without them: the API server refuses the stub.
#[test]
fn a_typed_stub_cannot_do_without_its_keys() {
    for way in Way::BOTH {
        let scene = scene();
        let release = Release::of(&scene, &[tls("b/t", "", "").empty().note("replicate-from", "{a}/pair")]);
        let said = release.try_upgrade(&[way.flag()]);
        assert!(!said.success && said.errors.contains("data[tls.crt]: Required value"), "{said:?}");
    }
}

/// The combined form: helm owns an object that the controller never writes, and the controller one that helm does not know.
#[test]
fn the_combined_form_works_for_ever() {
    for way in Way::BOTH {
        let scene = scene();
        let combined = tls("b/combined", "", "").note("replicate-from", "{a}/pair").note("replicate-to", "replica");
        let release = Release::of(&scene, &[combined]);
        release.upgrade(&[way.flag()]);
        let replica = scene.has_data_of(&tls("b/replica", "c", "p"));
        assert_eq!(replica["type"], "kubernetes.io/tls");
        release.upgrade(&[way.flag()]);
        release.upgrade(&[way.flag(), "--set=version=2"]);
        release.upgrade(&[way.flag(), "--set=version=3", "--take-ownership"]);
        if way == Way::ServerSide {
            release.upgrade(&[way.flag(), "--set=version=4", "--force-conflicts"]);
        }
        scene.all_stay(&[replica]);
        let combined = scene.get("b/combined").expect("it is there");
        let managers = combined["metadata"]["managedFields"].as_array().expect("managers");
        assert!(managers.iter().all(|entry| entry["manager"] == "helm"), "{combined}");
        scene.put(&tls("a/pair", "new", "pair").note("replication-allowed", "true"));
        scene.has_data_of(&tls("b/replica", "new", "pair"));
        assert_eq!(advised(&scene), [""; 0], "{way:?}");
        let said = release.helm(&["uninstall", "small"], &[]);
        assert!(said.success, "{}", said.errors);
        scene.is_gone("b/replica");
    }
}

/// A stub that is a hook of the installation has placeholders, and upgrades leave it alone. (So does an uninstallation.)
#[test]
fn a_hook_of_the_installation_is_filled_and_stays() {
    for way in Way::BOTH {
        let scene = scene();
        let stub = tls("b/t", "", "").note("replicate-from", "{a}/pair").other_note("helm.sh/hook", "pre-install");
        let release = Release::of(&scene, &[stub]);
        release.upgrade(&[way.flag()]);
        let filled = scene.has_data_of(&tls("b/t", "c", "p"));
        release.upgrade(&[way.flag()]);
        release.upgrade(&[way.flag(), "--set=version=2"]);
        assert!(release.helm(&["uninstall", "small"], &[]).success);
        scene.all_stay(&[filled]);
    }
}

/// As Flux and Argo CD apply: server-side and forced, from time to time. Placeholders undo the copy each time; the values that are there
/// (as Argo CD sends them where it is to ignore what `k8s-replicator` owns) do not, and what the source gives next is taken.
#[test]
fn forced_server_side_apply() {
    let scene = scene();
    let stub = tls("b/t", "", "").note("replicate-from", "{a}/pair");
    let apply = |manager: &str, object: &Object| {
        let path =
            format!("/api/v1/namespaces/{}/secrets/t?fieldManager={manager}&force=true", scene.namespace_name("b"));
        let (status, answer) = scene.call("PATCH", &path, "application/apply-patch+yaml", &scene.manifest(object));
        assert!(status < 300, "{answer}");
    };
    apply("kustomize-controller", &stub);
    let filled = scene.has_data_of(&tls("b/t", "c", "p"));
    let ours = |secret: &Value| {
        let managers = secret["metadata"]["managedFields"].as_array().expect("managers").clone();
        let ours = managers.into_iter().find(|entry| entry["manager"] == "k8s-replicator").expect("it has written");
        ours["fieldsV1"]["f:data"].clone()
    };
    // What Argo CD looks at.
    assert_eq!(ours(&filled), json!({ "f:tls.crt": {}, "f:tls.key": {} }));
    apply("kustomize-controller", &stub);
    scene.is_logged("b/t", "update", "Drift");
    scene.has_data_of(&tls("b/t", "c", "p"));
    let advice = advised(&scene).len();

    let with_values = |certificate, key| tls("b/t", certificate, key).note("replicate-from", "{a}/pair");
    apply("argocd-controller", &with_values("c", "p"));
    let shared = scene.get("b/t").expect("it is there");
    scene.all_stay(&[shared]);
    scene.put(&tls("a/pair", "new", "pair").note("replication-allowed", "true"));
    let followed = scene.has_data_of(&tls("b/t", "new", "pair"));
    assert_eq!(ours(&followed), json!({ "f:tls.crt": {}, "f:tls.key": {} }));
    apply("argocd-controller", &with_values("new", "pair"));
    scene.has_data_of(&tls("b/t", "new", "pair"));
    scene.barrier();
    assert_eq!(advised(&scene).len(), advice, "no more advice than on the placeholders");
}

/// `kubectl apply`, which does as helm does: a conflict server-side, placeholders put back client-side, and nothing of either without keys.
#[test]
fn kubectl_applies_stubs() {
    let kubectl = k8s_replicator_testenv::assets::find_or_build().expect("kubectl").join("kubectl");
    for way in Way::BOTH {
        let scene = scene();
        let apply = |object: &Object| {
            let manifest = scene.plane().dir().join(format!("{}-stub.yaml", scene.namespace_name("b")));
            std::fs::write(&manifest, scene.manifest(object).to_string()).expect("a manifest");
            let mut apply = std::process::Command::new(&kubectl);
            apply
                .args(["apply", way.flag(), "--filename"])
                .arg(&manifest)
                .env("KUBECONFIG", scene.plane().kubeconfig());
            apply.env("KUBECACHEDIR", scene.plane().dir().join("cache")).output().expect("kubectl runs")
        };
        let [(stub, filled), ..] = with_placeholders();
        assert!(apply(&stub).status.success());
        let before = scene.has_data_of(&filled);
        let again = apply(&stub);
        let errors = String::from_utf8_lossy(&again.stderr).into_owned();
        if way == Way::ServerSide {
            assert!(!again.status.success() && errors.contains("Apply failed with 2 conflicts"), "{errors}");
            scene.all_stay(&[before]);
        } else {
            assert!(again.status.success(), "{errors}");
            scene.is_logged("b/typed", "update", "Drift");
            scene.has_data_of(&filled);
        }
        let [(stub, filled), ..] = without_keys();
        assert!(apply(&stub).status.success());
        let before = scene.has_data_of(&filled);
        assert!(apply(&stub).status.success());
        scene.all_stay(&[before]);
    }
}

/// From a stub to the combined form, in one upgrade and under the stub's own name.
#[test]
fn a_stub_becomes_a_combined_object() {
    for way in Way::BOTH {
        let scene = scene();
        let [(stub, filled), ..] = with_placeholders();
        Release::of(&scene, &[stub]).upgrade(&[way.flag()]);
        let stub = scene.has_data_of(&filled);
        let combined = tls("b/typed-source", "", "").note("replicate-from", "{a}/pair").note("replicate-to", "typed");
        let release = Release::of(&scene, &[combined]);
        release.upgrade(&[way.flag()]);
        scene.has_note("b/typed", "replicated-by", Some("{b}/typed-source"));
        let replica = scene.has_data_of(&filled);
        assert_ne!(replica["metadata"]["uid"], stub["metadata"]["uid"]);
        release.upgrade(&[way.flag(), "--set=version=2"]);
        scene.all_stay(&[replica]);
    }
}

/// What `docs/gitops.md` shows can be copied: each Secret in it is made, and filled or pushed as it says.
#[test]
fn the_documents_examples_work() {
    let mut scene = Scene::new();
    scene.namespaces(&["certificates", "database", "shop"]);
    let source = |object: Object| drop(scene.create(&object.note("replication-allowed", "true")));
    source(tls("certificates/shop-tls", "c", "p"));
    source(secret("database/credentials").data("password", "v"));
    let document = k8s_replicator_testenv::chart().join("../../../docs/gitops.md");
    let document = std::fs::read_to_string(document).expect("the document");
    let blocks = document.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut made = Vec::new();
    let secrets: Vec<Value> = blocks
        .flat_map(|block| {
            let mut block = block.replace("k8s-replicator/", &scene.prefix());
            for namespace in ["certificates", "database"] {
                block = block.replace(&format!("{namespace}/"), &format!("{}/", scene.namespace_name(namespace)));
            }
            Rendered::of_yaml(&block).objects
        })
        .filter(|object| object["kind"] == "Secret")
        .collect();
    let namespace = scene.namespace_name("shop");
    for mut secret in secrets {
        secret["metadata"]["namespace"] = json!(namespace);
        // The stub of the section on Flux has the name of the replica of the combined object.
        if secret["metadata"]["annotations"].to_string().contains("fluxcd") {
            secret["metadata"]["name"] = json!("flux");
        }
        let path = format!("/api/v1/namespaces/{namespace}/secrets?fieldValidation=Strict");
        let (status, answer) = scene.call("POST", &path, "application/json", &secret);
        assert_eq!(status, 201, "{answer}");
        made.push(secret["metadata"]["name"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(made, ["shop-tls-source", "database", "flux"]);
    scene.start(&["--resync-period=0"]);
    scene.has_data_of(&tls("shop/shop-tls", "c", "p"));
    scene.has_data_of(&tls("shop/flux", "c", "p"));
    scene.has_data("shop/database", &[("password", "v")]);
}
