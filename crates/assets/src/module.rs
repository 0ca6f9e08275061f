//! A Go module in `tools`, which pins programs by the versions in its `go.mod` and `go.sum`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// See the [module](self).
pub(super) struct Module {
    /// Its folder in `tools`, for messages.
    name: &'static str,
    pub(super) folder: PathBuf,
    go_mod: String,
}

impl Module {
    /// The module in `tools/<name>`.
    pub(super) fn open(name: &'static str) -> Result<Self> {
        // Both crates that need it live in the workspace, and are never installed elsewhere.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools").join(name);
        let go_mod =
            fs::read_to_string(folder.join("go.mod")).with_context(|| format!("cannot read tools/{name}/go.mod"))?;
        Ok(Self { name, folder, go_mod })
    }

    /// What follows `word` at the start of a line, such as `1.26.0` after `go`.
    pub(super) fn line(&self, word: &str) -> Result<&str> {
        self.go_mod
            .lines()
            .find_map(|line| line.trim().strip_prefix(word)?.strip_prefix(' ')?.split_whitespace().next())
            .with_context(|| format!("tools/{}/go.mod has no line `{word} …`", self.name))
    }

    /// The programs that are this module's own, in folders of their own: few have any.
    fn own_programs(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.folder).with_context(|| format!("cannot read tools/{}", self.name))?;
        let programs = entries.map_while(Result::ok).map(|entry| entry.path().join("main.go"));
        let mut programs: Vec<_> = programs.filter(|program| program.is_file()).collect();
        programs.sort();
        Ok(programs)
    }

    /// Names the programs that come out: another one whenever a version, a flag or a program of the module's own changes.
    pub(super) fn fingerprint(&self, build_flags: &[String]) -> Result<String> {
        let go_sum = self.folder.join("go.sum");
        let mut hash = Sha256::new();
        hash.update(&self.go_mod);
        hash.update(fs::read(go_sum).with_context(|| format!("cannot read tools/{}/go.sum", self.name))?);
        hash.update(build_flags.join(" "));
        for program in self.own_programs()? {
            hash.update(fs::read(program)?);
        }
        Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
impl Module {
    /// A module with this `go.mod`, and nothing else.
    pub(super) fn of(go_mod: &str) -> Self {
        Self { name: "test", folder: PathBuf::new(), go_mod: go_mod.to_owned() }
    }

    /// Whether it lists the package as a tool.
    pub(super) fn names_tool(&self, package: &str) -> bool {
        self.go_mod.lines().any(|line| line.trim().trim_start_matches("tool ") == package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_first_word() {
        let module = Module::of("module m\n\ngo 1.26.0\n\nrequire (\n\ta.b/c v1.37.2 // indirect\n)\n");
        assert_eq!((module.line("go").unwrap(), module.line("a.b/c").unwrap()), ("1.26.0", "v1.37.2"));
        assert!(module.line("toolchain").unwrap_err().to_string().contains("no line `toolchain"));
    }

    #[test]
    fn the_fingerprint_is_short_and_stable() {
        let module = Module::open("controlplane").unwrap();
        let fingerprint = |flag: &str| module.fingerprint(&[flag.to_owned()]).unwrap();
        assert_eq!(fingerprint("-a"), fingerprint("-a"));
        assert_ne!(fingerprint("-a"), fingerprint("-b"));
        assert_eq!(fingerprint("-a").len(), 16);
    }
}
