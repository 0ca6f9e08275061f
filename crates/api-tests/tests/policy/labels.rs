//! SPEC 11.6: labels and annotations that are copied to replicas.

use k8s_replicator_api_tests::{Object, Scene, config_map, secret};
use serde_json::{Value, json};

const KINDS: [fn(&str) -> Object; 2] = [secret, config_map];
/// An annotation that holds a Secret's data.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a replica has that `--create-with-labels=` leaves without a single label: it gets labels all the same, they are followed, and
/// taken off when they are not asked for any more.
#[test]
fn a_replica_without_labels_gets_them_and_loses_them() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&["--create-with-labels="]);
    for kind in KINDS {
        let bare = kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}");
        let source = scene.create(&bare);
        let replica = || kind("b/s").data("k", "v").made_by(&source).holding(&source);
        scene.becomes(&replica());
        let labelled = bare.clone().label("team", "red").label("cost-centre", "7").label("not-asked-for", "x");
        let asking = labelled.other_note("example.com/note", "n").note("replicate-labels", "team,cost*");
        let asking =
            asking.note("replicate-annotations", "example.com/*").note("replica-labels", "replica=yes,team=blue");
        scene.replace(&asking);
        let noted = replica().note("replicated-labels", "cost-centre,replica,team");
        let noted = noted.note("replicated-annotations", "example.com/note").other_note("example.com/note", "n");
        scene.becomes(&noted.label("team", "blue").label("cost-centre", "7").label("replica", "yes"));
        // What others set stays, whatever comes and goes beside it.
        let resource = kind("").resource();
        let own = json!({ "metadata": { "labels": { "own": "1" }, "annotations": { "own.example.com/x": "1" } } });
        scene.patch(resource, "b/s", &own);
        scene.replace(&bare.clone().label("team", "green").note("replicate-labels", "team"));
        let with_own = |object: Object| object.label("own", "1").other_note("own.example.com/x", "1");
        scene.becomes(&with_own(replica().note("replicated-labels", "team").label("team", "green")));
        scene.replace(&bare);
        scene.becomes(&with_own(replica()));
    }
}

/// Edits of what the controller set are put right; they cost no copy of the data.
#[test]
fn labels_that_others_change_are_put_right() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}");
    let source = scene.create(&source.note("replica-labels", "team=red"));
    scene.start(&[]);
    let replica = secret("b/s").data("k", "v").made_by(&source).holding(&source).note("replicated-labels", "team");
    let expected = scene.created(replica.label("team", "red"));
    scene.becomes(&expected);
    for value in [json!("blue"), Value::Null] {
        scene.patch("secrets", "b/s", &json!({ "metadata": { "labels": { "team": value } } }));
        scene.becomes(&expected);
    }
}

/// Only the data of an immutable object cannot be changed: its labels follow in place.
#[test]
fn labels_of_an_immutable_replica_are_followed_in_place() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    for kind in KINDS {
        let source = |team: &str| {
            let source = kind("a/s").data("k", "v").note("replicate-to-namespaces", "{b}");
            source.note("replica-labels", &format!("team={team}"))
        };
        let resource = kind("").resource();
        let made = scene.create(&source("red"));
        let replica = |team: &str| {
            let replica = kind("b/s").data("k", "v").made_by(&made).holding(&made);
            scene.created(replica.note("replicated-labels", "team").label("team", team))
        };
        let before = scene.becomes(&replica("red"));
        scene.patch(resource, "b/s", &json!({ "immutable": true }));
        scene.replace(&source("blue"));
        let after = scene.becomes(&replica("blue"));
        assert_eq!((&after["metadata"]["uid"], &after["immutable"]), (&before["metadata"]["uid"], &json!(true)));
    }
}

/// Marks by which other tools own, prune or adopt objects are never copied, and in `replica-labels` they are ill-formed (see
/// `bad_input`); what describes an application is.
#[test]
fn marks_of_other_tools_are_never_copied() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let marked = secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}");
    let marked = marked.label("app.kubernetes.io/instance", "i").label("app.kubernetes.io/name", "shop");
    let marked =
        marked.label("argocd.argoproj.io/instance", "i").label("helm.sh/chart", "c").label("kapp.k14s.io/app", "1");
    let marked = marked.label("kustomize.toolkit.fluxcd.io/name", "n").label("olm.owner", "o").label("team", "red");
    let marked = marked.other_note(LAST_APPLIED, "the data").other_note("meta.helm.sh/release-name", "r");
    let marked =
        marked.other_note("argocd.argoproj.io/tracking-id", "t").other_note("reloader.stakater.com/match", "true");
    let source = scene.create(&marked.note("replicate-labels", "*").note("replicate-annotations", "*"));
    scene.start(&[]);
    let replica = secret("b/s").data("k", "v").made_by(&source).holding(&source);
    let replica = replica.note("replicated-labels", "app.kubernetes.io/name,team").label("team", "red");
    let replica = replica.label("app.kubernetes.io/name", "shop").other_note("reloader.stakater.com/match", "true");
    scene.becomes(&scene.created(replica.note("replicated-annotations", "reloader.stakater.com/match")));
}

/// Who pulls gets none: a pulling target belongs to its user.
#[test]
fn pulling_targets_get_no_labels() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let source = secret("a/s").data("k", "v").label("team", "red").note("replication-allowed", "true");
    let source = scene.create(&source.note("replicate-labels", "*").note("replica-labels", "a=b"));
    let pulls = secret("b/pulls").note("replicate-from", "{a}/s");
    scene.create(&pulls);
    scene.start(&[]);
    scene.becomes(&pulls.data("k", "v").pulled(&source, ".*"));
}

/// A change of labels alone costs one patch for each replica, and no read of one; the data's version stays.
#[test]
fn a_change_of_labels_alone_is_one_patch_for_each_replica_and_no_read_of_one() {
    const MANY: usize = 20;
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    let names: Vec<String> = (0..MANY).map(|n| format!("t{n}")).collect();
    let source = secret("a/s").data("k", "v").label("team", "red").note("replicate-to", &names.join(","));
    let source = scene.create(&source.note("replicate-to-namespaces", "{b}").note("replicate-labels", "team"));
    let has_team = |team: &str| {
        for name in &names {
            let replica = secret(&format!("b/{name}")).data("k", "v").made_by(&source).holding(&source);
            scene.becomes(&scene.created(replica.note("replicated-labels", "team").label("team", team)));
        }
    };
    has_team("red");
    scene.barrier();
    let before = scene.requests_for_objects().len();
    scene.patch("secrets", "a/s", &json!({ "metadata": { "labels": { "team": "blue" } } }));
    has_team("blue");
    scene.barrier();
    let requests = scene.requests_for_objects().split_off(before);
    let of_replicas: Vec<_> = requests.iter().filter(|request| request.name != "s").collect();
    assert!(of_replicas.iter().all(|request| request.verb == "patch" && request.code == 200), "{of_replicas:#?}");
    assert_eq!(of_replicas.len(), MANY);
    assert!(requests.len() <= MANY + 1, "at most the source is read: {requests:#?}");
}
