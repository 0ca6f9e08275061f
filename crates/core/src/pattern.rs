//! STAND-IN by the lead, to compile against; helper: overwrite this file.
use thiserror::Error;
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
/// x
pub struct PatternError(String);
/// x
#[derive(Debug, Clone)]
pub struct NamespaceList { text: Vec<(String, Option<regex::Regex>)> }
impl PartialEq for NamespaceList { fn eq(&self, o: &Self) -> bool { self.text.iter().map(|x|&x.0).eq(o.text.iter().map(|x|&x.0)) } }
impl Eq for NamespaceList {}
impl NamespaceList {
    /// x
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut v = vec![];
        for i in text.split(',').filter(|i| !i.is_empty()) {
            if i.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-') { v.push((i.to_string(), None)); }
            else { v.push((i.to_string(), Some(regex::Regex::new(&format!("^(?:{i})$")).map_err(|e| PatternError(e.to_string()))?))); }
        }
        Ok(Self { text: v })
    }
    /// x
    pub fn matches(&self, ns: &str) -> bool { self.text.iter().any(|(t, r)| match r { None => t == ns, Some(r) => r.is_match(ns) }) }
    /// x
    pub fn literals(&self) -> impl Iterator<Item = &str> { self.text.iter().filter(|t| t.1.is_none() && crate::names::is_label(&t.0)).map(|t| &*t.0) }
    /// x
    pub fn has_patterns(&self) -> bool { self.text.iter().any(|t| t.1.is_some()) }
}
/// x
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed { /// x
All, /// x
None, /// x
List(NamespaceList) }
impl Allowed {
    /// x
    pub fn parse(text: &str) -> Result<Self, PatternError> { Ok(match text { ".*" => Self::All, "-" => Self::None, t => Self::List(NamespaceList::parse(t)?) }) }
    /// x
    pub fn matches(&self, ns: &str) -> bool { match self { Self::All => true, Self::None => false, Self::List(l) => l.matches(ns) } }
}
/// x
pub fn narrow(own: Option<&NamespaceList>, inherited: Option<&Allowed>) -> String {
    match (own, inherited) { (None, None | Some(Allowed::All)) => ".*".into(), (Some(l), None | Some(Allowed::All)) => l.text.iter().map(|t| t.0.clone()).collect::<Vec<_>>().join(","), _ => "-".into() }
}
