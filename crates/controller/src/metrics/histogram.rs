//! A histogram of durations.

use std::time::Duration;

/// Counts by upper bounds, which are fixed.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds: the last one counts what exceeds all bounds.
    counts: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    /// From a change to a write: 5 ms to 30 s.
    pub const PROPAGATION: &'static [f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    /// From the write of a source to the write of its target, by a clock of whole seconds.
    pub const END_TO_END: &'static [f64] = &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0];
    /// The duration of a request.
    pub const REQUEST: &'static [f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

    /// An empty one with these upper bounds, in seconds.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1].into(), sum: 0.0 }
    }

    /// Counts one duration.
    pub fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum += seconds;
    }

    /// The upper bounds, and how many are between each and the one before. The last one is infinite.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        self.bounds.iter().copied().chain([f64::INFINITY]).zip(self.counts.iter().copied()).collect()
    }

    /// The number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum, in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::new(&[0.5, 1.0]);
        for millis in [100, 500, 501, 1_000, 1_001, 60_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        assert_eq!(histogram.buckets(), [(0.5, 2), (1.0, 2), (f64::INFINITY, 2)]);
        assert_eq!((histogram.count(), histogram.sum().round()), (6, 63.0));
    }

    #[test]
    fn bounds_are_in_order() {
        for bounds in [Histogram::PROPAGATION, Histogram::END_TO_END, Histogram::REQUEST] {
            assert!(bounds.is_sorted());
        }
    }
}
