//! The `process_…` metrics, from `/proc` (Linux), by the names that all of Prometheus' client libraries use.

use std::fs;

use crate::metrics::{Metric, Samples};

/// A value that cannot be read is left out.
pub(super) fn measure(samples: &mut Samples) {
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Stat::read) {
        let ticks = rustix::param::clock_ticks_per_second().max(1) as f64;
        samples.number(Metric::ProcessCpu, &[], stat.ticks as f64 / ticks);
        samples.count(Metric::ProcessVirtualMemory, &[], stat.virtual_bytes);
        samples.count(
            Metric::ProcessMemory,
            &[],
            stat.resident_pages.saturating_mul(rustix::param::page_size() as u64),
        );
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // One of them is the open folder itself.
        samples.count(Metric::ProcessFiles, &[], files.count().saturating_sub(1));
    }
    if let Some(most) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(most_files) {
        samples.count(Metric::ProcessMostFiles, &[], most);
    }
}

#[derive(Debug, PartialEq)]
struct Stat {
    ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    /// Of `/proc/PID/stat`, see proc(5). The name of the program, in brackets, may hold anything.
    fn read(text: &str) -> Option<Self> {
        let fields: Vec<u64> =
            text.rsplit_once(") ")?.1.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        // The first of them is number 3.
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self { ticks: field(14)? + field(15)?, virtual_bytes: field(23)?, resident_pages: field(24)? })
    }
}

fn most_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_stat_is_read() {
        let text = "42 (a ) name) S 1 42 42 0 -1 4194560 1 0 0 0 11 7 0 0 20 0 4 0 99 123456 78 1844 1 1 0";
        assert_eq!(Stat::read(text), Some(Stat { ticks: 18, virtual_bytes: 123_456, resident_pages: 78 }));
        assert_eq!(Stat::read("42 (a) S 1"), None);
        let limits =
            "Limit Soft Limit Hard Limit Units\nMax open files            1024                 524288  files\n";
        assert_eq!((most_files(limits), most_files("Max open files unlimited")), (Some(1_024), None));
    }

    #[test]
    fn this_process_is_measured() {
        let mut samples = Samples::default();
        measure(&mut samples);
        for metric in [Metric::ProcessMemory, Metric::ProcessVirtualMemory, Metric::ProcessFiles] {
            assert!(samples.get(metric, &[]).is_some_and(|number| number > 0.0), "{metric:?}");
        }
    }
}
