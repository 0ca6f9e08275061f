//! The last frames, by their numbers.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::protocol::Frame;

/// So many bytes of frames are kept, and so many frames.
const MOST_BYTES: usize = 1 << 20;
const MOST: usize = 1_024;

/// What a viewer gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It has everything.
    Nothing,
    /// The next frame, as an event that is ready to be sent.
    Frame(u64, Bytes),
    /// The frames after the one that it has are not there any more: it has to take a new snapshot.
    Reset,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Frames {
    epoch: u64,
    frames: VecDeque<Bytes>,
    bytes: usize,
    last: u64,
}

impl Frames {
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, frames: VecDeque::new(), bytes: 0, last: 0 }
    }

    /// The number of the last frame.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// What a viewer is told who has all frames up to this one.
    pub(super) fn id(&self, number: u64) -> String {
        format!("{:x}-{number}", self.epoch)
    }

    /// The number in an id; `None`: it is of another run of the program, or none.
    pub(super) fn position(&self, id: &str) -> Option<u64> {
        let (epoch, number) = id.split_once('-')?;
        if u64::from_str_radix(epoch, 16).ok()? != self.epoch {
            return None;
        }
        number.parse().ok()
    }

    pub(super) fn push(&mut self, frame: &Frame) {
        self.last += 1;
        let json = serde_json::to_string(frame).unwrap_or_default();
        let event = Bytes::from(format!("id: {}\ndata: {json}\n\n", self.id(self.last)));
        self.bytes += event.len();
        self.frames.push_back(event);
        while self.frames.len() > 1 && (self.bytes > MOST_BYTES || self.frames.len() > MOST) {
            self.bytes -= self.frames.pop_front().map_or(0, |oldest| oldest.len());
        }
    }

    /// Nobody can go on from here.
    pub(super) fn forget(&mut self) {
        (self.frames, self.bytes) = (VecDeque::new(), 0);
        // Also not who had the last one.
        self.last += 1;
    }

    /// Whether all frames after this one are there.
    pub(super) fn has_since(&self, number: u64) -> bool {
        self.place(number).is_some()
    }

    pub(super) fn after(&self, number: u64) -> Next {
        match self.place(number) {
            None => Next::Reset,
            Some(place) => match self.frames.get(place) {
                None => Next::Nothing,
                Some(frame) => Next::Frame(number + 1, frame.clone()),
            },
        }
    }

    /// Where the frame after this one is, or will be.
    fn place(&self, number: u64) -> Option<usize> {
        let behind = usize::try_from(self.last.checked_sub(number)?).ok()?;
        self.frames.len().checked_sub(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(now: i64) -> Frame {
        Frame { now, ..Frame::default() }
    }

    #[test]
    fn a_viewer_goes_on_where_it_was_or_begins_anew() {
        let mut frames = Frames::new(0xab);
        assert_eq!(frames.after(0), Next::Nothing);
        frames.push(&frame(1));
        frames.push(&frame(2));
        let Next::Frame(1, first) = frames.after(0) else { panic!("{:?}", frames.after(0)) };
        assert_eq!(first, "id: ab-1\ndata: {\"now\":1}\n\n");
        assert!(matches!(frames.after(1), Next::Frame(2, _)));
        assert_eq!((frames.after(2), frames.after(3)), (Next::Nothing, Next::Reset));
        assert_eq!([frames.position("ab-2"), frames.position("ac-2"), frames.position("x")], [Some(2), None, None]);
        frames.forget();
        assert_eq!((frames.after(2), frames.after(frames.last())), (Next::Reset, Next::Nothing));
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_bytes() {
        let mut frames = Frames::new(1);
        (0..3 * MOST as i64).for_each(|now| frames.push(&frame(now)));
        assert_eq!(frames.frames.len(), MOST);
        assert_eq!(frames.after(0), Next::Reset);
        assert!(frames.has_since(2 * MOST as u64) && !frames.has_since(2 * MOST as u64 - 1));
        let long = Frame { gone: vec![(0, "x".repeat(MOST_BYTES / 3))], ..Frame::default() };
        (0..9).for_each(|_| frames.push(&long));
        assert!(frames.bytes <= MOST_BYTES && frames.frames.len() < 4, "{}", frames.frames.len());
        assert_eq!(frames.bytes, frames.frames.iter().map(Bytes::len).sum::<usize>());
    }
}
