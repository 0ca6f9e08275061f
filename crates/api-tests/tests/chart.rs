//! Issue 5: the chart. helm finds nothing to say against it, the API server takes what it renders, and bad values are refused
//! with words that help.

use http::Method;
use k8s_replicator_api_tests::chart::{Rendered, collection, helm, render, try_render};
use k8s_replicator_testenv::ControlPlane;
use serde_json::{Value, json};

/// A namespace that admits only what the Pod Security Standard *restricted* allows.
fn restricted(name: &str) -> &'static ControlPlane {
    let plane = ControlPlane::shared();
    let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
    let namespace = json!({ "metadata": { "name": name, "labels": labels } });
    plane.client().request(&Method::POST, "/api/v1/namespaces", Some(&namespace)).expect("a namespace");
    plane
}

/// Sends each object as `kubectl apply --dry-run=server --validate=strict` would, and the Deployment's pod beside it, since
/// Pod Security is enforced on pods only.
fn server_takes(plane: &ControlPlane, rendered: &Rendered, what: &str) {
    let mut objects = rendered.objects.clone();
    for deployment in rendered.of_kind("Deployment") {
        let mut pod = deployment["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!("pod");
        pod["metadata"]["namespace"] = deployment["metadata"]["namespace"].clone();
        objects.push(pod);
    }
    for object in &objects {
        let path = format!("{}?dryRun=All&fieldValidation=Strict", collection(object));
        let (status, answer) = plane.client().send(&Method::POST, &path, Some(object)).expect("an answer");
        assert_eq!(status, 201, "{what}: {answer}\n{object:#}");
    }
}

#[test]
fn helm_has_nothing_to_say_against_it() {
    let chart = k8s_replicator_testenv::chart();
    let chart = chart.to_str().expect("a path of text");
    let scoped = ["--set", "rbac.scope=namespaces", "--set", "rbac.namespaces={a,b}"];
    for values in [&[][..], &scoped] {
        let said = helm().run(None, &[&["lint", "--strict", chart], values].concat()).expect("helm runs");
        assert!(said.success && said.output.contains("0 chart(s) failed"), "{said:?}");
        assert!(!said.output.contains("[WARNING]") && !said.output.contains("[ERROR]"), "{}", said.output);
    }
}

/// Values that together use every part of the templates, each also alone.
const MATRIX: &[&[&str]] = &[
    &[],
    &["allowAll=true", "ignoreUnknown=true", "resyncPeriod=0", "annotationsPrefix=a.example.com/"],
    &["removalDelay=0", "holdIncompleteTLS=false", "events=false"],
    &["removalDelay=1h30m", "strategy.type=Recreate"],
    &["removalLimit=100", "excludeNamespaces={kube-.*,vault}", "requireAcceptance=true"],
    &["runReplicators={configMap,secret}", "createWithLabels=a=b\\,c=d"],
    &["runReplicators=Secret", "serviceAccount.name=own", "nameOverride=other"],
    &["fullnameOverride=quite-another", "replicaCount=3", "logFormat=json", "logLevel=info\\,hyper=debug"],
    &["serviceAccount.create=false"],
    &["serviceAccount.create=false", "rbac.create=true", "serviceAccount.name=existing"],
    &["rbac.create=false", "image.repository=r.example.com/x", "image.tag=v1", "image.pullPolicy=Always"],
    &["rbac.scope=namespaces", "rbac.namespaces={default,kube-system}"],
    &["deployment.annotations.a=b", "pod.annotations.c=d", "podLabels.e=f", "priorityClassName=high"],
    &[
        "imagePullSecrets[0].name=regcred",
        "extraArgs={--allow-all}",
        "extraEnv[0].name=RUST_BACKTRACE",
        "extraEnv[0].value=x",
    ],
    &["podDisruptionBudget.enabled=true", "podDisruptionBudget.maxUnavailable=50%"],
    &["networkPolicy.enabled=true", "networkPolicy.to[0].ipBlock.cidr=10.0.0.1/32"],
    &["dashboard.enabled=true", "dashboard.port=9999"],
    &[
        "dashboard.enabled=true",
        "dashboard.service.enabled=true",
        "dashboard.hosts={replication.example.com}",
        "networkPolicy.enabled=true",
        "dashboard.from[0].namespaceSelector.matchLabels.a=b",
    ],
    &[
        "networkPolicy.enabled=true",
        "networkPolicy.from[0].namespaceSelector.matchLabels.a=b",
        "networkPolicy.ports={443}",
    ],
    &["nodeSelector.a=b", "tolerations[0].key=k", "tolerations[0].operator=Exists", "resources.limits.cpu=1"],
    &[
        "topologySpreadConstraints[0].maxSkew=1",
        "topologySpreadConstraints[0].topologyKey=zone",
        "topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key=k",
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].operator=Exists",
    ],
    &["selectorLabels.app=k8s-replicator"],
    &["monitoring.dashboard.enabled=true", "monitoring.dashboard.annotations.folder=x"],
];

