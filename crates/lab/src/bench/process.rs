//! The processor time and memory of a process, from `/proc`.

use std::fs;

use anyhow::{Context as _, Result};

/// Seconds of processor time since the process began, its threads' included.
pub(super) fn cpu_seconds(id: u32) -> Result<f64> {
    let path = format!("/proc/{id}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the program's name in parentheses, which may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).with_context(|| format!("cannot read {path}"))?;
    Ok((user + system) / rustix::param::clock_ticks_per_second() as f64)
}

/// Megabytes (10^6 bytes) that the process holds in memory now, and the most it ever held.
pub(super) fn memory(id: u32) -> Result<(f64, f64)> {
    let path = format!("/proc/{id}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let megabytes = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0 / 1e6)
    };
    megabytes("VmRSS:").zip(megabytes("VmHWM:")).with_context(|| format!("cannot read {path}"))
}
