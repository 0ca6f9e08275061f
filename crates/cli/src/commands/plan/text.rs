//! A plan for people: what it comes to, the changes with the worst first, and then what is wrong.

use std::collections::BTreeMap;

use k8s_replicator_core::names::Key;
use k8s_replicator_plan::planner::Effect;
use k8s_replicator_plan::{Finding, Level, Line, Report};

use super::snippet::{Diagnostic, draw as snippet};
use crate::table::{Cell, Column, table, wrap};
use crate::terminal::{Ink, Paper};

/// So many targets are named of what one source does to them, and so many findings of one code: the rest is counted.
const MOST_OF_ONE: usize = 20;

const COLUMNS: [Column; 5] = [
    Column { head: "ACTION", dispensable: 0, shortest: 0 },
    Column { head: "KIND", dispensable: 1, shortest: 0 },
    Column { head: "TARGET", dispensable: 0, shortest: 20 },
    Column { head: "SOURCE", dispensable: 0, shortest: 16 },
    Column { head: "REASON", dispensable: 0, shortest: 12 },
];

pub(super) fn draw(report: &Report, paper: Paper) -> String {
    let mut out = format!("{}\n", headline(report, |text, ink| paper.paint(ink, text)));
    let (rows, more) = rows(&report.lines);
    if !rows.is_empty() {
        out.push('\n');
        out.push_str(&table(paper, &COLUMNS, &rows, true));
        more.iter().for_each(|line| out.push_str(&format!("{}\n", paper.paint(Ink::Faint, line))));
    }
    let waits: Vec<&Finding> = report.of(Level::Wait).collect();
    if !waits.is_empty() {
        out.push('\n');
        out.push_str(&waiting(paper, &waits));
    }
    for diagnostic in diagnostics(report) {
        out.push('\n');
        out.push_str(
            &diagnostic.map_or_else(|rest| format!("{}\n", paper.paint(Ink::Faint, &rest)), |it| snippet(paper, &it)),
        );
    }
    out.push('\n');
    out.push_str(&footer(report, paper));
    out
}

/// `creates 3, updates 0, deletes 214`.
pub(super) fn headline(report: &Report, paint: impl Fn(&str, Ink) -> String) -> String {
    let always = [Effect::Create, Effect::Update, Effect::Delete];
    let order = [Effect::Create, Effect::Update, Effect::Recreate, Effect::Clear, Effect::Delete];
    let counts = order.into_iter().map(|effect| (effect, report.count(effect)));
    let said = counts.filter(|(effect, count)| *count > 0 || always.contains(effect)).map(|(effect, count)| {
        let text = format!("{}s {count}", effect.word());
        match effect {
            Effect::Delete | Effect::Clear if count > 0 => paint(&text, Ink::Bad),
            _ if count > 0 => paint(&text, Ink::Strong),
            _ => text,
        }
    });
    said.collect::<Vec<_>>().join(", ")
}

/// Whether nothing is done if the data turns out to be the same.
pub(super) fn depends_on_data(line: &Line) -> bool {
    line.would_read && line.reason != "FirstCopy"
}

