//! The data of a manifest, as the API server keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_replicator_core::clear;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::excerpt;
use k8s_replicator_core::payload::Payload;

use super::{One, Refused};
use crate::yaml::{Id, Scalar};

pub(super) struct Data {
    pub(super) payload: Payload,
    pub(super) has_keys: bool,
}

/// `None`: the manifest says nothing of its data.
pub(super) fn read(one: &One<'_, '_>, kind: &dyn Kind, root: Id, type_: Option<&str>) -> Result<Option<Data>, Refused> {
    let document = one.document;
    let field = |name: &str| document.get(root, name).filter(|id| document.scalar(*id) != Some(Scalar::Null));
    let mut fields: Vec<Option<BTreeMap<String, String>>> = Vec::new();
    for name in kind.data_fields() {
        let is_base64 = kind.is_secret() || *name == "binaryData";
        fields.push(field(name).map(|id| entries(one, id, name, is_base64)).transpose()?);
    }
    if kind.is_secret()
        && let Some(id) = field("stringData")
    {
        let texts = entries(one, id, "stringData", false)?;
        let encoded = texts.into_iter().map(|(key, text)| (key, BASE64.encode(text)));
        if let Some(first) = fields.first_mut() {
            first.get_or_insert_default().extend(encoded);
        }
    }
    let has_keys = fields.iter().flatten().any(|field| !field.is_empty());
    let type_ = type_.unwrap_or_default();
    let has = |key: &str| fields.iter().flatten().any(|field| field.contains_key(key));
    // Which are required is said only where they are all that is missing: their values may come from elsewhere.
    if let Some((key, _)) = clear::completion(type_, has).first() {
        let message = format!(
            "a Secret of type {} needs the key {key:?}: the API server does not accept it without",
            excerpt(type_)
        );
        return Err((document.at(root), message, None));
    }
    if fields.iter().all(Option::is_none) {
        return Ok(None);
    }
    let json = |field: Option<BTreeMap<String, String>>| {
        field.and_then(|field| serde_json::to_string(&field).ok()).map(Arc::from)
    };
    Ok(Some(Data { payload: Payload::new(fields.into_iter().map(json)), has_keys }))
}

fn entries(one: &One<'_, '_>, id: Id, field: &str, is_base64: bool) -> Result<BTreeMap<String, String>, Refused> {
    let document = one.document;
    let not_a_map = || (document.at(id), format!("{field} is not a map"), None);
    let mut entries = BTreeMap::new();
    for (key, value) in document.entries(id).ok_or_else(not_a_map)? {
        let name = document.text(key).unwrap_or_default();
        let mut text = one.string(value, &format!("the value of {field}.{}", excerpt(name)))?;
        if is_base64 {
            // As Go's decoder: line ends do not count, and nothing else is forgiven.
            text.retain(|c| !matches!(c, '\r' | '\n'));
            if BASE64.decode(&text).is_err() {
                let message = format!("the value of {field}.{} is not base64", excerpt(name));
                let help = (field == "data").then(|| "put values as they are under stringData".to_owned());
                return Err((document.at(value), message, help));
            }
        }
        entries.insert(name.to_owned(), text);
    }
    Ok(entries)
}
