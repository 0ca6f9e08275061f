//! What the API server says to a list or a watch, and how it is asked for more.

use std::borrow::Cow;

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Change, Consumer, End, Object, unreadable};
use crate::cluster::Failure;
use crate::cluster::kube::refusal;

/// Objects in the first answer of a list, and in each one where they are large.
pub(super) const SMALLEST_PAGE: usize = 500;
/// Where they are small: then it is the number of pages that takes time, four fifths of it with 50,000 objects.
pub(super) const LARGEST_PAGE: usize = 10_000;
/// The size of an answer that is aimed at.
pub(super) const PAGE_BYTES: usize = 4 << 20;
#[derive(Deserialize)]
pub(super) struct List<'a> {
    #[serde(borrow)]
    pub(super) metadata: ListMetadata<'a>,
    /// Go writes an empty list as null.
    #[serde(borrow, default)]
    pub(super) items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMetadata<'a> {
    #[serde(borrow, default)]
    pub(super) resource_version: Cow<'a, str>,
    #[serde(borrow, default, rename = "continue")]
    pub(super) continue_: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) type_: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LineMetadata<'a> {
    #[serde(borrow)]
    pub(super) resource_version: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct LineObject<'a> {
    #[serde(borrow, default)]
    pub(super) metadata: LineMetadata<'a>,
    #[serde(default)]
    pub(super) code: u16,
}

/// How many objects to ask for next, if so many took so many bytes. It grows step by step: the next ones may be larger.
pub(super) fn next_page(page: usize, bytes: usize) -> usize {
    let fitting = PAGE_BYTES * page / bytes.max(1);
    fitting.min(4 * page).clamp(SMALLEST_PAGE, LARGEST_PAGE)
}

/// Takes one event. An end: the watch cannot go on.
pub(super) fn take_line(
    line: &[u8],
    version: &mut String,
    consumer: &mut impl Consumer,
) -> Result<Option<End>, Failure> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line: Line<'_> = serde_json::from_slice(line).map_err(unreadable)?;
    let object: LineObject<'_> = serde_json::from_str(line.object.get()).map_err(unreadable)?;
    match &*line.type_ {
        "ADDED" | "MODIFIED" => consumer.take(Change::Seen(Object::Json(line.object.get()))),
        "DELETED" => consumer.take(Change::Deleted(Object::Json(line.object.get()))),
        "BOOKMARK" => {}
        _ if object.code == StatusCode::GONE.as_u16() => return Ok(Some(End::Expired)),
        _ => {
            let status = StatusCode::from_u16(object.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(refusal(status, &http::HeaderMap::new(), line.object.get().as_bytes()));
        }
    }
    let seen = object.metadata.resource_version;
    if !seen.is_empty() {
        *version = seen.into_owned();
    }
    Ok(None)
}

/// Percent-encodes a value for a query. Versions and continue tokens are opaque.
pub(super) fn escape(text: &str) -> String {
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(|byte| if unreserved(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_while_their_objects_are_small() {
        let pages = |bytes_each: usize| {
            let next = |page: &usize| Some(next_page(*page, page * bytes_each));
            std::iter::successors(Some(SMALLEST_PAGE), next).take(5).collect::<Vec<_>>()
        };
        assert_eq!(pages(200), [500, 2_000, 8_000, 10_000, 10_000]);
        assert_eq!(pages(2_000), [500, 2_000, 2_097, 2_097, 2_097]);
        assert_eq!(pages(256 << 10), [500; 5]);
        assert_eq!(next_page(10_000, 0), 10_000, "nothing was there");
    }
}
