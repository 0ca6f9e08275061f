//! Files and folders in, manifests out.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use k8s_replicator_plan::{Manifests, Place, Problem, Reader, UNREADABLE};

/// The longest file that is read: more than an API server takes of anything, many times.
const LONGEST: u64 = 256 << 20;

/// Reads them in the order in which they were named; those of a folder in the order of their names.
pub(super) fn read(files: &[PathBuf], reader: &Reader<'_>, into: &mut Manifests) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for file in files {
        if file.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
            take("-", bytes, reader, into);
            continue;
        }
        let about = |what: &str| format!("{what} {}", file.display());
        if file.metadata().with_context(|| about("cannot read"))?.is_dir() {
            let mut found = Vec::new();
            find(file, &mut found).with_context(|| about("cannot read the folder"))?;
            found.sort();
            for file in found {
                one(&file, reader, into, &mut seen)?;
            }
        } else {
            one(file, reader, into, &mut seen)?;
        }
    }
    Ok(())
}

/// A file counts once, however often it is named.
fn one(file: &Path, reader: &Reader<'_>, into: &mut Manifests, seen: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    if !seen.insert(file.to_owned()) {
        return Ok(());
    }
    let open = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(file)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = open().with_context(|| format!("cannot read {}", file.display()))?;
    take(&file.to_string_lossy(), bytes, reader, into);
    Ok(())
}

fn take(name: &str, bytes: Vec<u8>, reader: &Reader<'_>, into: &mut Manifests) {
    let problem = |line: usize, message: String| Problem {
        code: UNREADABLE,
        about: "a file that cannot be read".to_owned(),
        message,
        help: None,
        place: Place { file: name.into(), line, column: 1, excerpt: None },
    };
    if bytes.len() as u64 > LONGEST {
        into.problems.push(problem(1, format!("the file has more than {} MiB", LONGEST >> 20)));
        return;
    }
    match String::from_utf8(bytes) {
        Ok(text) => reader.read(name, &text, into),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let lines = error.as_bytes().get(..good).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
            into.problems.push(problem(lines + 1, "this is not UTF-8".to_owned()));
        }
    }
}

/// All manifests below a folder. What is hidden is passed over.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Links to folders are not followed: they may lead round.
        if entry.file_type()?.is_dir() {
            find(&path, found)?;
        } else if path.extension().is_some_and(|it| ["yaml", "yml", "json"].iter().any(|known| it == *known)) {
            found.push(path);
        }
    }
    Ok(())
}
