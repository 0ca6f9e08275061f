//! SPEC 2: the good and bad values of each annotation, with the exact messages.

use super::*;

#[test]
fn what_is_ill_formed_and_why() {
    let not_boolean = |value: &str| format!("{value:?} is not a boolean; expected \"true\" or \"false\"");
    let list = |item: &str, reason: &str| format!("{item:?} is not a pattern: {reason}");
    let mut cases: Vec<(&str, &str, String)> = Vec::new();
    for reference in ["replicate-from", "replicated-by"] {
        cases.extend([
            (reference, "", "\"\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a/", "\"\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "/a", "\"\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "A", "\"A\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a/B", "\"B\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a.b/c", "\"a.b\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "a /b", "\"a \" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "a/ b", "\" b\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, "a,b", "\"a,b\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
            (reference, ".*/b", "\".*\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (reference, "../b", "\"..\" is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end".to_owned()),
            (
                reference,
                "a/b/c",
                "\"a/b/c\" has more than one \"/\"; expected \"namespace/name\" or \"name\"".to_owned(),
            ),
        ]);
    }
    for boolean in ["replicate-once", "replication-allowed"] {
        for value in ["", "yes", "no", "on", "2", "-1", "tRUE", "TRue", "fALSE", "t rue", "true,", "\"true\""] {
            cases.push((boolean, value, not_boolean(value)));
        }
    }
    for namespaces in ["replicate-to-namespaces", "replication-allowed-namespaces", "replicated-from-allowed"] {
        cases.push((namespaces, "(", list("(", "missing closing )")));
        cases.push((namespaces, "a,b,x[", list("x[", "missing closing ]")));
        cases.push((
            namespaces,
            "*,a",
            list("*", "missing argument to repetition operator; for any text write \".*\", not \"*\""),
        ));
    }
    cases.extend([
        ("replicate-keys", "a/b", "\"a/b\" is not a legal key; expected at most 253 letters, digits, dashes, dots and underscores".to_owned()),
        ("replicated-keys", "a:", "\"\" is not a legal key; expected at most 253 letters, digits, dashes, dots and underscores".to_owned()),
        ("replication-allowed-keys", "a?", "\"a?\" has a character that no key has; expected letters, digits, \".\", \"-\", \"_\", \"/\", and \"*\" for any text".to_owned()),
        ("replicate-labels", "a?", "\"a?\" has a character that no key has; expected letters, digits, \".\", \"-\", \"_\", \"/\", and \"*\" for any text".to_owned()),
        ("replicate-annotations", "a?", "\"a?\" has a character that no key has; expected letters, digits, \".\", \"-\", \"_\", \"/\", and \"*\" for any text".to_owned()),
        ("replicate-type", "", "\"\" is not a type of Secrets; expected one such as \"Opaque\"".to_owned()),
        ("replicate-type", " ", "\" \" is not a type of Secrets; expected one such as \"Opaque\"".to_owned()),
        ("replicate-type", "a b", "\"a b\" is not a type of Secrets; expected one such as \"Opaque\"".to_owned()),
        ("replicate-type", "a\u{7f}b", "\"a b\" is not a type of Secrets; expected one such as \"Opaque\"".to_owned()),
        ("replicate-to-namespaces", "a,b/c", "\"b/c\" has a \"/\"; expected a namespace or a pattern".to_owned()),
        ("replicate-to", "x,Y", "\"Y\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
        ("replicate-to", "a/Y", "\"Y\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
        ("replicate-to", "x y", "\"x y\" is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end".to_owned()),
        ("replicated-by", "b", "\"b\" has no namespace; expected \"namespace/name\"".to_owned()),
        ("removal-delay", "5", "\"5\" is not a duration; expected one such as \"90s\" or \"1h30m\", or \"never\"".to_owned()),
        (
            "replicate-to",
            "x, !b/y",
            "\"!b/y\" begins with \"!\", which takes away a namespace; expected \"namespace/name\" or \"name\" here, and \
             the exception in replicate-to-namespaces"
                .to_owned(),
        ),
        ("replicate-to", "(/y", list("(", "missing closing )")),
        (
            "replicate-to",
            "x,a/b/c",
            "\"a/b/c\" has more than one \"/\"; expected \"namespace/name\" or \"name\"".to_owned(),
        ),
    ]);
    for (name, value, message) in cases {
        let message = format!("{name}: {message}");
        assert_eq!(parse(&[(name, value)]), Err(message.clone()), "{name}={value:?}");
        assert_eq!(ill(&[(name, value)]).annotation(), Annotation::from_name(name), "{name}={value:?}");
        // It does not matter what else is there, and that it plays no part.
        let others = [("replication-allowed", "true"), ("replicate-from", "a/b"), ("replicate-once-version", "1")];
        let mut all: Vec<_> = others.into_iter().filter(|(other, _)| *other != name).collect();
        all.push((name, value));
        assert_eq!(parse(&all), Err(message.clone()), "{all:?}");
        // A replica is the controller's: there it is advice, and the annotation is as if it were not there.
        if name != "replicated-by" {
            all.push(("replicated-by", "a/c"));
            let (marks, advice) = read(&all);
            let without: Vec<_> = all.iter().copied().filter(|(other, _)| *other != name).collect();
            let without = well(&without);
            assert_eq!(marks.replicate_from, without.replicate_from, "{all:?}");
            assert_eq!(
                (marks.once, marks.allowed, marks.removal_delay),
                (without.once, without.allowed, None),
                "{all:?}"
            );
            assert!(marks.push.is_none() && marks.allowed_namespaces.is_none() && marks.from_allowed.is_none());
            let detail = format!("{message}; it is passed over, since the controller manages this replica");
            assert_eq!(advice, [(Reason::UnknownAnnotation, detail)], "{all:?}");
            assert_eq!(
                marks.text(Annotation::from_name(name).unwrap()).map(|text| &**text),
                Some(value),
                "to be put right"
            );
        }
    }
    for name in ["", "replicate", "replicate-from-x", "replicated-to"] {
        let message = format!("unknown annotation {name:?}; --ignore-unknown lets such annotations pass");
        assert_eq!(parse(&[("replicate-from", "a/b"), (name, "")]), Err(message));
        assert_eq!(ill(&[(name, "")]).annotation(), None, "{name:?}");
    }
}

#[test]
fn long_values_are_cut_in_messages() {
    let long = "Ä".repeat(150);
    let cut = format!("{}…", "Ä".repeat(100));
    let cases = [
        (
            "replicate-once",
            long.clone(),
            format!("replicate-once: {cut:?} is not a boolean; expected \"true\" or \"false\""),
        ),
        (
            "replicate-from",
            long.clone(),
            format!(
                "replicate-from: {cut:?} is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end"
            ),
        ),
        (
            "replicate-from",
            format!("{long}/x"),
            format!(
                "replicate-from: {cut:?} is not a legal namespace name; expected lower-case letters, digits and dashes, at most 63, with a letter or digit at either end"
            ),
        ),
        (
            "replicate-to",
            long.clone(),
            format!(
                "replicate-to: {cut:?} is not a legal object name; expected lower-case letters, digits, dashes and dots, at most 253, with a letter or digit at either end"
            ),
        ),
        (
            "replicate-to-namespaces",
            format!("{long}/"),
            format!("replicate-to-namespaces: {cut:?} has a \"/\"; expected a namespace or a pattern"),
        ),
        (
            "replication-allowed-namespaces",
            format!("{long}("),
            format!("replication-allowed-namespaces: {cut:?} is not a pattern: missing closing )"),
        ),
    ];
    for (name, value, message) in cases {
        assert_eq!(parse(&[(name, &value)]), Err(message));
    }
    let message = format!("unknown annotation {cut:?}; --ignore-unknown lets such annotations pass");
    assert_eq!(parse(&[(&long, "")]), Err(message));
    let longest = "a".repeat(253);
    assert_eq!(well(&[("replicate-from", &longest)]).replicate_from.unwrap().name(), longest);
    assert!(parse(&[("replicate-from", &"a".repeat(254))]).is_err());
}

#[test]
fn booleans() {
    for (values, meaning) in
        [(["1", "t", "T", "TRUE", "true", "True"], true), (["0", "f", "F", "FALSE", "false", "False"], false)]
    {
        for value in values {
            for value in [value, &format!(" {value}\n")] {
                let marks = well(&[("replicate-once", value), ("replication-allowed", value)]);
                assert_eq!((marks.once, marks.allowed), (meaning, Some(meaning)), "{value:?}");
            }
        }
    }
    let marks = well(&[("replicate-once-version", "")]);
    assert_eq!((marks.once, marks.allowed), (false, None), "absent");
}

#[test]
fn removal_delays() {
    let delay = |value| well(&[("removal-delay", value)]).removal_delay;
    assert_eq!(delay("1h30m"), Some(RemovalDelay::After(Duration::from_secs(5400))));
    assert_eq!(delay(" 0 "), Some(RemovalDelay::After(Duration::ZERO)));
    assert_eq!(delay("never\n"), Some(RemovalDelay::Never));
    assert_eq!(well(&[("replicate-once", "true")]).removal_delay, None);
}

#[test]
fn types() {
    for value in ["x/y", " x/y\n"] {
        let marks = well(&[("replicate-type", value), ("replicate-to", "x")]);
        assert_eq!(marks.replicate_type.as_deref(), Some("x/y"), "{value:?}");
    }
}

#[test]
fn references() {
    for (value, key) in [("a/x", "a/x"), ("a/x.y", "a/x.y"), ("0/0", "0/0"), (" a/x\n", "a/x")] {
        let marks = well(&[("replicate-from", value), ("replicated-by", value)]);
        assert_eq!(marks.replicate_from.as_ref().map(|key| key.as_str()), Some(key), "{value}");
        assert_eq!(marks.replicated_by.as_ref().map(|key| key.as_str()), Some(key), "{value}");
    }
    for (value, key) in [("x", "own/x"), ("it", "own/it"), ("x ", "own/x")] {
        let marks = well(&[("replicate-from", value)]);
        assert_eq!(marks.replicate_from.as_ref().map(|key| key.as_str()), Some(key), "{value}");
    }
}

#[test]
fn a_combined_object_does_not_name_itself() {
    let itself = |name: &str| Err(format!("{name}: a source that pushes cannot name itself"));
    for push in [("replicate-to", "x"), ("replicate-to", ""), ("replicate-to-namespaces", "a")] {
        for own in ["it", "own/it"] {
            assert_eq!(parse(&[("replicate-from", own), push]), itself("replicate-from"), "{own} {push:?}");
        }
        let by = [("replicate-from", "a/x"), ("replicated-by", "own/it"), push];
        assert_eq!(parse(&by), itself("replicated-by"), "{push:?}");
        assert!(parse(&[("replicated-by", "own/it"), push]).is_ok(), "it pushes, but does not pull");
    }
    assert!(parse(&[("replicate-from", "it")]).is_ok(), "it does not push");
    assert!(parse(&[("replicate-from", "other/it"), ("replicate-to", "x")]).is_ok());
}

#[test]
fn a_value_that_is_no_text() {
    let read = |annotations: &[(&str, Value<'_>)]| {
        let mut advice = Vec::new();
        let read = Marks::read(&Key::new("own", "it").unwrap(), annotations.iter().copied(), &mut advice);
        (read.map_err(|error| error.to_string()), advice.len())
    };
    for annotation in Annotation::ALL {
        let not_text = (annotation.name(), Value::NotText);
        let message = format!("{}: the value is not a text in UTF-8", annotation.name());
        assert_eq!(read(&[("replicate-from", Value::Text("a/x")), not_text]), (Err(message), 0));
        let by = ("replicated-by", Value::Text("a/b"));
        let (marks, advice) = read(&[not_text, by]);
        assert_eq!(
            (marks.unwrap().unwrap().replicated_by.is_some(), advice),
            (true, usize::from(*annotation != Annotation::ReplicatedBy))
        );
    }
}

/// SPEC 2: whom a replica's consent leaves out is not known where it is no text; it is not as if there were none.
#[test]
fn a_consent_that_is_no_text_is_not_taken_for_absent() {
    let says_who = [
        "replicate-from",
        "replication-allowed",
        "replication-allowed-namespaces",
        "replication-allowed-namespace-selector",
        "replication-allowed-keys",
        "replicated-from-allowed",
        "replicated-keys",
    ];
    let read = |annotations: &[(&str, Value<'_>)]| {
        let read = Marks::read(&Key::new("own", "it").unwrap(), annotations.iter().copied(), &mut Vec::new());
        read.unwrap().unwrap()
    };
    let by = ("replicated-by", Value::Text("a/b"));
    for annotation in Annotation::ALL.iter().filter(|annotation| **annotation != Annotation::ReplicatedBy) {
        let name = annotation.name();
        let marks = read(&[by, (name, Value::NotText)]);
        assert_eq!(marks.unsure, says_who.contains(&name), "{name}");
        // What pauses a replica is not known where it is no text: it is paused.
        assert_eq!(marks.paused, name == "paused", "{name}");
        // Each is to be put right, but for the time that each write sets.
        let is_put_right = *annotation != Annotation::ReplicatedAt;
        assert_eq!((marks.has(*annotation), marks != read(&[by])), (is_put_right, is_put_right), "{name}");
    }
}

#[test]
fn lists_and_texts() {
    let marks = well(&[
        ("replicated-from-version", "007"),
        ("replicated-from-allowed", "-"),
        ("replication-allowed-namespaces", "a,,b.*"),
        ("replicate-once-version", " any, \"text\" "),
        ("replicated-at", "not a time"),
        ("replicated-from-origin", "not/a/key"),
    ]);
    assert_eq!(marks.from_version, Some(ResourceVersion::new("007")));
    assert_ne!(marks.from_version, Some(ResourceVersion::new("7")));
    let allowed = marks.from_allowed.as_deref().unwrap();
    assert!(!allowed.matches("a") && !allowed.matches("-"));
    let list = marks.allowed_namespaces.as_deref().unwrap();
    assert_eq!(
        ["a", "b", "bc", "c"].map(|namespace| list.names(namespace, crate::namespace::NamespaceFacts::UNKNOWN)),
        [true, true, true, false]
    );
    let text = |annotation| marks.text(annotation).map(|text| &**text);
    assert_eq!(text(Annotation::ReplicateOnceVersion), Some(" any, \"text\" "), "word for word");
    assert_eq!(text(Annotation::ReplicatedFromOrigin), Some("not/a/key"));
    assert_eq!(text(Annotation::ReplicatedAt), None, "nothing is decided on it");
    assert_eq!(text(Annotation::ReplicationAllowedNamespaces), Some("a,,b.*"));
    assert_eq!(text(Annotation::ReplicateTo), None);

    let all = well(&[("replicated-from-allowed", ".*"), ("replication-allowed-namespaces", "")]);
    assert!(all.from_allowed.unwrap().matches("any"));
    assert!(
        !all.allowed_namespaces.unwrap().names("any", crate::namespace::NamespaceFacts::UNKNOWN),
        "an empty list names nothing"
    );
    assert!(well(&[("replicated-from-allowed", "ns-.,b")]).from_allowed.unwrap().matches("b"));
}
