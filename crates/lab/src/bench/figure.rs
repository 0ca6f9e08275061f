//! Figures: what was measured, beside the limit and the target.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

/// What a figure has to be.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// At least this part of the limit.
    RatioAtLeast(f64),
    /// At most this multiple of the limit.
    RatioAtMost(f64),
    /// At most so much, in the figure's unit.
    AtMost(f64),
}

/// One thing that was measured.
#[derive(Clone)]
pub(super) struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    limit: Option<(f64, &'static str)>,
    target: Option<Target>,
    note: Option<String>,
}

impl Figure {
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), unit, value, limit: None, target: None, note: None }
    }

    /// The best possible value, measured in the same run, and a name for it.
    pub(super) fn limit(mut self, limit: f64, what: &'static str) -> Self {
        self.limit = Some((limit, what));
        self
    }

    pub(super) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// A remark about the figure.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.limit.map(|(limit, _)| self.value / limit)
    }

    fn is_met(&self) -> Option<bool> {
        Some(match self.target? {
            Target::RatioAtLeast(least) => self.ratio()? >= least,
            Target::RatioAtMost(most) => self.ratio()? <= most,
            Target::AtMost(most) => self.value <= most,
        })
    }

    fn target_text(&self) -> String {
        match self.target {
            None => String::new(),
            Some(Target::RatioAtLeast(least)) => format!("ratio ≥ {least}"),
            Some(Target::RatioAtMost(most)) => format!("ratio ≤ {most}"),
            Some(Target::AtMost(most)) => format!("≤ {} {}", number(most), self.unit),
        }
    }

    /// One line while it runs.
    pub(super) fn line(&self) -> String {
        let mut line = format!("{}: {} {}", self.name, number(self.value), self.unit);
        if let (Some((limit, what)), Some(ratio)) = (self.limit, self.ratio()) {
            let _ = write!(line, "; {what}: {} {}, ratio {ratio:.2}", number(limit), self.unit);
        }
        if let Some(note) = &self.note {
            let _ = write!(line, " ({note})");
        }
        line
    }

    fn cells(&self, scenario: &str, subject: &str) -> [String; 8] {
        let met = match self.is_met() {
            None => "",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        [
            scenario.to_owned(),
            self.name.clone(),
            subject.to_owned(),
            format!("{} {}", number(self.value), self.unit),
            self.limit.map_or_else(String::new, |(limit, what)| format!("{} ({what})", number(limit))),
            self.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            self.target_text(),
            met.to_owned(),
        ]
    }

    fn json(&self, scenario: &str, subject: &str) -> Value {
        json!({
            "scenario": scenario,
            "figure": self.name,
            "subject": subject,
            "value": self.value,
            "unit": self.unit,
            "limit": self.limit.map(|(limit, _)| limit),
            "limitIs": self.limit.map(|(_, what)| what),
            "ratio": self.ratio(),
            "target": self.target.is_some().then(|| self.target_text()),
            "met": self.is_met(),
            "note": self.note,
        })
    }
}

/// Three significant digits are all that such measures have.
fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v.fract() == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// All that was measured in a run.
#[derive(Default)]
pub(super) struct Figures(Vec<(&'static str, String, Figure)>);

impl Figures {
    pub(super) fn add(&mut self, scenario: &'static str, subject: &str, figure: Figure) {
        self.0.push((scenario, subject.to_owned(), figure));
    }

    /// A Markdown table, which reads as well in a terminal.
    pub(super) fn table(&self) -> String {
        let head = ["scenario", "figure", "controller", "measured", "limit in this run", "ratio", "target", ""];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.0.iter().map(|(scenario, subject, figure)| figure.cells(scenario, subject)));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 8] = std::array::from_fn(width);
        let mut table = String::new();
        for (number, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(table, "| {cell:width$} ");
            }
            table.push_str("|\n");
            if number == 0 {
                for width in widths {
                    let _ = write!(table, "|-{}-", "-".repeat(width));
                }
                table.push_str("|\n");
            }
        }
        for (scenario, subject, figure) in &self.0 {
            if let Some(note) = &figure.note {
                let _ = writeln!(table, "- {scenario}, {}, {subject}: {note}", figure.name);
            }
        }
        table
    }

    /// With the machine's facts.
    pub(super) fn json(&self, quick: bool) -> Result<String> {
        let figures: Vec<Value> =
            self.0.iter().map(|(scenario, subject, figure)| figure.json(scenario, subject)).collect();
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let run = json!({
            "secondsSince1970": seconds,
            "quick": quick,
            "machine": super::machine::facts(),
            "figures": figures,
        });
        Ok(serde_json::to_string_pretty(&run)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_or_missed_by_ratio_or_by_value() {
        let figure = |target| Figure::new("f", 9.0, "s").limit(10.0, "bare").target(target);
        for (target, met, text) in [
            (Target::RatioAtLeast(0.9), true, "ratio ≥ 0.9"),
            (Target::RatioAtLeast(0.91), false, "ratio ≥ 0.91"),
            (Target::RatioAtMost(0.9), true, "ratio ≤ 0.9"),
            (Target::RatioAtMost(0.8), false, "ratio ≤ 0.8"),
            (Target::AtMost(9.0), true, "≤ 9 s"),
            (Target::AtMost(8.5), false, "≤ 8.50 s"),
        ] {
            let figure = figure(target);
            assert_eq!((figure.is_met(), figure.target_text().as_str()), (Some(met), text));
        }
        assert_eq!(
            Figure::new("f", 1.0, "s").target(Target::RatioAtMost(1.0)).is_met(),
            None,
            "nothing to compare with"
        );
    }

    #[test]
    fn the_table_shows_every_figure_and_its_note() {
        let mut figures = Figures::default();
        let figure = Figure::new("rate", 612.3, "/s").limit(640.0, "bare writer").target(Target::RatioAtLeast(0.9));
        figures.add("fan-out", "k8s-replicator", figure.note("noisy"));
        let expected = "\
| scenario | figure | controller     | measured | limit in this run | ratio | target      |     |
|----------|--------|----------------|----------|-------------------|-------|-------------|-----|
| fan-out  | rate   | k8s-replicator | 612 /s   | 640 (bare writer) | 0.96  | ratio ≥ 0.9 | met |
- fan-out, rate, k8s-replicator: noisy
";
        assert_eq!(figures.table(), expected);
    }
}
