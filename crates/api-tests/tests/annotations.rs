//! SPEC 2: how annotations are read, and which ones are well-formed.

use k8s_replicator_api_tests::{Object, Scene, secret};

/// A source of data `k: new`, and a target that pulls from it and holds `k: old` of an earlier version: an allowed copy is
/// renewed, a forbidden one cleared, an ill-formed one left alone.
fn stale_pull(scene: &Scene, source: &Object, target: &str) -> serde_json::Value {
    let source = source.clone().data("k", "new");
    let from = scene.create(&source)["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let target = secret(target).note("replicate-from", &format!("{{a}}/{from}"));
    scene.create(&target.data("k", "old").note("replicated-from-version", "1").note("replicated-from-allowed", ".*"))
}

/// SPEC 2: a slash is added to the prefix unless it ends in one; other prefixes are others' business.
#[test]
fn a_slash_is_added_to_the_prefix_unless_it_ends_in_one() {
    for flag in ["slash.example.com", "slash.example.com/"] {
        let mut scene = Scene::new();
        scene.use_prefix("slash.example.com/");
        scene.namespaces(&["a", "b"]);
        let target = scene.namespace_name("b");
        scene.create(&secret("a/other").other_note("slash.example.comreplicate-to-namespaces", &target));
        scene.create(&secret("a/third").other_note("example.com/replicate-to-namespaces", &target));
        let source = scene.create(&secret("a/src").data("k", "v").note("replicate-to-namespaces", "{b}"));
        scene.start(&[&format!("--annotations-prefix={flag}")]);
        scene.becomes(&scene.created(secret("b/src").data("k", "v").made_by(&source).holding(&source)));
        scene.has_replicas(&["b/src"]);
    }
}

/// SPEC 2: the prefix is `k8s-replicator` unless the flag says otherwise.
#[test]
fn the_default_prefix_is_k8s_replicator() {
    let mut scene = Scene::new();
    scene.use_prefix("k8s-replicator/");
    scene.namespaces(&["a", "b"]);
    let source =
        secret("a/src").data("k", "v").other_note("k8s-replicator/replicate-to-namespaces", &scene.full("{b}"));
    let source = scene.create(&source);
    scene.start(&[]);
    scene.becomes(&scene.created(secret("b/src").data("k", "v").made_by(&source).holding(&source)));
}

/// SPEC 2: an empty prefix means bare names, and unknown ones cannot be distinguished from other people's annotations.
#[test]
fn an_empty_prefix_means_bare_names_and_no_check_of_unknown_ones() {
    let mut scene = Scene::new();
    scene.use_prefix("");
    scene.namespaces(&["a", "b"]);
    let source = secret("a/src").data("k", "v").other_note("replicate-to-nowhere", "x").other_note("x.test/y", "z");
    let source = scene.create(&source.other_note("replicate-to-namespaces", &scene.full("{b}")));
    scene.start(&["--annotations-prefix=", "--create-with-labels=made=so"]);
    scene.becomes(&secret("b/src").label("made", "so").data("k", "v").made_by(&source).holding(&source));
}

/// SPEC 2: the spellings of booleans are Go's; anything else is ill-formed, and changes nothing.
#[test]
fn booleans_are_spelled_as_in_go() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let spellings = [
        (vec!["1", "t", "T", "TRUE", "true", "True", " true", "true\n"], Some(true)),
        (vec!["0", "f", "F", "FALSE", "false", "False"], Some(false)),
        (vec!["", "yes", "no", "tRUE", "t rue", "2", "on", "nil"], None),
    ];
    let (mut copied, mut cleared, mut left) = (Vec::new(), Vec::new(), Vec::new());
    let mut number = 0;
    for (values, means) in &spellings {
        for value in values {
            number += 1;
            let source = secret(&format!("a/s{number}")).note("replication-allowed", value);
            let key = format!("b/t{number}");
            let target = stale_pull(&scene, &source, &key);
            match means {
                Some(true) => copied.push(key),
                Some(false) => cleared.push(key),
                None => left.push((key, target)),
            }
        }
    }
    scene.start(&[]);
    copied.iter().for_each(|key| drop(scene.has_data(key, &[("k", "new")])));
    for key in &cleared {
        let target = scene.has_data(key, &[]);
        assert_eq!(scene.note_of(&target, "replicated-from-version"), None, "{key}");
    }
    left.iter().for_each(|(key, _)| drop(scene.is_logged(key, "refuse", "SourceIllFormed")));
    let left: Vec<_> = left.into_iter().map(|(_, target)| target).collect();
    scene.all_stay(&left);
}

/// SPEC 2: a text without regex characters is a literal, and a dot alone makes no pattern. A literal that is no legal
/// namespace names nothing, and does no harm to the others.
#[test]
fn a_text_without_regex_characters_is_a_literal() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "ns-1", "ns-12", "c-1"]);
    let list = "{ns}-.,{c}.1,{b},{ns-1}-,.{ns-1}";
    scene.create(&secret("a/src").note("replicate-to-namespaces", list));
    scene.create(&secret("a/to").note("replicate-to", "{ns}-./x,{c}.1/x,{b}/x"));
    scene.start(&[]);
    scene.has_replicas(&["b/src", "b/x"]);
}

