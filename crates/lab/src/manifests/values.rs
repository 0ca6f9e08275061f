//! The table of the chart's values, from the comments in `values.yaml`.
//!
//! A comment that begins with `# --` describes the key that follows it, up to there over several lines.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// One row: where the value is, and what it is for.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    path: Vec<String>,
    text: String,
}

/// The table as Markdown. Every value has to have a row, or lie in one that has.
pub(super) fn table(values: &str) -> Result<String> {
    let rows = rows(values);
    let defaults: Value = serde_saphyr::from_str(values).context("values.yaml is no YAML")?;
    if let Some(path) = undocumented(&defaults, &rows, &[]) {
        bail!("values.yaml: {path} has no comment that begins with `# --`");
    }
    let mut table = "| value | default | meaning |\n|---|---|---|\n".to_owned();
    for Row { path, text } in &rows {
        let name = path.join(".");
        let default = defaults.pointer(&format!("/{}", path.join("/")));
        let default = default.with_context(|| format!("values.yaml: {name} has a comment, but no value"))?;
        writeln!(table, "| `{name}` | `{default}` | {} |", text.replace('|', "\\|"))?;
    }
    Ok(table)
}

fn rows(values: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    // The keys that lead to the line that is looked at, with their indentation.
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut comment: Option<String> = None;
    for line in values.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if let Some(text) = content.strip_prefix("# -- ") {
            comment = Some(text.to_owned());
        } else if let (Some(more), Some(comment)) = (content.strip_prefix("# "), &mut comment) {
            comment.push(' ');
            comment.push_str(more);
        } else if let Some((key, _)) = content.split_once(':').filter(|(key, _)| !key.starts_with(['-', '#'])) {
            above.retain(|(indent_above, _)| *indent_above < indent);
            above.push((indent, key.to_owned()));
            if let Some(text) = comment.take() {
                rows.push(Row { path: above.iter().map(|(_, key)| key.clone()).collect(), text });
            }
        } else {
            comment = None;
        }
    }
    rows
}

/// The first value that no row is about.
fn undocumented(value: &Value, rows: &[Row], path: &[String]) -> Option<String> {
    if rows.iter().any(|row| row.path == path) {
        return None;
    }
    match value.as_object().filter(|object| !object.is_empty()) {
        Some(object) => object.iter().find_map(|(key, value)| {
            let path: Vec<String> = path.iter().chain([key]).cloned().collect();
            undocumented(value, rows, &path)
        }),
        None => Some(path.join(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = "# Not this one.\n\n# -- First,\n# and more | of it.\na: \"\"\nb:\n  # -- Inner.\n  c: [1]\n# -- A whole.\nd:\n  e:\n    - f: 1\n";

    #[test]
    fn comments_become_rows() {
        let expected = "| value | default | meaning |\n|---|---|---|\n\
                        | `a` | `\"\"` | First, and more \\| of it. |\n\
                        | `b.c` | `[1]` | Inner. |\n\
                        | `d` | `{\"e\":[{\"f\":1}]}` | A whole. |\n";
        assert_eq!(table(VALUES).unwrap(), expected);
    }

    #[test]
    fn a_value_without_a_comment_is_named() {
        let error = table(&VALUES.replace("# -- Inner.", "# Inner.")).unwrap_err().to_string();
        assert!(error.starts_with("values.yaml: b.c has no comment"), "{error}");
    }

    /// Every value has a place in the schema, and every place is a value: a misspelt one would else be accepted.
    #[test]
    fn the_schema_knows_the_same_values() {
        let read =
            |name: &str| std::fs::read_to_string(crate::workspace().join(super::super::CHART).join(name)).unwrap();
        let defaults: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
        let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
        compare(&defaults, &schema, "");
    }

    fn compare(defaults: &Value, schema: &Value, path: &str) {
        let Some(properties) = schema["properties"].as_object() else { return };
        assert_eq!(schema["additionalProperties"], false, "{path} takes anything");
        // Helm puts `global` in by itself; the resources' lists are Kubernetes'.
        let known = |key: &&String| *key != "global" && path != ".resources";
        for key in properties.keys().filter(known) {
            assert!(defaults.get(key).is_some(), "{path}.{key} is in the schema and not in values.yaml");
        }
        for (key, value) in defaults.as_object().unwrap() {
            let schema = properties.get(key);
            compare(
                value,
                schema.unwrap_or_else(|| panic!("{path}.{key} is not in the schema")),
                &format!("{path}.{key}"),
            );
        }
    }
}
