//! One page of a list, and how many objects to ask for.

use std::borrow::Cow;

use bytes::Bytes;
use k8s_replicator_core::scope::Part;
use k8s_replicator_core::{bug, protobuf};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::unreadable;
use crate::cluster::Failure;
use crate::cluster::object::Object;
use crate::wire::{Expects, HttpRequest, Response};

/// Objects in the first page of a list.
pub const FIRST_PAGE: usize = 500;
/// The number of objects in a page if they are as large as possible.
pub(super) const SMALLEST_PAGE: usize = 16;
/// The number if they are small. Then the number of pages takes the time: four fifths of it with 50,000 objects.
pub(super) const LARGEST_PAGE: usize = 20_000;
/// The size of a page that is aimed at.
const PAGE_BYTES: usize = 8 << 20;
/// So many objects are delivered to the consumer before others have a turn: less than a millisecond's work.
const TURN: usize = 256;

/// `Accept` for a list of metadata alone: as protobuf, which takes a quarter of the size and the time, or as JSON from servers that
/// cannot.
const METADATA_LISTS: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
                              application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// A longer page is not taken, and asked for again in smaller pieces: many objects with long annotations (256 KiB at most) must
/// not make this program run out of memory.
pub(super) const LONGEST_PAGE: usize = 32 << 20;

/// The characters that are not escaped in a query (RFC 3986: unreserved). Versions and continue tokens are opaque.
pub(super) const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The request for a page of so many objects. `position`: where it begins; empty: at the beginning.
pub(crate) fn request(resource: &str, part: &Part, limit: usize, position: &str) -> HttpRequest {
    let continue_ = match position.is_empty() {
        true => String::new(),
        false => format!("&continue={}", utf8_percent_encode(position, QUERY)),
    };
    let path = path(resource, part, &format!("limit={limit}{continue_}"));
    HttpRequest::get(path, METADATA_LISTS, Expects::Whole(LONGEST_PAGE))
}

/// Path and query of what is asked about all objects of a part.
pub(super) fn path(resource: &str, part: &Part, query: &str) -> String {
    match part {
        Part::Cluster => format!("/api/v1/{resource}?{query}"),
        Part::Namespace(namespace) => format!("/api/v1/namespaces/{namespace}/{resource}?{query}"),
    }
}

/// One page of a list.
pub(crate) struct Page {
    /// The version of the list.
    pub(crate) version: String,
    /// The token of the next page; empty: this is the last one.
    pub(crate) continue_: String,
    /// Pieces of the response's body, which is freed when they are.
    items: std::vec::IntoIter<Bytes>,
    is_protobuf: bool,
}

impl Page {
    /// Reads the body of a response. An error is whatever is not a list of a version: a `Status`, a proxy's page. None of them may
    /// be taken for an empty list.
    pub(crate) fn read(response: Response) -> Result<Self, Failure> {
        let is_protobuf = response.is_protobuf();
        let body = response.body;
        let (kind, version, continue_, items): (_, _, _, Vec<_>) = if is_protobuf {
            let list = protobuf::List::read(&body).map_err(unreadable)?;
            let items = list.items.iter().map(|item| body.slice_ref(item)).collect();
            let kind = protobuf::kind(&body).unwrap_or_default().to_owned();
            (kind, list.resource_version.to_owned(), list.continue_.to_owned(), items)
        } else {
            let list: List<'_> = serde_json::from_slice(&body).map_err(unreadable)?;
            let items = list.items.iter().flatten().map(|item| body.slice_ref(item.get().as_bytes())).collect();
            let ListMetadata { resource_version, continue_ } = list.metadata;
            (list.kind.into_owned(), resource_version.into_owned(), continue_.into_owned(), items)
        };
        if !kind.ends_with("List") && !bug!(AnySuccessIsAList) {
            return Err(Failure::unreadable("it is no list"));
        }
        if version.is_empty() && !bug!(AnySuccessIsAList) {
            return Err(Failure::unreadable("it is a list without a resourceVersion"));
        }
        Ok(Self { version, continue_, items: items.into_iter(), is_protobuf })
    }

