//! Kubeconfigs, as people and tools write them.

use std::path::Path;

use futures::FutureExt as _;
use k8s_replicator_controller::connect::understand;

/// The longest input that is looked at.
const LONGEST: usize = 32 << 10;
/// Between the files, and before the context's name: no text has it.
const SEPARATOR: u8 = 0x1e;
/// Nothing is there, so that relative paths lead nowhere.
const FILES: [&str; 2] = ["/nonexistent/k8s-replicator/one", "/nonexistent/k8s-replicator/two"];

/// One kubeconfig or two, and perhaps the context's name behind them: they are understood, or one line says why not. It shows no token,
/// password or key.
pub(crate) fn kubeconfigs(data: &[u8]) {
    // What these name may never end.
    if data.len() > LONGEST || ["/dev", "/proc", "/sys"].iter().any(|folder| contains(data, folder.as_bytes())) {
        return;
    }
    let mut parts = data.splitn(3, |byte| *byte == SEPARATOR);
    let files: Vec<(&Path, &[u8])> = FILES.iter().map(Path::new).zip(parts.by_ref().take(FILES.len())).collect();
    let context = parts.next().map(String::from_utf8_lossy);
    let understood = understand(&files, context.as_deref()).now_or_never().expect("it waits for nobody");
    let said = match understood {
        Ok(server) => {
            assert!(server.starts_with("http://") || server.starts_with("https://"), "{server:?}");
            server
        }
        Err(error) => error.to_string(),
    };
    assert!(!said.contains(['\n', '\r']), "{said:?}");
    // Whoever names a context by the words of a password has shown them.
    let named = context.as_deref().map(|context| format!("{context:?}")).unwrap_or_default();
    let said = if named.is_empty() { said } else { said.replace(&named, "the context") };
    for credential in files.iter().filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok()).flat_map(credentials) {
        assert!(!said.contains(credential), "{credential:?} is shown: {said:?}");
    }
    // The beginning of PEM, as `Debug` shows bytes.
    const DASHES: &str = "45, 45, 45";
    assert!(!said.contains(DASHES) || contains(data, DASHES.as_bytes()), "{said:?}");
}

fn contains(data: &[u8], part: &[u8]) -> bool {
    data.windows(part.len()).any(|window| window == part)
}

/// What stands behind words that name credentials, naively: in one line, and nowhere else in the file.
fn credentials(text: &str) -> impl Iterator<Item = &str> {
    const NAMES: [&str; 3] = ["token:", "password:", "client-key-data:"];
    let values = text.lines().flat_map(|line| NAMES.iter().filter_map(move |name| line.split_once(name)));
    let values = values.map(|(_, value)| value.trim().trim_matches(['\'', '"']));
    values
        .filter(|value| value.len() >= 8 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .filter(|value| text.matches(value).count() == 1)
}
