//! Formats an error of the libraries in one line: with its causes, and without anything that could be a credential.

use std::error::Error;

use kube::config::KubeconfigError;

/// An error with its causes, in one line. (The outer error of an HTTP client often says only that something failed.)
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let chain = || std::iter::successors(Some(error), |error| (*error).source());
    if let Some(said) = chain().find_map(without_quotation) {
        return said;
    }
    let mut text = error.to_string();
    for cause in chain().skip(1) {
        let next = cause.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
    }
    one_line(&text)
}

/// These errors of `kube` quote what it could not use: lines of a kubeconfig, with its tokens; lines of a client's key, byte by byte.
fn without_quotation(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(kube::Error::RustlsTls(error)) = error.downcast_ref()
        && error.to_string().starts_with("identity PEM is invalid")
    {
        return Some("the client certificate or its key is not PEM".to_owned());
    }
    if let Some(KubeconfigError::Parse(error)) = error.downcast_ref() {
        let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
        return Some(format!("it is not the YAML of a kubeconfig{}", place.unwrap_or_default()));
    }
    None
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;

    use super::*;

    #[test]
    fn causes_are_told_once_and_in_one_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer\nline")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("inner"));
        assert_eq!(with_causes(&error), "outer line: inner");
        assert_eq!(with_causes(&Outer(std::io::Error::other("outer"))), "outer line");
    }

    #[test]
    fn a_broken_kubeconfig_is_not_quoted() {
        for broken in
            ["users:\n- name: u\n  user:\n    token: [hunter2\n", "users: hunter2", "contexts:\n- context: hunter2"]
        {
            let error = Kubeconfig::from_yaml(broken).unwrap_err();
            assert!(error.to_string().contains("hunter2"), "or this is not needed: {error}");
            let said = with_causes(&error);
            assert!(
                said.starts_with("it is not the YAML of a kubeconfig at line ") && !said.contains("hunter2"),
                "{said}"
            );
        }
    }
}
