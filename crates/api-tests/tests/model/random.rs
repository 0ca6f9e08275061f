//! Random requests, as the controller and users send them.

use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::dice::Dice;
use serde_json::{Value, json};

use super::pair::{Ask, JSON, JSON_METADATA, METADATA, Pair, Seen, WHOLE};

fn encoded(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A value of data, as a manifest of this kind has it.
fn value(dice: &mut Dice, resource: Resource) -> String {
    let text = dice.pick(&["", "one", "two"]);
    if resource == Resource::Secret { encoded(text) } else { text.to_owned() }
}

/// A random new object.
fn manifest(dice: &mut Dice, id: &Id) -> Value {
    let metadata = json!({ "name": id.name, "namespace": id.namespace });
    let mut object = json!({ "apiVersion": "v1", "kind": id.resource.kind(), "metadata": metadata });
    if id.resource == Resource::Secret {
        let types = ["Opaque", "Opaque", "example.com/own", "kubernetes.io/tls", ""];
        object["type"] = json!(dice.pick(&types));
    }
    for key in ["k", "tls.crt", "tls.key"] {
        if dice.once_in(2) {
            object["data"][key] = json!(value(dice, id.resource));
        }
    }
    for (place, key) in [("annotations", "p/a"), ("annotations", "p~1b"), ("labels", "l")] {
        if dice.once_in(3) {
            object["metadata"][place][key.replace("~1", "/")] = json!(dice.pick(&["x", "y"]));
        }
    }
    if dice.once_in(4) {
        object["immutable"] = json!(true);
    }
    if dice.once_in(5) {
        object["metadata"]["finalizers"] = json!(["example.com/wait"]);
    }
    object
}

/// A JSON Patch as the controller sends it: tests of uid and version by writing them, then annotations and data.
fn json_patch(dice: &mut Dice, resource: Resource) -> Ask {
    let mut operations = Vec::new();
    for key in ["p~1a", "p~1b", "q"] {
        match dice.roll(6) {
            0 | 1 => operations.push(
                json!({ "op": "add", "path": format!("/metadata/annotations/{key}"), "value": dice.pick(&["x", "y"]) }),
            ),
            2 => operations.push(json!({ "op": "remove", "path": format!("/metadata/annotations/{key}") })),
            _ => {}
        }
    }
    match dice.roll(5) {
        0 => operations.push(json!({ "op": "add", "path": "/data", "value": { "k": value(dice, resource) } })),
        1 => operations.push(json!({ "op": "add", "path": "/data/k", "value": value(dice, resource) })),
        2 => operations.push(json!({ "op": "remove", "path": "/data" })),
        3 => operations.push(json!({ "op": "replace", "path": "/metadata/finalizers", "value": [] })),
        _ => {}
    }
    if dice.once_in(4) {
        operations.insert(0, json!({ "op": "add", "path": "/metadata/annotations", "value": { "p/a": "z" } }));
    }
    if dice.once_in(6) {
        operations.insert(0, json!({ "op": "test", "path": "/metadata/annotations/p~1a", "value": "x" }));
    }
    let body = move |seen: &Seen| {
        let mut all = vec![
            json!({ "op": "add", "path": "/metadata/uid", "value": seen.uid }),
            json!({ "op": "add", "path": "/metadata/resourceVersion", "value": seen.version }),
        ];
        all.extend(operations.iter().cloned());
        Value::Array(all)
    };
    ("PATCH", "application/json-patch+json", "?fieldManager=k8s-replicator", Box::new(body))
}

fn apply(dice: &mut Dice, id: &Id) -> Ask {
    let mut object = json!({ "apiVersion": "v1", "kind": id.resource.kind(), "metadata": { "name": id.name, "namespace": id.namespace } });
    // A map that an apply leaves without entries goes on being owned, and conflicts, as a whole. The model does not know that, and the
    // controller applies no such thing: something is always left.
    object["metadata"]["annotations"]["p/left"] = json!("");
    object["data"]["left"] = json!("");
    for key in ["p/a", "p/b"] {
        if dice.once_in(2) {
            object["metadata"]["annotations"][key] = json!(dice.pick(&["x", "y"]));
        }
    }
    if dice.once_in(2) {
        object["data"]["k"] = json!(value(dice, id.resource));
    }
    let (with_uid, with_version) = (dice.once_in(2), dice.once_in(2));
    let body = move |seen: &Seen| {
        let mut object = object.clone();
        if with_uid && !seen.uid.is_empty() {
            object["metadata"]["uid"] = json!(seen.uid);
        }
        if with_version && !seen.version.is_empty() {
            object["metadata"]["resourceVersion"] = json!(seen.version);
        }
        object
    };
    let query =
        dice.pick(&["?fieldManager=k8s-replicator&force=true", "?fieldManager=k8s-replicator", "?fieldManager=helm"]);
    ("PATCH", "application/apply-patch+yaml", query, Box::new(body))
}

fn delete(dice: &mut Dice) -> Ask {
    let (with_uid, with_version) = (dice.once_in(2), dice.once_in(2));
    let body = move |seen: &Seen| {
        let mut preconditions = json!({});
        if with_uid {
            preconditions["uid"] = json!(seen.uid);
        }
        if with_version {
            preconditions["resourceVersion"] = json!(seen.version);
        }
        json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions })
    };
    ("DELETE", "application/json", "", Box::new(body))
}

/// A random request about one of a few objects.
pub(super) fn request(pair: &mut Pair, dice: &mut Dice, prefix: &str) {
    let namespace = pair.namespace.clone();
    let resource = dice.pick(&[Resource::Secret, Resource::ConfigMap]);
    let id = Id::new(resource, &namespace, &format!("{prefix}-{}", dice.pick(&["a", "b"])));
    // As a rule of its latest version; else of an older one, or of an object that was there before it.
    let seen = pair.seen.get(&id.to_string()).map(Vec::as_slice).unwrap_or_default();
    let seen = match (seen.last(), dice.once_in(4)) {
        (Some(_), true) => seen[dice.roll(seen.len())].clone(),
        (Some(last), false) => last.clone(),
        (None, _) => <[Seen; 2]>::default(),
    };
    let ask: Ask = match dice.roll(10) {
        0..=2 => {
            let object = manifest(dice, &id);
            ("POST", "application/json", "?fieldManager=kubectl-create", Box::new(move |_| object.clone()))
        }
        3..=5 if !seen[0].uid.is_empty() => json_patch(dice, resource),
        6 => apply(dice, &id),
        7 if !seen[0].uid.is_empty() => delete(dice),
        _ => {
            let (key, text) = (dice.pick(&["k", "other"]), value(dice, resource));
            let annotation = dice.pick(&["x", "y", "z"]);
            let taken_off = dice.once_in(3);
            return pair.update(
                &id,
                |object| {
                    object.data.insert(key.to_owned(), text.clone());
                    match taken_off {
                        true => drop(object.annotations.remove("p/a")),
                        false => drop(object.annotations.insert("p/a".to_owned(), annotation.as_bytes().to_vec())),
                    }
                },
                |object| {
                    object["data"][key] = json!(text);
                    match (taken_off, object["metadata"]["annotations"].as_object_mut()) {
                        (true, Some(annotations)) => drop(annotations.remove("p/a")),
                        (true, None) => {}
                        (false, _) => object["metadata"]["annotations"]["p/a"] = json!(annotation),
                    }
                },
            );
        }
    };
    let accept = dice.pick(&[JSON, WHOLE, WHOLE, METADATA, METADATA, JSON_METADATA]);
    pair.ask(&id, &seen, accept, &ask);
}