/// A row for each change; of what one source does to many, the first ones and a line that counts the rest.
fn rows(lines: &[Line]) -> (Vec<Vec<Cell>>, Vec<String>) {
    let mut counts: BTreeMap<(Effect, &'static str, Option<&Key>), usize> = BTreeMap::new();
    let mut rows = Vec::new();
    for line in lines {
        let count = counts.entry((line.effect, line.kind, line.source.as_ref())).or_default();
        *count += 1;
        if *count > MOST_OF_ONE {
            continue;
        }
        let mut reason = line.reason.to_owned();
        if let Some(after) = line.after {
            reason = format!("{reason} after {after:?}");
        }
        if depends_on_data(line) {
            reason.push_str(", if its data differs");
        }
        let ink = match line.effect {
            Effect::Delete | Effect::Clear => Ink::Bad,
            Effect::Recreate | Effect::Update => Ink::Pending,
            Effect::Create => Ink::Good,
        };
        rows.push(vec![
            Cell { text: line.effect.word().to_owned(), ink: Some(ink) },
            line.kind.into(),
            line.target.to_string().into(),
            line.source.as_ref().map(ToString::to_string).into(),
            reason.into(),
        ]);
    }
    let more = counts.iter().filter(|(_, count)| **count > MOST_OF_ONE).map(|((effect, kind, source), count)| {
        let source = source.map(|source| format!(" because of {source}")).unwrap_or_default();
        format!("and {}s {} {kind}s more{source}; -o json names all of them", effect.word(), count - MOST_OF_ONE)
    });
    (rows, more.collect())
}

const WAITING: [Column; 5] = [
    Column { head: "LATER", dispensable: 0, shortest: 0 },
    Column { head: "KIND", dispensable: 1, shortest: 0 },
    Column { head: "TARGET", dispensable: 0, shortest: 20 },
    Column { head: "SOURCE", dispensable: 0, shortest: 16 },
    Column { head: "REASON", dispensable: 0, shortest: 12 },
];

fn waiting(paper: Paper, waits: &[&Finding]) -> String {
    let row = |finding: &&Finding| {
        let state = finding.state.map_or("waiting", |state| state.name());
        vec![
            Cell { text: state.to_owned(), ink: Some(Ink::Pending) },
            finding.kind.into(),
            finding.object.clone().into(),
            finding.source.as_ref().map(ToString::to_string).into(),
            finding.reason.into(),
        ]
    };
    let shown: Vec<_> = waits.iter().take(MOST_OF_ONE).map(row).collect();
    let mut out = table(paper, &WAITING, &shown, true);
    if waits.len() > MOST_OF_ONE {
        let more = format!("and {} more; -o json names all of them", waits.len() - MOST_OF_ONE);
        out.push_str(&format!("{}\n", paper.paint(Ink::Faint, &more)));
    }
    out
}

/// What a finding is about.
pub(super) fn title(finding: &Finding) -> String {
    let source = finding.source.as_ref().filter(|source| source.as_str() != finding.object);
    let source = source.map(|source| format!(" from {source}")).unwrap_or_default();
    format!("{} {}{source}", finding.kind, finding.object)
}

/// What is said of a finding: what its reason means, and what exactly. Advice is about something exact in any case.
pub(super) fn sentences(finding: &Finding) -> Vec<String> {
    let is_exact = finding.level == Level::Advice && finding.detail.is_some();
    let sentence = (!is_exact).then(|| finding.sentence.to_owned());
    sentence.into_iter().chain(finding.detail.clone()).collect()
}

/// Each problem and each piece of advice; of many of one code the first ones, and how many more there are.
fn diagnostics(report: &Report) -> Vec<Result<Diagnostic<'_>, String>> {
    let mut all = Vec::new();
    let of_manifests = report.problems.iter().map(|problem| Diagnostic {
        word: "error",
        ink: Ink::Bad,
        code: problem.code,
        title: problem.about.clone(),
        place: Some(&problem.place),
        other: None,
        notes: vec![problem.message.clone()],
        help: problem.help.clone(),
    });
    let findings = [(Level::Problem, "error", Ink::Bad), (Level::Advice, "advice", Ink::Pending)];
    let of_targets = findings.into_iter().flat_map(|(level, word, ink)| {
        report.of(level).map(move |finding| Diagnostic {
            word,
            ink,
            code: finding.reason,
            title: title(finding),
            place: finding.place.as_ref(),
            other: finding.other.as_ref(),
            notes: sentences(finding),
            help: finding.remedy.map(str::to_owned),
        })
    });
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for diagnostic in of_manifests.chain(of_targets) {
        let count = counts.entry((diagnostic.word, diagnostic.code)).or_default();
        *count += 1;
        if *count <= MOST_OF_ONE {
            all.push(Ok(diagnostic));
        }
    }
    let more = counts.iter().filter(|(_, count)| **count > MOST_OF_ONE);
    all.extend(more.map(|((word, code), count)| {
        Err(format!("{word}[{code}]: {} more; -o json names all of them", count - MOST_OF_ONE))
    }));
    all
}

/// How many of something, in words.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn footer(report: &Report, paper: Paper) -> String {
    let problems = report.problem_count();
    let advice = report.of(Level::Advice).count();
    let advised = || format!("{} of advice", counted(advice, "piece", "pieces"));
    let mut sentences = vec![match (problems, advice) {
        (0, 0) => "No problems.".to_owned(),
        (0, _) => format!("No problems, {}.", advised()),
        (_, 0) => format!("{}.", counted(problems, "problem", "problems")),
        _ => format!("{}, {}.", counted(problems, "problem", "problems"), advised()),
    }];
    let mut read = format!("{} read", counted(report.objects, "object", "objects"));
    let others: usize = report.passed_over.values().sum();
    if others > 0 {
        let kinds: Vec<_> = report.passed_over.iter().map(|(kind, count)| format!("{count} {kind}")).take(6).collect();
        let and = if report.passed_over.len() > kinds.len() { " and others" } else { "" };
        read = format!("{read}, {others} passed over ({}{and})", kinds.join(", "));
    }
    sentences.push(format!("{read}."));
    if !report.assumed_namespaces.is_empty() {
        let names: Vec<&str> = report.assumed_namespaces.iter().map(|name| &**name).take(MOST_OF_ONE).collect();
        let and = if report.assumed_namespaces.len() > names.len() { " and others" } else { "" };
        sentences.push(format!(
            "Taken to exist: the {} {}{and}.",
            if names.len() == 1 { "namespace" } else { "namespaces" },
            names.join(", ")
        ));
    }
    if report.pending > 0 {
        let targets = counted(report.pending, "target is", "targets are");
        sentences.push(format!(
            "{targets} not as wanted before this edit, by what the metadata shows, and not counted above."
        ));
    }
    let first = paper.paint(if problems > 0 { Ink::Bad } else { Ink::Strong }, &sentences.remove(0));
    let rest: String = sentences.iter().chain(&report.notes).map(|sentence| wrap(paper, 0, sentence)).collect();
    format!("{first}\n{rest}")
}
