//! The static program that goes into the image, and the image.

mod archive;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

pub use archive::Image;

/// 15 MiB. The image has little in it beside the program; to pull it takes less than half of that, since registries keep it compressed.
const LARGEST: u64 = 15 << 20;

/// Builds the static binary for this machine's architecture, and sees that it is static and small enough.
///
/// # Errors
/// When it cannot be built, is not static, or too large.
pub fn static_binary() -> Result<(PathBuf, u64)> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("the image is made for amd64 and arm64; this machine is {other}"),
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let script = workspace.join("deploy/image/static-binary.sh");
    let mut command = Command::new("sh");
    command.arg(&script).arg(architecture).current_dir(&workspace).stderr(Stdio::inherit());
    crate::forget_package(&mut command);
    let output = command.output().context("cannot run sh")?;
    ensure!(output.status.success(), "deploy/image/static-binary.sh {architecture} ended with {}", output.status);
    let binary = workspace.join(String::from_utf8_lossy(&output.stdout).trim());
    let bytes = std::fs::read(&binary).with_context(|| format!("cannot read {}", binary.display()))?;
    ensure!(!needs_interpreter(&bytes), "{} is not static: it names a dynamic linker", binary.display());
    let size = bytes.len() as u64;
    ensure!(size < LARGEST, "{} has {size} bytes; the image is to have less than {LARGEST}", binary.display());
    Ok((binary, size))
}

/// Whether an ELF file of 64 bits, little-endian, has a program header of type PT_INTERP: its dynamic linker.
fn needs_interpreter(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = elf.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    let headers = || -> Option<Vec<u64>> {
        let (offset, size, count) = (number(0x20, 8)? as usize, number(0x36, 2)? as usize, number(0x38, 2)? as usize);
        (0..count).map(|index| number(offset + index * size, 4)).collect()
    };
    headers().is_none_or(|types| types.contains(&u64::from(PT_INTERP)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_dynamic_linker_is_known() {
        // This very program has one, and a file that is no ELF is not taken for static.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needs_interpreter(&own));
        assert!(needs_interpreter(b"#!/bin/sh\n"));
        let mut header = vec![0; 0x78];
        (header[0x20], header[0x36], header[0x38], header[0x40]) = (0x40, 0x38, 1, 1);
        assert!(!needs_interpreter(&header), "one header, PT_LOAD");
        header[0x40] = 3;
        assert!(needs_interpreter(&header));
    }
}
