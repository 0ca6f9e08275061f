//! Facts about the machine on which the figures were measured.

use std::fs;

use serde_json::{Value, json};

/// Processors, memory, kernel.
pub(super) fn facts() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (cpus, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    json!({
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "processor": after(&cpus, "model name"),
        "memory": after(&memory, "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
    })
}
