//! An image as a file, as `docker save` writes them: container engines load it, `ctr images import` too. It takes no engine to write.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// An image of one layer.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its name and tag.
    pub reference: String,
    /// Where each file goes, such as `etc/ssl/cert.pem`, and where it comes from.
    pub files: Vec<(&'static str, PathBuf)>,
    /// The one of them that is started.
    pub program: &'static str,
}

/// Nobody, as in the Dockerfile.
const USER: &str = "65532:65532";
/// tar's unit.
const BLOCK: usize = 512;

impl Image {
    /// The controller's image: what the Dockerfile puts into it. The public authorities are this machine's, if it has them.
    ///
    /// # Errors
    /// When the program cannot be built.
    pub fn of_controller(reference: String) -> Result<Self> {
        let (binary, _) = super::static_binary()?;
        let program = "k8s-replicator";
        let mut files = vec![(program, binary)];
        let authorities = Path::new("/etc/ssl/certs/ca-certificates.crt");
        if authorities.is_file() {
            files.push(("etc/ssl/certs/ca-certificates.crt", authorities.to_owned()));
        }
        Ok(Self { reference, files, program })
    }

    /// Writes it to the file `to`.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn write(&self, to: &Path) -> Result<()> {
        let mut layer = Tar::default();
        for (path, from) in &self.files {
            let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
            // The folders above it, each once.
            for (end, _) in path.match_indices('/') {
                layer.folder(&path[..=end]);
            }
            layer.file(path, if *path == self.program { 0o755 } else { 0o644 }, &content);
        }
        let layer = layer.end();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{{"User":"{USER}","Entrypoint":["/{}"]}},"rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}}}}"#,
            self.program,
            digest(&layer)
        );
        let name = format!("{}.json", digest(config.as_bytes()));
        let manifest = format!(r#"[{{"Config":"{name}","RepoTags":["{}"],"Layers":["layer.tar"]}}]"#, self.reference);
        let mut archive = Tar::default();
        archive.file("manifest.json", 0o644, manifest.as_bytes());
        archive.file(&name, 0o644, config.as_bytes());
        archive.file("layer.tar", 0o644, &layer);
        fs::write(to, archive.end()).with_context(|| format!("cannot write {}", to.display()))
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tar file (ustar). All its files are root's, and from the beginning of time: the same content is the same file.
#[derive(Default)]
struct Tar {
    bytes: Vec<u8>,
    folders: Vec<String>,
}

impl Tar {
    fn folder(&mut self, path: &str) {
        if !self.folders.iter().any(|folder| folder == path) {
            self.folders.push(path.to_owned());
            self.header(path, 0o755, 0, b'5');
        }
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.header(path, mode, content.len(), b'0');
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    fn header(&mut self, path: &str, mode: u32, size: usize, kind: u8) {
        let mut header = [0; BLOCK];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, path);
        put(100, &format!("{mode:07o}"));
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{size:011o}"));
        put(136, "00000000000");
        // The sum counts itself as spaces.
        put(148, "        ");
        put(257, "ustar\x0000");
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&header);
    }

    /// Two empty blocks are its end.
    fn end(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn tar_itself_reads_the_archive_and_its_layer() {
        let folder = crate::scratch::folder("archive").unwrap();
        let program = folder.join("p");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        let files = vec![("p", program.clone()), ("etc/ssl/x.pem", program)];
        let image = Image { reference: "example.com/p:1".to_owned(), files, program: "p" };
        let archive = folder.join("image.tar");
        image.write(&archive).unwrap();
        let tar = |arguments: &[&str]| {
            let ran = Command::new("tar").args(arguments).current_dir(&folder).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
            String::from_utf8_lossy(&ran.stdout).into_owned()
        };
        tar(&["-xf", "image.tar"]);
        let listed = tar(&["-tvf", "layer.tar"]);
        let names: Vec<_> = listed.lines().map(|line| (&line[..10], line.rsplit(' ').next().unwrap())).collect();
        let expected =
            [("-rwxr-xr-x", "p"), ("drwxr-xr-x", "etc/"), ("drwxr-xr-x", "etc/ssl/"), ("-rw-r--r--", "etc/ssl/x.pem")];
        assert_eq!(names, expected);
        let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
        let layer = digest(&fs::read(folder.join("layer.tar")).unwrap());
        let name = manifest.split('"').nth(3).unwrap();
        let config = fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            config.contains(&layer) && config.contains(USER) && manifest.contains("example.com/p:1"),
            "{config} {manifest}"
        );
    }
}
