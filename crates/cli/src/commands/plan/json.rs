//! A plan for programs. Names of fields are stable: `docs/plan.md` lists them.

use std::collections::BTreeMap;

use k8s_replicator_plan::planner::Effect;
use k8s_replicator_plan::{Finding, Level, Line, Place, Report};
use serde_json::{Value, json};

pub(super) fn value(report: &Report) -> Value {
    let counts: BTreeMap<&str, usize> =
        Effect::ALL.iter().map(|effect| (effect.word(), report.count(*effect))).collect();
    let findings = |level| report.of(level).map(finding).collect::<Vec<_>>();
    let of_manifests = report.problems.iter().map(|problem| {
        json!({ "object": problem.about, "reason": problem.code, "sentence": problem.message, "remedy": problem.help, "at": at(Some(&problem.place)) })
    });
    let mut problems: Vec<Value> = of_manifests.collect();
    problems.append(&mut findings(Level::Problem));
    json!({
        "summary": counts,
        "changes": report.lines.iter().map(line).collect::<Vec<_>>(),
        "problems": problems,
        "advice": findings(Level::Advice),
        "waits": findings(Level::Wait),
        "pending": report.pending,
        "manifests": { "read": report.objects, "passedOver": report.passed_over },
        "assumedNamespaces": report.assumed_namespaces,
        "notes": report.notes,
    })
}

fn at(place: Option<&Place>) -> Value {
    place.map_or(Value::Null, |place| json!({ "file": &*place.file, "line": place.line, "column": place.column }))
}

fn line(line: &Line) -> Value {
    json!({
        "action": line.effect.word(),
        "kind": line.kind,
        "target": line.target.as_str(),
        "source": line.source.as_ref().map(|source| source.as_str()),
        "reason": line.reason,
        "sentence": line.sentence,
        "detail": line.detail,
        "afterSeconds": line.after.map_or(0.0, |after| after.as_secs_f64()),
        "wouldRead": line.would_read,
        "at": at(line.place.as_ref()),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind,
        "object": finding.object,
        "state": finding.state.map(|state| state.name()),
        "source": finding.source.as_ref().map(|source| source.as_str()),
        "reason": finding.reason,
        "sentence": finding.sentence,
        "detail": finding.detail,
        "remedy": finding.remedy,
        "at": at(finding.place.as_ref()),
        "otherAt": at(finding.other.as_ref()),
    })
}
