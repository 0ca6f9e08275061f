//! Continue tokens of lists in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::http::Refusal;

/// The version of the tokens' form.
const TOKENS: &str = "meta.k8s.io/v1";

/// The position in a list that a continue token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The version of the list; `None`: whichever there is.
    pub revision: Option<u64>,
    /// The key after which it goes on.
    pub after: String,
}

impl Position {
    /// The token, in the API server's form (`k8s.io/apiserver`, `pkg/storage/continue.go`).
    #[must_use]
    pub fn token(&self) -> String {
        let revision = self.revision.map_or_else(|| json!(-1), |revision| json!(revision));
        BASE64.encode(json!({ "v": TOKENS, "rv": revision, "start": self.after }).to_string())
    }

    /// Reads a token.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(token: &str) -> Result<Self, Refusal> {
        let bad = |why: &str| {
            let message = format!("invalid continue token: continue key is not valid: {why}");
            Refusal::new(400, "BadRequest", message)
        };
        let read = BASE64.decode(token).ok().and_then(|token| serde_json::from_slice::<Value>(&token).ok());
        let token = read.ok_or_else(|| bad("it cannot be read"))?;
        let version = token["v"].as_str().unwrap_or_default();
        if version != TOKENS {
            return Err(bad(&format!("server does not recognize this encoded version {version}")));
        }
        let after = token["start"].as_str().filter(|start| !start.is_empty());
        let after = after.ok_or_else(|| bad(&format!("encoded start key empty (version {TOKENS})")))?.to_owned();
        Ok(Self { revision: token["rv"].as_u64(), after })
    }
}
