//! Contents of sources that are being copied, kept for the time of the copying.
//!
//! So that a source is read once per version, and not once per target; and no longer, so that the program does not hold
//! Secrets that nobody needs.

use std::collections::HashMap;
use std::time::Duration;

use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::ResourceVersion;
use k8s_replicator_core::payload::Payload;

use crate::event::Moment;

/// A content that nobody asked for during this time is dropped.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// When all contents together are larger than this, the ones that were not used for longest go.
const MOST_BYTES: usize = 32 << 20;

#[derive(Debug)]
struct Kept {
    version: ResourceVersion,
    payload: Payload,
    used: Moment,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Contents {
    kept: HashMap<Key, Kept>,
    bytes: usize,
}

impl Contents {
    /// Keeps a source's content in the place of an older one.
    pub fn keep(&mut self, now: Moment, source: Key, version: ResourceVersion, payload: Payload) {
        self.drop_content(&source);
        self.bytes += payload.size();
        self.kept.insert(source.clone(), Kept { version, payload, used: now });
        while self.bytes > MOST_BYTES && self.kept.len() > 1 {
            let others = self.kept.iter().filter(|(key, _)| **key != source);
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone()) else { return };
            self.drop_content(&oldest);
        }
    }

    /// The content of this source at this version, if it is kept.
    pub fn get(&mut self, now: Moment, source: &Key, version: &ResourceVersion) -> Option<Payload> {
        let kept = self.kept.get_mut(source).filter(|kept| kept.version == *version)?;
        kept.used = now;
        Some(kept.payload.clone())
    }

    /// Drops what was not used for a while.
    pub fn expire(&mut self, now: Moment) {
        let old: Vec<Key> =
            self.kept.iter().filter(|(_, kept)| kept.used + KEPT_FOR <= now).map(|(key, _)| key.clone()).collect();
        old.iter().for_each(|key| self.drop_content(key));
    }

    /// When there is something to expire.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        self.kept.values().map(|kept| kept.used + KEPT_FOR).min()
    }

    fn drop_content(&mut self, source: &Key) {
        if let Some(kept) = self.kept.remove(source) {
            self.bytes -= kept.payload.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(bytes: usize) -> Payload {
        Payload::new([Some("x".repeat(bytes).into())])
    }

    #[test]
    fn one_version_is_kept_while_it_is_used() {
        let mut contents = Contents::default();
        let (key, second) = (Key::new("ns", "a").unwrap(), Duration::from_secs(1));
        let (v1, v2) = (ResourceVersion::new("1"), ResourceVersion::new("2"));
        contents.keep(Moment::ZERO, key.clone(), v1.clone(), payload(3));
        assert_eq!(contents.get(second, &key, &v1), Some(payload(3)));
        assert_eq!(contents.get(second, &key, &v2), None);
        assert_eq!(contents.wake_at(), Some(second * 11));
        contents.expire(second * 10);
        assert!(contents.get(second * 10, &key, &v1).is_some());
        contents.keep(second * 10, key.clone(), v2.clone(), payload(5));
        assert_eq!(contents.get(second * 10, &key, &v1), None);
        assert_eq!(contents.bytes, 5);
        contents.expire(second * 20);
        assert_eq!((contents.get(second * 20, &key, &v2), contents.bytes, contents.wake_at()), (None, 0, None));
    }

    #[test]
    fn together_they_stay_small() {
        let mut contents = Contents::default();
        let version = ResourceVersion::new("1");
        for n in 0..40u64 {
            let key = Key::new("ns", &format!("a{n}")).unwrap();
            contents.keep(Duration::from_secs(n), key, version.clone(), payload(1 << 20));
        }
        assert_eq!(contents.bytes, MOST_BYTES);
        let mut get = |n| contents.get(Duration::from_secs(40), &Key::new("ns", n).unwrap(), &version).is_some();
        assert_eq!((get("a0"), get("a7"), get("a8"), get("a39")), (false, false, true, true));
    }
}