#[test]
fn the_server_takes_what_it_renders_where_only_restricted_pods_are_let_in() {
    let plane = restricted("chart-matrix");
    let class = json!({ "metadata": { "name": "high" }, "value": 1 });
    plane.client().request(&Method::POST, "/apis/scheduling.k8s.io/v1/priorityclasses", Some(&class)).expect("a class");
    for values in MATRIX {
        let arguments: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
        server_takes(plane, &render("chart-matrix", &arguments), &values.join(" "));
    }
    // The namespace does what it is there for.
    let rendered = render("chart-matrix", &["--set", "securityContext.allowPrivilegeEscalation=true"]);
    let mut pod = rendered.deployment()["spec"]["template"].clone();
    pod["metadata"]["name"] = json!("privileged");
    let path = "/api/v1/namespaces/chart-matrix/pods?dryRun=All";
    let (status, answer) = plane.client().send(&Method::POST, path, Some(&pod)).expect("an answer");
    assert!(status == 403 && answer.contains("allowPrivilegeEscalation"), "{status} {answer}");
}

/// Issue 11, 4: what the Prometheus operator takes (whose types this server does not know), and Grafana's sidecar.
#[test]
fn monitoring_is_made_where_it_is_asked_for() {
    assert!(render("n", &[]).objects.iter().all(|object| object["apiVersion"] != "monitoring.coreos.com/v1"));
    let values = [
        "monitoring.podMonitor.enabled=true",
        "monitoring.podMonitor.labels.release=prometheus",
        "monitoring.podMonitor.interval=15s",
        "monitoring.rules.enabled=true",
        "monitoring.rules.labels.release=prometheus",
        "monitoring.dashboard.enabled=true",
    ];
    let arguments: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
    let rendered = render("n", &arguments);
    let one = |kind: &str| rendered.of_kind(kind).next().unwrap_or_else(|| panic!("no {kind}")).clone();
    let pods = &rendered.deployment()["spec"]["template"];
    let monitor = one("PodMonitor");
    for (label, value) in monitor["spec"]["selector"]["matchLabels"].as_object().expect("labels") {
        assert_eq!(&pods["metadata"]["labels"][label], value);
    }
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint, &json!({ "port": "health", "path": "/metrics", "interval": "15s" }));
    let ports = pods["spec"]["containers"][0]["ports"].as_array().expect("ports");
    assert!(ports.iter().any(|port| port["name"] == endpoint["port"]));
    let rules = one("PrometheusRule");
    assert_eq!(rules["metadata"]["labels"]["release"], "prometheus");
    assert!(rules["spec"]["groups"][0]["rules"].as_array().is_some_and(|rules| rules.len() == 9));
    let dashboard = one("ConfigMap");
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    let dashboard = dashboard["data"]["k8s-replicator.json"].as_str().expect("a dashboard");
    assert_eq!(serde_json::from_str::<Value>(dashboard).expect("JSON")["uid"], "k8s-replicator");
}