    /// Passes some of its objects to `take`, and answers whether these were the last ones.
    pub(crate) fn give(&mut self, mut take: impl FnMut(Object<'_>) -> Result<(), Failure>) -> Result<bool, Failure> {
        for item in self.items.by_ref().take(TURN) {
            let taken = take(if self.is_protobuf { Object::Protobuf(&item) } else { Object::Json(&item) });
            if !bug!(UnreadableIsMissing) {
                taken?;
            }
        }
        Ok(self.items.len() == 0)
    }
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metadata: ListMetadata<'a>,
    /// Go writes an empty list as null.
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata<'a> {
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, default, rename = "continue")]
    continue_: Cow<'a, str>,
}

/// How many objects to ask for next, if so many took so many bytes. It grows step by step: the next ones may be larger.
pub(crate) fn next_page(page: usize, bytes: usize) -> usize {
    let fitting = PAGE_BYTES * page / bytes.max(1);
    fitting.min(4 * page).clamp(SMALLEST_PAGE, LARGEST_PAGE)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn pages_grow_while_their_objects_are_small() {
        let pages = |bytes_each: usize| {
            let next = |page: &usize| Some(next_page(*page, page * bytes_each));
            std::iter::successors(Some(FIRST_PAGE), next).take(5).collect::<Vec<_>>()
        };
        assert_eq!(pages(200), [500, 2_000, 8_000, 20_000, 20_000]);
        assert_eq!(pages(2_000), [500, 2_000, 4_194, 4_194, 4_194]);
        assert_eq!(pages(256 << 10), [500, 32, 32, 32, 32]);
        assert_eq!(next_page(16, 16), 64);
        assert_eq!(next_page(20_000, 0), 20_000, "nothing was there");
    }

    fn read(type_: &'static str, body: &[u8]) -> Result<Page, String> {
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, type_.parse().unwrap())]);
        let body = Bytes::copy_from_slice(body);
        Page::read(Response { status: StatusCode::OK, headers, body }).map_err(|failure| failure.message)
    }

    /// Issue 1: nothing destructive follows from an answer that was not understood. Each of these was taken for an empty list once.
    #[test]
    fn what_is_no_list_is_not_an_empty_one() {
        let status = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":500}"#;
        let with_version = r#"{"kind":"Status","metadata":{"resourceVersion":"7"},"items":[]}"#;
        let no_version = r#"{"kind":"SecretList","metadata":{},"items":[]}"#;
        let no_kind = r#"{"metadata":{"resourceVersion":"7"},"items":[]}"#;
        for body in [status, with_version, no_version, no_kind, "<html></html>", "null", ""] {
            assert!(read("application/json", body.as_bytes()).is_err(), "{body}");
        }
        let list = r#"{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"7"},"items":null}"#;
        assert_eq!(read("application/json", list.as_bytes()).unwrap().version, "7");

        let unknown = |kind: &[u8], raw: &[u8]| {
            let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
            let type_ = [field(1, b"v1"), field(2, kind)].concat();
            [b"k8s\0".to_vec(), field(1, &type_), field(2, raw)].concat()
        };
        // A list, and a `Status`, of version 7: both have their metadata in the first field.
        let raw = [0x0a, 3, 0x12, 1, b'7'];
        let type_ = "application/vnd.kubernetes.protobuf";
        assert_eq!(read(type_, &unknown(b"PartialObjectMetadataList", &raw)).unwrap().version, "7");
        for kind in [&b"Status"[..], b""] {
            assert!(read(type_, &unknown(kind, &raw)).is_err());
        }
        assert!(read(type_, &unknown(b"PartialObjectMetadataList", &[])).is_err(), "no version");
    }
}
