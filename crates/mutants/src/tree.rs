//! A copy of the workspace, with all mutants in it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::list::Mutant;
use crate::rewrite::{Learnt, Rewritten, rewrite};
use crate::sites::{Site, sites};

/// The module that chooses a mutant, in the copy's `core`.
const SWITCH: &str = include_str!("switch.rs.txt");
/// The controller's code names the module like that; so `core` has to know this name too.
const IN_CORE: &str = "\nextern crate self as k8s_replicator_core;\n/// Which mutant runs.\npub mod switch;\n";

/// The copy.
pub(crate) struct Tree {
    folder: PathBuf,
    /// The files with mutants.
    files: HashMap<String, (String, Vec<Site>)>,
    /// Mutants that no switch can stand at.
    pub(crate) not_switchable: Vec<u32>,
    /// Mutants that do not compile.
    pub(crate) not_compiling: Vec<u32>,
}

impl Tree {
    /// Copies the workspace's files: those that git knows, and new ones.
    pub(crate) fn copy(workspace: &Path, folder: PathBuf, mutants: &[Mutant]) -> Result<Self> {
        let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
        let listed = Command::new("git").args(arguments).current_dir(workspace).output().context("git ls-files")?;
        ensure!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
        let mut of_file: HashMap<&str, Vec<&Mutant>> = HashMap::new();
        for mutant in mutants {
            of_file.entry(&mutant.file).or_default().push(mutant);
        }
        let mut tree = Self { folder, files: HashMap::new(), not_switchable: vec![], not_compiling: vec![] };
        for name in String::from_utf8(listed.stdout)?.lines() {
            // A file that was removed, and is not committed as such.
            let Ok(bytes) = fs::read(workspace.join(name)) else { continue };
            match (of_file.get(name), name) {
                (Some(mutants), _) => {
                    let text = String::from_utf8(bytes)?;
                    let sites = sites(&text, mutants).with_context(|| name.to_owned())?;
                    tree.not_switchable.extend(&sites.not_switchable);
                    tree.not_compiling.extend(&sites.not_compiling);
                    tree.files.insert(name.to_owned(), (text, sites.sites));
                }
                (None, "Cargo.toml") => tree.write(name, without_lints(&String::from_utf8(bytes)?).as_bytes())?,
                (None, "crates/core/src/lib.rs") => tree.write(name, &[&bytes, IN_CORE.as_bytes()].concat())?,
                _ => tree.write(name, &bytes)?,
            }
        }
        tree.write("crates/core/src/switch.rs", SWITCH.as_bytes())?;
        Ok(tree)
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the files with mutants.
    pub(crate) fn rewrite(&self, learnt: &Learnt) -> Result<HashMap<String, Rewritten>> {
        let rewritten = self.files.iter().map(|(name, (text, sites))| {
            let rewritten = rewrite(text, sites, learnt);
            self.write(name, rewritten.text.as_bytes())?;
            Ok((name.clone(), rewritten))
        });
        rewritten.collect()
    }

    /// Writes a file, if it is another: cargo goes by the time of the last write.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        if fs::read(&path).is_ok_and(|before| before == bytes) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        fs::write(&path, bytes).with_context(|| path.display().to_string())
    }
}

/// The workspace's manifest, with no lint that the rewritten code would have to obey.
fn without_lints(manifest: &str) -> String {
    let mut is_lint = false;
    let mut kept = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_lint = line.starts_with("[workspace.lints");
        }
        if !is_lint {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept + "[workspace.lints.rust]\nwarnings = \"allow\"\n"
}
