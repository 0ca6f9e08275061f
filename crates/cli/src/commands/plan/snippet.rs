//! A finding as a compiler shows it: the code, the place, the line with what is meant, and what to do.

use std::fmt::Write as _;

use k8s_replicator_plan::Place;
use unicode_width::UnicodeWidthStr as _;

use crate::table::{one_line, shorten, wrap};
use crate::terminal::{Ink, Paper};

/// What is shown.
pub(super) struct Diagnostic<'a> {
    /// `error` or `advice`.
    pub(super) word: &'static str,
    pub(super) ink: Ink,
    pub(super) code: &'a str,
    /// What it is about.
    pub(super) title: String,
    pub(super) place: Option<&'a Place>,
    /// The other end.
    pub(super) other: Option<&'a Place>,
    /// Sentences.
    pub(super) notes: Vec<String>,
    pub(super) help: Option<String>,
}

pub(super) fn draw(paper: Paper, diagnostic: &Diagnostic<'_>) -> String {
    let Diagnostic { word, ink, code, title, place, other, notes, help } = diagnostic;
    let places = [*place, *other];
    let shown = places.iter().flatten().flat_map(|place| {
        place.excerpt.as_ref().map(|excerpt| excerpt.line + excerpt.lines.len().saturating_sub(1)).or(Some(place.line))
    });
    let margin = shown.max().unwrap_or(1).to_string().len();
    let bar = paper.paint(Ink::Faint, "|");
    let mut out =
        format!("{}: {}\n", paper.paint(*ink, &format!("{word}[{code}]")), paper.paint(Ink::Strong, &one_line(title)));
    for (place, arrow) in places.iter().zip(["-->", ":::"]) {
        let Some(place) = place else { continue };
        let at = format!("{}:{}:{}", one_line(&place.file), place.line, place.column);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:margin$}{} {at}", "", paper.paint(Ink::Faint, arrow));
        let Some(excerpt) = &place.excerpt else { continue };
        let width = paper.width.unwrap_or(usize::MAX).saturating_sub(margin + 3).max(20);
        let _ = writeln!(out, "{:margin$} {bar}", "");
        for (number, line) in excerpt.lines.iter().enumerate() {
            let shown = shorten(&one_line(line), width);
            let _ = writeln!(
                out,
                "{} {bar} {shown}",
                paper.paint(Ink::Faint, &format!("{:>margin$}", excerpt.line + number))
            );
            if number == 0 {
                let before = line.get(..excerpt.mark.0).map_or(0, |text| one_line(text).width());
                let meant = line.get(excerpt.mark.0..excerpt.mark.1).map_or(1, |text| one_line(text).width()).max(1);
                let meant = meant.min(width.saturating_sub(before));
                if meant > 0 {
                    let mark = paper.paint(*ink, &"^".repeat(meant));
                    let _ = writeln!(out, "{:margin$} {bar} {:before$}{mark}", "", "");
                }
            }
        }
        if excerpt.is_cut {
            let _ = writeln!(out, "{:margin$} {bar} …", "");
        }
    }
    let notes = notes.iter().map(|note| ("", note)).chain(help.iter().map(|help| ("help: ", help)));
    for (label, note) in notes {
        let text = wrap(paper, margin + 3, &format!("{label}{note}"));
        let equals = paper.paint(Ink::Faint, "=");
        let _ = write!(out, "{:margin$} {equals} {}", "", text.get(margin + 3..).unwrap_or_default());
    }
    out
}