/// Each value of the old chart that becomes a flag, and the flag.
#[test]
fn values_become_flags() {
    let with = |values: &[&str]| {
        let arguments: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
        render("n", &arguments).arguments()
    };
    let default = [
        "--annotations-prefix=k8s-replicator",
        "--run-replicators=all",
        "--resync-period=30m",
        "--removal-delay=5s",
        "--status-address=:9102",
        "--log-format=text",
        "--log-level=info",
    ];
    assert_eq!(with(&[]), default);
    assert_eq!(with(&["removalLimit=null", "excludeNamespaces=", "requireAcceptance=false"]), default);
    for (value, flag) in [
        ("allowAll=true", "--allow-all"),
        ("ignoreUnknown=true", "--ignore-unknown"),
        ("resyncPeriod=1h30m", "--resync-period=1h30m"),
        ("resyncPeriod=0", "--resync-period=0"),
        ("removalDelay=90s", "--removal-delay=90s"),
        ("removalDelay=0", "--removal-delay=0"),
        ("removalLimit=0", "--removal-limit=0"),
        ("removalLimit=1000000", "--removal-limit=1000000"),
        ("excludeNamespaces={kube-.*,vault}", "--exclude-namespaces=kube-.*,vault"),
        ("excludeNamespaces=kube-.*\\,!kube-public", "--exclude-namespaces=kube-.*,!kube-public"),
        ("requireAcceptance=true", "--require-acceptance"),
        ("holdIncompleteTLS=false", "--hold-incomplete-tls=false"),
        ("events=false", "--events=false"),
        ("runReplicators=configMap", "--run-replicators=configMap"),
        ("runReplicators={configMap,secret}", "--run-replicators=configMap,secret"),
        ("annotationsPrefix=a.b/", "--annotations-prefix=a.b"),
        ("createWithLabels=a=b\\,c=d", "--create-with-labels=a=b,c=d"),
        ("dashboard.enabled=true", "--dashboard=:9103"),
        ("logFormat=json", "--log-format=json"),
        ("logLevel=debug", "--log-level=debug"),
    ] {
        assert!(with(&[value]).iter().any(|argument| argument == flag), "{value}: {flag}");
    }
    let open = with(&["dashboard.enabled=true", "dashboard.service.enabled=true", "dashboard.hosts={a.b,c}"]);
    assert!(
        open.iter().any(|it| it == "--dashboard=[::]:9103") && open.iter().any(|it| it == "--dashboard-hosts=a.b,c")
    );
    let scoped = with(&["rbac.scope=namespaces", "rbac.namespaces={b,a}", "extraArgs={--allow-all=false,-x}"]);
    assert!(scoped.iter().any(|argument| argument == "--namespaces=b,a"), "{scoped:?}");
    assert_eq!(scoped[scoped.len() - 2..], ["--allow-all=false", "-x"], "the last counts");
    // As the old chart: without a prefix it is the name.
    assert_eq!(with(&["annotationsPrefix=", "nameOverride=own"])[0], "--annotations-prefix=own");
}

