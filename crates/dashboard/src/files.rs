//! The files of the page, in the program: compressed once, when it begins to serve them.

use std::io::Write as _;

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

macro_rules! files {
    ($($path:literal $type_:literal)+) => {
        /// Path, media type, content.
        const FILES: &[(&str, &str, &[u8])] = &[$(
            (concat!("/", $path), $type_, include_bytes!(concat!("../page/", $path))),
        )+];
    };
}

files! {
    "index.html" "text/html; charset=utf-8"
    "style.css" "text/css; charset=utf-8"
    "icon.svg" "image/svg+xml"
    "js/blank.js" "text/javascript; charset=utf-8"
    "js/counts.js" "text/javascript; charset=utf-8"
    "js/dom.js" "text/javascript; charset=utf-8"
    "js/filter.js" "text/javascript; charset=utf-8"
    "js/filters.js" "text/javascript; charset=utf-8"
    "js/labels.js" "text/javascript; charset=utf-8"
    "js/layout.js" "text/javascript; charset=utf-8"
    "js/main.js" "text/javascript; charset=utf-8"
    "js/matrix.js" "text/javascript; charset=utf-8"
    "js/model.js" "text/javascript; charset=utf-8"
    "js/order.js" "text/javascript; charset=utf-8"
    "js/paint.js" "text/javascript; charset=utf-8"
    "js/parts.js" "text/javascript; charset=utf-8"
    "js/server.js" "text/javascript; charset=utf-8"
    "js/side.js" "text/javascript; charset=utf-8"
    "js/states.js" "text/javascript; charset=utf-8"
    "js/table.js" "text/javascript; charset=utf-8"
    "js/texts.js" "text/javascript; charset=utf-8"
    "js/trail.js" "text/javascript; charset=utf-8"
    "js/url.js" "text/javascript; charset=utf-8"
    "js/words.js" "text/javascript; charset=utf-8"
}

/// One file, ready to be sent.
#[derive(Debug, Clone)]
pub struct File {
    type_: &'static str,
    etag: HeaderValue,
    plain: Bytes,
    compressed: Bytes,
}

impl File {
    /// All of them, by their paths; `/` is the first.
    #[must_use]
    pub fn all() -> Vec<(&'static str, Self)> {
        let files = FILES.iter().map(|(path, type_, content)| (*path, Self::new(type_, content)));
        let mut files: Vec<_> = files.collect();
        let index = files.first().map(|(_, index)| ("/", index.clone()));
        files.extend(index);
        files
    }

    fn new(type_: &'static str, content: &'static [u8]) -> Self {
        let hash = Sha256::digest(content);
        let etag: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self {
            type_,
            etag: HeaderValue::try_from(format!("\"{etag}\"")).unwrap_or(HeaderValue::from_static("\"\"")),
            plain: Bytes::from_static(content),
            compressed: compressed(content, Compression::best()),
        }
    }

    /// The response to a request with these headers.
    #[must_use]
    pub fn response(&self, headers: &HeaderMap) -> Response {
        let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or_default();
        let is_known = known.split(',').any(|known| self.etag == known.trim().trim_start_matches("W/"));
        // A program that was updated has other files under the same names: each time it is asked whether they are the same.
        let cached = [(CACHE_CONTROL, HeaderValue::from_static("no-cache")), (ETAG, self.etag.clone())];
        if is_known {
            return (StatusCode::NOT_MODIFIED, cached).into_response();
        }
        let body =
            if takes_gzip(headers) { Encoded::Gzip(self.compressed.clone()) } else { Encoded::Not(self.plain.clone()) };
        (cached, body.response(self.type_)).into_response()
    }
}

/// A body as it is sent.
pub(crate) enum Encoded {
    Gzip(Bytes),
    Not(Bytes),
}

impl Encoded {
    pub(crate) fn response(self, type_: &'static str) -> Response {
        let (encoding, body) = match self {
            Self::Gzip(body) => (Some(HeaderValue::from_static("gzip")), body),
            Self::Not(body) => (None, body),
        };
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(type_));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, encoding);
        }
        response
    }
}

/// Whether who asks takes gzip. All browsers do.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip")) && !parts.any(|it| it == "q=0")
    })
}

pub(crate) fn compressed(content: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    // Writing into memory does not fail; if it did, the page would be empty.
    let written = encoder.write_all(content).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// What lies in the folder is served, and nothing else is.
    #[test]
    fn every_file_of_the_page_is_embedded() {
        fn walk(folder: &Path, under: &str, found: &mut BTreeSet<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{under}/{}", entry.file_name().to_str().unwrap());
                match entry.file_type().unwrap().is_dir() {
                    true => walk(&entry.path(), &path, found),
                    false => drop(found.insert(path)),
                }
            }
        }
        let mut found = BTreeSet::new();
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("page"), "", &mut found);
        found.remove("/README.md");
        let embedded: BTreeSet<_> = FILES.iter().map(|(path, ..)| (*path).to_owned()).collect();
        assert_eq!(found, embedded);
    }

    #[test]
    fn a_file_that_is_known_is_not_sent_again_and_gzip_is_sent_to_who_takes_it() {
        let file = File::new("text/css", b"a { color: red }");
        let headers = |name: axum::http::HeaderName, value: &str| {
            HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
        };
        let response = file.response(&HeaderMap::new());
        assert_eq!((response.status(), response.headers().get(CONTENT_ENCODING)), (StatusCode::OK, None));
        let etag = response.headers()[ETAG].to_str().unwrap().to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}")] {
            assert_eq!(file.response(&headers(IF_NONE_MATCH, &known)).status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        for (accepted, is_gzip) in
            [("gzip, br", true), ("br;q=1, gzip;q=0.5", true), ("gzip;q=0", false), ("br", false)]
        {
            let response = file.response(&headers(ACCEPT_ENCODING, accepted));
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), is_gzip, "{accepted}");
        }
    }
}
