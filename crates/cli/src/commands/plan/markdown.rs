//! A plan as a comment on a change, and as workflow commands, which show findings beside the lines that they are about.

use std::fmt::Write as _;

use k8s_replicator_plan::{Finding, Level, Line, Place, Report};

use super::text::{counted, depends_on_data, headline, sentences, title};
use crate::table::one_line;
use crate::terminal::Ink;

/// A comment has 65,536 characters at most; so many rows are shown.
const MOST_ROWS: usize = 100;
const MOST_FINDINGS: usize = 50;

/// As Markdown.
pub(super) fn draw(report: &Report) -> String {
    let bold = |text: &str, ink| if ink == Ink::Bad { format!("**{text}**") } else { text.to_owned() };
    let mut out = format!("### k8s-replicator plan: {}\n", headline(report, bold));
    if !report.lines.is_empty() {
        out.push_str("\n| action | kind | target | source | reason |\n|---|---|---|---|---|\n");
        report.lines.iter().take(MOST_ROWS).for_each(|line| out.push_str(&row(line)));
        if report.lines.len() > MOST_ROWS {
            let _ = writeln!(out, "\n… and {} more.", report.lines.len() - MOST_ROWS);
        }
    }
    let problems = report.problems.iter().map(|problem| {
        let help = problem.help.as_ref().map(|help| format!(" {}", text(help))).unwrap_or_default();
        format!(
            "- **{}** {} {}: {}.{help}\n",
            problem.code,
            text(&problem.about),
            at(Some(&problem.place)),
            text(&problem.message)
        )
    });
    let problems: Vec<String> = problems.chain(report.of(Level::Problem).map(item)).collect();
    section(&mut out, "Problems", problems);
    section(&mut out, "Advice", report.of(Level::Advice).map(item).collect());
    section(&mut out, "Later", report.of(Level::Wait).map(item).collect());
    let mut notes: Vec<String> = vec![format!("{} read.", counted(report.objects, "object", "objects"))];
    if !report.assumed_namespaces.is_empty() {
        let names: Vec<_> = report.assumed_namespaces.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!("Taken to exist: {}.", names.join(", ")));
    }
    if report.pending > 0 {
        notes.push(format!("{} not as wanted before.", counted(report.pending, "target is", "targets are")));
    }
    notes.extend(report.notes.iter().map(|note| text(note)));
    let _ = write!(out, "\n{}\n", notes.join(" "));
    out
}

fn section(out: &mut String, heading: &str, items: Vec<String>) {
    if items.is_empty() {
        return;
    }
    let _ = write!(out, "\n#### {heading}\n\n");
    items.iter().take(MOST_FINDINGS).for_each(|item| out.push_str(item));
    if items.len() > MOST_FINDINGS {
        let _ = writeln!(out, "- … and {} more", items.len() - MOST_FINDINGS);
    }
}

fn row(line: &Line) -> String {
    let source = line.source.as_ref().map(|source| format!("`{source}`")).unwrap_or_default();
    let after = line.after.map(|after| format!(" after {after:?}")).unwrap_or_default();
    let read = if depends_on_data(line) { ", if its data differs" } else { "" };
    format!(
        "| {} | {} | `{}` | {source} | {}{after}{read} |\n",
        line.effect.word(),
        line.kind,
        line.target,
        line.reason
    )
}

fn item(finding: &Finding) -> String {
    let said =
        sentences(finding).iter().map(|said| format!("{}.", text(said.trim_end_matches('.')))).collect::<Vec<_>>();
    let remedy = finding.remedy.map(|remedy| format!(" {}", text(remedy))).unwrap_or_default();
    let at = finding.place.as_ref().map(|place| format!(" {}", at(Some(place)))).unwrap_or_default();
    format!("- **{}** {}{at}: {}{remedy}\n", finding.reason, text(&title(finding)), said.join(" "))
}

fn at(place: Option<&Place>) -> String {
    place.map(|place| format!("`{}:{}`", one_line(&place.file), place.line)).unwrap_or_default()
}

/// Text of which nothing is taken for markup.
fn text(text: &str) -> String {
    let mut out = String::new();
    for character in one_line(text).chars() {
        if matches!(character, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// As GitHub's workflow commands.
pub(super) fn workflow_commands(report: &Report) -> String {
    let mut out = String::new();
    let mut command = |word: &str, title: &str, place: Option<&Place>, message: &str| {
        let place = place
            .filter(|place| &*place.file != "-")
            .map(|place| format!("file={},line={},col={},", property(&place.file), place.line, place.column));
        let place = place.unwrap_or_default();
        let _ = writeln!(out, "::{word} {place}title={}::{}", property(title), data(message));
    };
    for problem in &report.problems {
        let help = problem.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        command("error", problem.code, Some(&problem.place), &format!("{}: {}{help}", problem.about, problem.message));
    }
    for (level, word) in [(Level::Problem, "error"), (Level::Advice, "warning")] {
        for finding in report.of(level) {
            let said = sentences(finding).into_iter().chain(finding.remedy.map(str::to_owned));
            let message = said.collect::<Vec<_>>().join("\n");
            command(word, finding.reason, finding.place.as_ref(), &format!("{}: {message}", title(finding)));
        }
    }
    command("notice", "k8s-replicator plan", None, &headline(report, |text, _| text.to_owned()));
    out
}

fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| one_line(line).replace('%', "%25")).collect();
    lines.join("%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