/// Issue 12: the page is for the pod alone unless a Service is asked for, and then for whom the policy names: by default nobody.
#[test]
fn the_page_is_open_to_whom_it_is_opened() {
    let rendered = |values: &[&str]| {
        let arguments: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
        render("n", &arguments)
    };
    let ports = |rendered: &Rendered| {
        let policy = rendered.of_kind("NetworkPolicy").next().expect("a policy").clone();
        let rules = policy["spec"]["ingress"].as_array().expect("rules").clone();
        rules.iter().map(|rule| rule["ports"][0]["port"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let closed = rendered(&[
        "dashboard.enabled=true",
        "networkPolicy.enabled=true",
        "dashboard.from[0].podSelector.matchLabels.a=b",
    ]);
    assert_eq!((closed.of_kind("Service").count(), ports(&closed)), (0, vec!["health".to_owned()]));
    let service = ["dashboard.enabled=true", "dashboard.service.enabled=true", "networkPolicy.enabled=true"];
    let to_nobody = rendered(&service);
    assert_eq!((to_nobody.of_kind("Service").count(), ports(&to_nobody)), (1, vec!["health".to_owned()]));
    let to_some = rendered(&[&service[..], &["dashboard.from[0].podSelector.matchLabels.a=b"]].concat());
    assert_eq!(ports(&to_some), ["health", "dashboard"]);
}

/// Issue 9, section 3: two controllers with different flags never work side by side while one takes the other's place: no new pod
/// is made before all old ones were asked to end. Also over a Deployment that has the server's default strategy, as v1.3.0's has.
#[test]
fn old_pods_end_before_new_ones_begin() {
    let strategy = |values: &[&str]| render("n", values).deployment()["spec"]["strategy"].clone();
    let default = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": "100%" } });
    assert_eq!(strategy(&[]), default);
    assert_eq!(strategy(&["--set", "strategy.type=Recreate"]), json!({ "type": "Recreate" }));
    let plane = ControlPlane::shared();
    let kubectl = k8s_replicator_testenv::assets::find_or_build().expect("kubectl").join("kubectl");
    let apply = |deployment: &Value, way: &str| {
        let manifest = plane.dir().join("rolled.yaml");
        std::fs::write(&manifest, deployment.to_string()).expect("a manifest");
        let mut apply = std::process::Command::new(&kubectl);
        apply.args(["apply", way, "--filename"]).arg(&manifest);
        let output = apply.env("KUBECONFIG", plane.kubeconfig()).output().expect("kubectl runs");
        assert!(output.status.success(), "{way}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for way in ["--server-side=true", "--server-side=false"] {
        let name = format!("fullnameOverride=rolled-{}", way.len());
        let new = render("default", &["--set", &name]).deployment().clone();
        let mut old = new.clone();
        old["spec"].as_object_mut().expect("a spec").remove("strategy");
        let path = format!("{}/rolled-{}", collection(&new), way.len());
        let now = || plane.client().get(&path).expect("the Deployment")["spec"]["strategy"].clone();
        apply(&old, way);
        assert_eq!(now()["rollingUpdate"]["maxSurge"], "25%");
        apply(&new, way);
        assert_eq!(now(), default);
        let recreate = render("default", &["--set", &name, "--set", "strategy.type=Recreate"]);
        apply(recreate.deployment(), way);
        assert_eq!(now(), json!({ "type": "Recreate" }));
    }
}

/// Issue 9, section 5: what the README says works from a checkout: its install command, word for word, takes the image that
/// `cargo xtask image` builds, and what it says of kubectl names the container.
#[test]
fn the_readme_installs_what_is_built_here() {
    let root = k8s_replicator_testenv::chart().join("../../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    let command =
        readme.lines().find_map(|line| line.strip_prefix("    helm install k8s-replicator ")).expect("a command");
    let mut words = command.split_whitespace();
    assert!(root.join(words.next().expect("a folder")).join("Chart.yaml").is_file(), "{command}");
    let values: Vec<&str> = words.skip_while(|word| *word != "--set").collect();
    let image = |values: &[&str]| render("n", values).deployment()["spec"]["template"]["spec"]["containers"][0].clone();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(image(&values)["image"], json!(format!("k8s-replicator:{version}")), "as `cargo xtask image` tags it");
    let name = format!("{}=k8s-replicator:VERSION", image(&[])["name"].as_str().expect("a name"));
    assert!(readme.contains(&name), "{name}");
    assert!(!readme.contains("oci://"), "there is no release yet");
}

#[test]
fn roles_name_only_the_kinds_that_are_replicated() {
    for (value, resources) in [
        ("all", json!(["secrets", "configmaps"])),
        ("secret", json!(["secrets"])),
        ("ConfigMap", json!(["configmaps"])),
        ("{configMap,SECRET}", json!(["secrets", "configmaps"])),
    ] {
        let set = format!("runReplicators={value}");
        let cluster = render("n", &["--set", &set]);
        let scoped = render("n", &["--set", &set, "--set", "rbac.scope=namespaces", "--set", "rbac.namespaces={a,b}"]);
        assert_eq!((cluster.of_kind("ClusterRole").count(), cluster.of_kind("Role").count()), (1, 0));
        assert_eq!((scoped.of_kind("ClusterRole").count(), scoped.of_kind("Role").count()), (0, 2));
        assert_eq!(scoped.of_kind("ClusterRoleBinding").count(), 0);
        for role in cluster.of_kind("ClusterRole").chain(scoped.of_kind("Role")) {
            assert_eq!(role["rules"][0]["resources"], resources, "{value}");
            let text = role["rules"].to_string();
            assert!(!text.contains('*') && !text.contains("escalate") && !text.contains("update"), "{text}");
        }
    }
    // v1.3.0: who brings an account of their own gets no roles.
    let own = render("n", &["--set", "serviceAccount.create=false,serviceAccount.name=own"]);
    assert!(own.objects.iter().all(|object| object["kind"] == "Deployment"), "{:?}", own.objects);
}

/// SPEC 13: more than one pod elect the one that writes, with the rights and the budget for that; one pod has none of it.
#[test]
fn several_pods_elect_a_leader() {
    let rendered = |replicas: u8| render("ns", &["--set", &format!("replicaCount={replicas},fullnameOverride=x")]);
    for replicas in [0, 1] {
        let plain = rendered(replicas);
        assert!(!plain.arguments().iter().any(|argument| argument.contains("leader")));
        assert_eq!((plain.of_kind("Role").count(), plain.of_kind("PodDisruptionBudget").count()), (0, 0));
    }
    let several = rendered(2);
    let arguments = several.arguments();
    assert!(arguments.iter().any(|argument| argument == "--leader-elect"), "{arguments:?}");
    assert!(arguments.iter().any(|argument| argument == "--leader-elect-name=x"), "{arguments:?}");
    assert_eq!(several.of_kind("PodDisruptionBudget").count(), 1);
    let role = several.of_kind("Role").next().expect("a Role");
    let lease = |verbs, names: Value| {
        let mut rule = json!({ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs });
        if names.is_array() {
            rule["resourceNames"] = names;
        }
        rule
    };
    let rules = json!([lease(json!(["get", "update"]), json!(["x"])), lease(json!(["create"]), Value::Null)]);
    assert_eq!((&role["metadata"]["namespace"], &role["rules"]), (&json!("ns"), &rules));
    let own = render("ns", &["--set", "replicaCount=2,rbac.create=false"]);
    assert_eq!(own.of_kind("Role").count(), 0);
}

/// A value that is misspelt or makes no sense, and a word that the refusal has to hold.
#[test]
fn bad_values_are_refused_with_words_that_help() {
    for (values, words) in [
        ("allowall=true", &["additional properties 'allowall' not allowed"][..]),
        ("image.tga=x", &["/image", "additional properties 'tga' not allowed"]),
        ("allowAll=yes", &["/allowAll", "got string, want boolean"]),
        ("replicaCount=two", &["/replicaCount", "want integer"]),
        ("replicaCount=-1", &["/replicaCount", "minimum"]),
        ("resyncPeriod=30", &["/resyncPeriod", "want string"]),
        ("resyncPeriod=soon", &["/resyncPeriod", "does not match pattern"]),
        ("removalDelay=never", &["/removalDelay", "does not match pattern"]),
        ("removalDelay=5", &["/removalDelay", "want string"]),
        ("removalLimit=-1", &["/removalLimit", "minimum"]),
        ("removalLimit=many", &["/removalLimit", "got string, want null or integer"]),
        ("excludeNamespaces={a b}", &["/excludeNamespaces", "does not match pattern"]),
        ("excludeNamespaces=7", &["/excludeNamespaces", "want string"]),
        ("requireAcceptance=always", &["/requireAcceptance", "got string, want boolean"]),
        ("holdIncompleteTLS=yes", &["/holdIncompleteTLS", "got string, want boolean"]),
        ("strategy.type=OnDelete", &["/strategy/type", "'Recreate', 'RollingUpdate'"]),
        ("runReplicators=secrets", &["runReplicators: \"secrets\" is none of all, secret and configMap"]),
        ("runReplicators=\\,", &["runReplicators names nothing to replicate"]),
        ("annotationsPrefix=a/b", &["/annotationsPrefix", "does not match pattern"]),
        ("createWithLabels=a", &["/createWithLabels", "does not match pattern"]),
        ("logFormat=xml", &["/logFormat", "'text', 'json'"]),
        ("image.pullPolicy=Sometimes", &["/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"]),
        ("rbac.scope=namespace", &["/rbac/scope", "'cluster', 'namespaces'"]),
        ("rbac.scope=namespaces", &["/rbac/namespaces", "minItems: got 0, want 1"]),
        ("rbac.namespaces={a}", &["/rbac/namespaces", "maxItems: got 1, want 0"]),
        ("rbac.scope=namespaces,rbac.namespaces={team-.*}", &["/rbac/namespaces/0", "does not match pattern"]),
        ("podDisruptionBudget.maxUnavailable=half", &["/podDisruptionBudget/maxUnavailable"]),
        ("dashboard.hosts={a b}", &["/dashboard/hosts/0", "does not match pattern"]),
        ("dashboard.service.enabled=true", &["dashboard.enabled does not turn the page on: set both, or none"]),
        ("networkPolicy.ports={http}", &["/networkPolicy/ports/0", "want integer"]),
        ("resources.limit.cpu=1", &["/resources", "additional properties 'limit' not allowed"]),
    ] {
        let refusal = match try_render("n", &["--set", values]) {
            Ok(_) => panic!("{values} is taken"),
            Err(refusal) => refusal,
        };
        for word in words {
            assert!(refusal.contains(word), "{values}: {word:?} is not in: {refusal}");
        }
    }
}

/// The plain manifests and the kustomize base: the same objects, in v1.3.0's namespace.
#[test]
fn the_server_takes_the_plain_manifests() {
    let plane = restricted("kustomized");
    let deploy = k8s_replicator_testenv::chart().join("../..");
    let kubectl = k8s_replicator_testenv::assets::find_or_build().expect("kubectl").join("kubectl");
    let output = std::process::Command::new(kubectl).arg("kustomize").arg(&deploy).output().expect("kubectl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kustomized = Rendered::of_yaml(&String::from_utf8_lossy(&output.stdout));
    server_takes(plane, &kustomized, "kubectl kustomize deploy");
    let text = |name: &str| std::fs::read_to_string(deploy.join(name)).expect("a manifest");
    let plain = Rendered::of_yaml(&[text("rbac.yaml"), text("deployment.yaml")].join("\n---\n"));
    let sorted = |rendered: &Rendered| {
        let mut objects: Vec<String> = rendered.objects.iter().map(Value::to_string).collect();
        objects.sort();
        objects
    };
    assert_eq!(sorted(&plain), sorted(&kustomized));
    let placed = plain.objects.iter().filter(|object| object["metadata"]["namespace"] == "kube-system").count();
    assert_eq!(placed, 2, "ServiceAccount and Deployment");
    assert_eq!(plain.arguments(), render("n", &[]).arguments());
}
