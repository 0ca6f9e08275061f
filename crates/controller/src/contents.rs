//! A cache of the contents of sources, for the time in which they are being copied.
//!
//! With it a source is read once per version, and not once per target. Contents are dropped soon after, so that the program does
//! not hold Secrets that it does not need.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use k8s_replicator_core::bug;
use k8s_replicator_core::names::Key;
use k8s_replicator_core::observed::ResourceVersion;
use k8s_replicator_core::payload::Payload;

use crate::event::Moment;

/// A content that nobody asked for during this time is dropped.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// When all contents together are larger than this, the ones that were not used for longest go.
const MOST_BYTES: usize = 32 << 20;
/// From this size on [`Contents::is_pressed`] answers true.
const PRESSED_FROM: usize = MOST_BYTES / 2;

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
    /// All of them, by when they were used last.
    by_use: BTreeSet<(Moment, Key)>,
    bytes: usize,
}

impl Contents {
    /// Keeps a source's content in the place of an older one.
    pub fn keep(&mut self, now: Moment, source: Key, version: ResourceVersion, payload: Payload) {
        if bug!(StalePayload)
            && let Some(kept) = self.kept.get_mut(&source)
        {
            kept.version = version;
            return;
        }
        self.drop_content(&source);
        self.bytes += payload.size();
        while self.bytes > MOST_BYTES
            && let Some((_, oldest)) = self.by_use.first().cloned()
        {
            self.drop_content(&oldest);
        }
        self.by_use.insert((now, source.clone()));
        self.kept.insert(source, Kept { version, payload, used: now });
    }

    /// The content of this source at this version, if it is kept.
    pub fn get(&mut self, now: Moment, source: &Key, version: &ResourceVersion) -> Option<Payload> {
        let kept = self.kept.get_mut(source).filter(|kept| kept.version == *version)?;
        if kept.used != now {
            self.by_use.remove(&(kept.used, source.clone()));
            self.by_use.insert((now, source.clone()));
            kept.used = now;
        }
        Some(kept.payload.clone())
    }

    /// Whether there is little room for more.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.bytes >= PRESSED_FROM
    }

    /// Drops what was not used for a while.
    pub fn expire(&mut self, now: Moment) {
        while let Some((used, source)) = self.by_use.first()
            && *used + KEPT_FOR <= now
        {
            let source = source.clone();
            self.drop_content(&source);
        }
    }

    /// When there is something to expire.
    #[must_use]
    pub fn wake_at(&self) -> Option<Moment> {
        self.by_use.first().map(|(used, _)| *used + KEPT_FOR)
    }

    fn drop_content(&mut self, source: &Key) {
        if let Some(kept) = self.kept.remove(source) {
            self.by_use.remove(&(kept.used, source.clone()));
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

    /// From half of what may be kept on there is little room, until contents have expired.
    #[test]
    fn there_is_little_room_from_half_on() {
        let mut contents = Contents::default();
        let mut keep = |name: &str, bytes: usize| {
            let key = Key::new("ns", name).unwrap();
            contents.keep(Moment::ZERO, key, ResourceVersion::new("1"), payload(bytes));
            contents.is_pressed()
        };
        assert_eq!([keep("a", PRESSED_FROM - 1), keep("b", 1), keep("c", 1)], [false, true, true]);
        contents.expire(KEPT_FOR);
        assert!(!contents.is_pressed());
    }

    /// Issue 9, 3: no walk over all contents for each request.
    #[test]
    fn expiry_does_not_walk_over_all_contents() {
        let mut contents = Contents::default();
        let version = ResourceVersion::new("1");
        let keys: Vec<Key> = (0..30_000).map(|n| Key::new("ns", &format!("a{n}")).unwrap()).collect();
        keys.iter().for_each(|key| contents.keep(Moment::ZERO, key.clone(), version.clone(), payload(1)));
        let began = std::time::Instant::now();
        for _ in 0..10_000 {
            contents.expire(Duration::from_secs(1));
            assert_eq!(contents.wake_at(), Some(KEPT_FOR));
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        contents.expire(KEPT_FOR);
        assert_eq!((contents.kept.len(), contents.by_use.len(), contents.bytes), (0, 0, 0));
    }
}