/// SPEC 2: an item with regex characters must match the whole namespace, also where it has alternatives.
#[test]
fn a_pattern_must_match_the_whole_namespace() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "jx-1", "jx-2", "jx-10", "z-jx-1"]);
    scene.create(&secret("a/class").note("replicate-to-namespaces", "{jx}-[12]"));
    scene.create(&secret("a/tail").note("replicate-to-namespaces", "jx-[12]"));
    scene.create(&secret("a/either").note("replicate-to-namespaces", "{jx}-1|{jx}-2"));
    scene.create(&secret("a/src").note("replicate-to", "{jx}-[12]/qualified,jx-1|{jx}-2/also"));
    // The same in consent.
    let source = secret("a/consent").note("replication-allowed-namespaces", "{jx}-1|{jx}-2");
    stale_pull(&scene, &source, "jx-10/t");
    let target = secret("jx-2/t").note("replicate-from", "{a}/consent");
    scene.create(&target);
    scene.start(&[]);
    scene.has_data("jx-10/t", &[]);
    scene.has_data("jx-2/t", &[("k", "new")]);
    let pushed = ["class", "either", "qualified"].map(|name| ["1", "2"].map(|number| format!("jx-{number}/{name}")));
    let mut pushed: Vec<&str> = pushed.iter().flatten().map(String::as_str).collect();
    pushed.push("jx-2/also");
    scene.has_replicas(&pushed);
}

/// SPEC 2: empty items are skipped; an empty list names nothing: neither targets nor who may pull.
#[test]
fn empty_items_are_skipped_and_an_empty_list_names_nothing() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/some").note("replicate-to-namespaces", ",,{b},").note("replicate-to", ",x,,y,"));
    scene.create(&secret("a/none").note("replicate-to-namespaces", ""));
    scene.create(&secret("a/commas").note("replicate-to-namespaces", ",").note("replicate-to", "z"));
    let nobody = secret("a/nobody").note("replication-allowed-namespaces", "").note("replication-allowed", "true");
    stale_pull(&scene, &nobody, "b/nobody");
    stale_pull(&scene, &secret("a/somebody").note("replication-allowed-namespaces", ",{b},,"), "b/somebody");
    scene.start(&[]);
    scene.has_data("b/nobody", &[]);
    scene.has_data("b/somebody", &[("k", "new")]);
    scene.has_replicas(&["b/x", "b/y"]);
}

/// SPEC 2, issue 9: items are trimmed, and separated by line feeds as well (YAML's block scalars).
#[test]
fn items_are_trimmed_and_lines_separate_them() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.create(&secret("a/src").note("replicate-to-namespaces", "{b}, {c},{c} "));
    scene.create(&secret("a/to").note("replicate-to", "{b}/x,\n{c}/x\n"));
    let source = secret("a/consent").note("replication-allowed-namespaces", "{b}\n{c}\n");
    stale_pull(&scene, &source, "c/t");
    scene.create(&secret("b/t").note("replicate-from", " {a}/consent"));
    scene.start(&[]);
    scene.has_data("b/t", &[("k", "new")]);
    scene.has_data("c/t", &[("k", "new")]);
    scene.has_replicas(&["b/src", "c/src", "b/x", "c/x"]);
}

/// SPEC 2, issue 9: an item with `!` takes away, in a push and in consent.
#[test]
fn an_exception_takes_away() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.create(&secret("a/src").note("replicate-to-namespaces", "!{a},{b}|{c},!{c}"));
    scene.create(&secret("a/none").note("replicate-to-namespaces", "!{b}"));
    let source = secret("a/consent").note("replication-allowed-namespaces", ".*,!{c}");
    stale_pull(&scene, &source, "c/t");
    scene.create(&secret("b/t").note("replicate-from", "{a}/consent"));
    scene.start(&[]);
    scene.has_data("b/t", &[("k", "new")]);
    scene.has_data("c/t", &[]);
    scene.has_replicas(&["b/src"]);
}

/// SPEC 2: unqualified names combine with every item of `replicate-to-namespaces`, or with the source's own namespace.
#[test]
fn unqualified_names_combine_with_every_namespace_or_the_sources_own() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c-1", "c-2"]);
    scene.create(&secret("a/every").note("replicate-to", "x,y").note("replicate-to-namespaces", "{b},{c}-.*"));
    scene.create(&secret("a/own").note("replicate-to", "z"));
    scene.start(&[]);
    scene.has_replicas(&["b/x", "b/y", "c-1/x", "c-1/y", "c-2/x", "c-2/y", "a/z"]);
}

