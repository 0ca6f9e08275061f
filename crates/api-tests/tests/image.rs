//! Issue 5: what goes into the image runs in an empty root, as nobody, and finds its cluster as a pod does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use k8s_replicator_api_tests::chart::render;
use k8s_replicator_api_tests::{Scene, secret};
use k8s_replicator_testenv::{Controller, Rights, image};

/// Where a pod's ServiceAccount is mounted.
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";

/// A root with the program and a mounted account, and nothing else: no shell, no libraries, no certificates, no /etc.
fn root(scene: &Scene, program: &Path) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("root-{}", std::process::id()));
    let account = root.join(ACCOUNT);
    fs::create_dir_all(&account).expect("a folder");
    fs::copy(program, root.join("k8s-replicator")).expect("the program");
    let files = [
        ("token", scene.user().token.as_bytes()),
        ("ca.crt", scene.plane().authority()),
        ("namespace", b"default".as_slice()),
    ];
    for (name, content) in files {
        fs::write(account.join(name), content).expect("a file");
        fs::set_permissions(account.join(name), fs::Permissions::from_mode(0o644)).expect("its mode");
    }
    root
}

/// The static program replicates, with the arguments of the chart's container and no kubeconfig.
#[test]
fn the_static_program_runs_in_an_empty_root() {
    let (program, size) = image::static_binary().expect("a static program");
    eprintln!("the static program has {size} bytes");
    let mut scene = Scene::for_user(Rights::Nothing);
    scene.namespaces(&["a", "b", "out"]);
    scene.create(&secret("a/s").data("k", "v").note("replicate-to-namespaces", "{b}"));
    let values = [
        format!("fullnameOverride={}", scene.namespace_name("image")),
        format!("annotationsPrefix={}", scene.prefix()),
        "extraArgs={--status-address=127.0.0.1:0,--log-format=json}".to_owned(),
    ];
    let values: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
    let rendered = render(&scene.namespace_name("out"), &values);
    scene.use_user(rendered.grant(scene.plane()));

    let root = root(&scene, &program);
    let url = scene.plane().url();
    let (host, port) = url.trim_start_matches("https://").split_once(':').expect("host and port");
    let environment = [("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", port)];
    let mut controller =
        Controller::start_in_root(&root, "/k8s-replicator", &environment, &rendered.arguments()).expect("it starts");
    controller.wait_ready(k8s_replicator_api_tests::WAIT).expect("it is ready");
    scene.has_data("b/s", &[("k", "v")]);
    assert!(scene.requests().iter().all(|request| request.authorized));
    assert_eq!(controller.terminate(std::time::Duration::from_secs(15)).code(), Some(0), "{}", controller.log());
    fs::remove_dir_all(root).expect("the root is removed");
}