/// SPEC 2: `replicate-to-namespaces` alone combines with the source's own name.
#[test]
fn namespaces_alone_combine_with_the_sources_own_name() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c"]);
    scene.create(&secret("a/src").note("replicate-to-namespaces", "{b},{c}"));
    scene.start(&[]);
    scene.has_replicas(&["b/src", "c/src"]);
}

/// SPEC 2: qualified items stand for themselves; their namespace may be a pattern.
#[test]
fn qualified_items_are_not_combined() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b", "c", "d"]);
    scene.create(&secret("a/src").note("replicate-to", "x,{b}/y").note("replicate-to-namespaces", "{c}"));
    scene.create(&secret("a/two").note("replicate-to", "{b}/z,{c}|{d}/u").note("replicate-to-namespaces", "{a}"));
    scene.start(&[]);
    scene.has_replicas(&["c/x", "b/y", "b/z", "c/u", "d/u"]);
}

/// SPEC 2: what is named twice is one target, made by one request.
#[test]
fn duplicates_count_once() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.start(&[]);
    scene.create(
        &secret("a/src").note("replicate-to", "x,x,{b}/x,{b}.*/x").note("replicate-to-namespaces", "{b},{b},.*{b}"),
    );
    scene.has_replicas(&["b/x"]);
    let namespace = scene.namespace_name("b");
    let made = || scene.writes().into_iter().filter(|write| write.namespace == namespace).count();
    assert_eq!(scene.until("the audit log has the write", || Some(made()).filter(|made| *made > 0)), 1);
}

/// SPEC 2: an object never targets itself, also not through a pattern.
#[test]
fn an_object_never_targets_itself() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    let sources = [
        secret("a/pattern").note("replicate-to-namespaces", "{a}.*,{b}"),
        secret("a/named").note("replicate-to", "named,{a}/named,{b}/named"),
        secret("a/only").note("replicate-to", "only"),
    ];
    let sources = sources.map(|source| scene.create(&source.data("k", "v")));
    scene.start(&[]);
    scene.has_replicas(&["b/pattern", "b/named"]);
    scene.all_stay(&sources);
    // Nor is a refusal logged for the object itself.
    let refusals = scene.controller().log_lines().into_iter().filter(|line| line["action"] == "refuse");
    assert_eq!(refusals.collect::<Vec<_>>(), Vec::<serde_json::Value>::new());
}

/// SPEC 2: `replicate-to: ""` is a push, of nothing: what was pushed is deleted, and the object is no target itself.
#[test]
fn an_empty_push_is_still_a_push_of_nothing() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    scene.create(&secret("a/src").data("k", "v").note("replication-allowed", "true"));
    let sources = [("replicate-to", "a/x"), ("replicate-to-namespaces", "a/y")].map(|(push, key)| {
        let source = secret(key).data("own", "data").note("replicate-from", "src").note("replicated-from-version", "1");
        scene.create(&source.note(push, ""))
    });
    scene.create(&secret("a/was").note("replicate-to", "{b}/was"));
    scene.start(&[]);
    scene.has_replicas(&["b/was"]);
    scene.note("a/was", "replicate-to", Some(""));
    scene.is_gone("b/was");
    scene.all_stay(&sources);
}

/// SPEC 2: a bare name in `replicate-from` is one in the target's own namespace.
#[test]
fn a_bare_name_to_pull_from_is_in_the_targets_namespace() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "b"]);
    for namespace in ["a", "b"] {
        scene.create(&secret(&format!("{namespace}/src")).data("in", namespace).note("replication-allowed", "true"));
    }
    scene.create(&secret("b/bare").note("replicate-from", "src"));
    scene.create(&secret("b/full").note("replicate-from", "{a}/src"));
    scene.start(&[]);
    scene.has_data("b/bare", &[("in", "b")]);
    scene.has_data("b/full", &[("in", "a")]);
}

/// SPEC 2: patterns mean what they mean in Go, where Rust's own would mean something else or nothing.
#[test]
fn patterns_mean_what_they_mean_in_go() {
    let mut scene = Scene::new();
    scene.namespaces(&["a", "jx-1", "jx-2"]);
    let patterns = [
        (r"{jx}\Q-1\E", "1"),
        (r"{jx}-1|a{b", "1"),
        (r"{jx}-2|{|}", "2"),
        (r"{jx}-[a&&b1]", "1"),
        (r"{jx}-[\d--1]", "12"),
        (r"{j}(?i)X-2", "2"),
        (r"(?P<name>{jx})-[[:digit:]]{1}", "12"),
        (r"{jx}-\x31\z", "1"),
        (r"\A{jx}-[^\D2]", "1"),
    ];
    let mut expected = Vec::new();
    for (number, (pattern, namespaces)) in patterns.iter().enumerate() {
        scene.create(&secret(&format!("a/p{number}")).note("replicate-to-namespaces", pattern));
        expected.extend(namespaces.chars().map(|namespace| format!("jx-{namespace}/p{number}")));
    }
    scene.start(&[]);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    scene.has_replicas(&expected);
}
