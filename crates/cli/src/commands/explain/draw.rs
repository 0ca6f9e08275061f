//! An explanation as text: what is the matter first, then why, then what to do.

use std::fmt::Write as _;

use k8s_replicator_core::explain::There;
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::trail::{Outcome, Step};
use unicode_width::UnicodeWidthStr as _;

use super::consumers::Consumer;
use super::{Answer, Seen};
use crate::entry::{Standing, summary};
use crate::table::{Cell, Column, age, one_line, shorten, table, wrap};
use crate::terminal::{Ink, Paper};

/// So many targets of a source are listed.
const MOST_GIVEN: usize = 10;
/// So many of those who wait.
const MOST_WAITING: usize = 10;
/// So long a value of an annotation is shown.
const LONGEST_VALUE: usize = 200;

pub(super) fn draw(paper: Paper, now: i64, answer: &Answer) -> String {
    let mut page = Page { paper, now, out: String::new() };
    page.head(answer);
    page.chain(answer);
    page.questions(answer);
    page.rivals(answer);
    page.attempts(answer);
    page.waiting(&answer.waiting);
    page.owners(answer);
    page.given(answer);
    page.advice(answer);
    page.what_to_do(answer);
    page.notes(answer);
    page.out
}

struct Page {
    paper: Paper,
    now: i64,
    out: String,
}

impl Page {
    fn title(&mut self, title: &str) {
        let title = self.paper.paint(Ink::Strong, title);
        self.line(&format!("\n{title}"));
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn text(&mut self, indent: usize, text: &str) {
        self.out.push_str(&wrap(self.paper, indent, &one_line(text)));
    }

    /// The same in a colour.
    fn painted(&mut self, ink: Ink, indent: usize, text: &str) {
        for line in wrap(self.paper, indent, &one_line(text)).lines() {
            let (blank, text) = line.split_at(indent.min(line.len()));
            let text = self.paper.paint(ink, text);
            self.line(&format!("{blank}{text}"));
        }
    }

    fn head(&mut self, answer: &Answer) {
        let name = format!("{} {}", answer.kind, answer.target);
        let name = self.paper.paint(Ink::Strong, &name);
        let reason = answer.reason();
        let code = reason.map_or(String::new(), |reason| format!(": {reason}"));
        let line = match answer.standing() {
            Some(standing) => {
                let state = self.paper.paint(standing.ink(), standing.word());
                format!("{name} is {state}{code}")
            }
            None if !answer.given.is_empty() => {
                let targets = if answer.given.len() == 1 { "target" } else { "targets" };
                format!("{name} is the source of {} {targets}: {}", answer.given.len(), summary(&answer.given))
            }
            None => format!("{name} is no target{code}"),
        };
        self.line(&line);
        if let Some((_, says, gives)) = &answer.from {
            let ink = if *gives { Ink::Good } else { Ink::Bad };
            self.painted(ink, 2, &format!("{says}."));
        }
        if let Some(reason) = reason.filter(|_| answer.entry.is_some() || answer.given.is_empty()) {
            self.text(2, reason.sentence());
        }
        if let Some(detail) = answer.entry.as_ref().and_then(|entry| entry.detail.as_ref()) {
            self.text(2, detail);
        }
        if let Some(key) = &answer.unread {
            self.text(2, &format!("It depends on the content of {key}, which you may not read."));
        }
        if answer.entry.as_ref().is_some_and(|entry| entry.standing == Standing::Unseen) {
            self.text(2, "It depends on objects in a namespace where you may not list them.");
        }
    }

    fn chain(&mut self, answer: &Answer) {
        if let [only] = &*answer.chain
            && only.link.there != There::Present
        {
            return;
        }
        self.title("Chain");
        for seen in &answer.chain {
            if let Some(by) = seen.link.by {
                let word = self.paper.paint(Ink::Faint, by.word());
                self.line(&format!("  ↑ {word}"));
            }
            self.link(answer, seen);
        }
    }

    fn link(&mut self, answer: &Answer, seen: &Seen) {
        let mut facts: Vec<Cell> = Vec::new();
        let bad = |text: &str| Cell { text: text.to_owned(), ink: Some(Ink::Bad) };
        match seen.link.there {
            There::Missing => facts.push(bad("missing")),
            There::Unknown if seen.visible && seen.link.by.is_none() => facts.push(bad("missing")),
            There::Unknown if seen.visible => facts.push("not among the controller's --namespaces".into()),
            There::Unknown => facts.push("you may not see it".into()),
            There::Present => {}
        }
        if seen.link.again {
            facts = vec![bad("again: a ring")];
        } else {
            facts.extend(seen.version.as_ref().map(|version| format!("version {version}").into()));
            facts.extend(age(self.now, seen.created).map(|age| format!("{age} old").into()));
            if seen.deleting {
                facts.push(bad("being deleted"));
            }
            if let Some(copy) = &seen.copy {
                let ago = age(self.now, seen.copied).map_or(String::new(), |ago| format!(", copied {ago} ago"));
                facts.push(format!("holds version {copy}{ago}").into());
            } else if seen.link.there == There::Present && (seen.entry.is_some() || is_asked_target(answer, seen)) {
                facts.push("holds no copy".into());
            }
            if let Some(entry) = &seen.entry {
                let code = entry.reason.map_or(String::new(), |reason| format!(": {reason}"));
                let state = format!("{}{code}", entry.standing.word());
                facts.push(Cell { text: state, ink: Some(entry.standing.ink()) });
            }
        }
        self.object(seen.link.key.as_str(), &facts);
        if seen.link.again {
            return;
        }
        for (key, value) in &seen.annotations {
            let name = key.strip_prefix(&*answer.prefix).unwrap_or(key);
            let width = self.paper.width.unwrap_or(LONGEST_VALUE).saturating_sub(8 + name.len()).max(20);
            let value = shorten(&format!("{:?}", one_line(value)), width.min(LONGEST_VALUE));
            self.line(&format!("      {}{value}", self.paper.paint(Ink::Faint, &format!("{name}: "))));
        }
    }

    /// An object with its facts: beside it where there is room, else below.
    fn object(&mut self, name: &str, facts: &[Cell]) {
        const BELOW: usize = 6;
        let most = self.paper.width.unwrap_or(usize::MAX);
        let beside = 4 + name.width() + facts.iter().map(|fact| fact.text.width() + 2).sum::<usize>();
        let fits = beside <= most.saturating_add(2);
        let mut line = format!("  {}", self.paper.paint(Ink::Strong, name));
        let mut used = 2 + name.width();
        for (at, fact) in facts.iter().enumerate() {
            let gap = if at == 0 { "  " } else { ", " };
            let is_over = used + 2 + fact.text.width() + 1 > most;
            if !fits && (at == 0 || is_over) {
                line.push_str(if at == 0 { "" } else { "," });
                self.line(&line);
                (line, used) = (" ".repeat(BELOW), BELOW);
            } else {
                line.push_str(gap);
                used += gap.len();
            }
            line.push_str(&fact.ink.map_or_else(|| fact.text.clone(), |ink| self.paper.paint(ink, &fact.text)));
            used += fact.text.width();
        }
        self.line(&line);
    }

    fn questions(&mut self, answer: &Answer) {
        // That the lists are complete, and the annotations readable, is worth a line only where it is not so.
        let is_plain = |step: &Step| {
            use k8s_replicator_core::trail::Question;
            step.outcome == Outcome::Passed && matches!(step.question, Question::FirstLists | Question::WellFormed)
        };
        let steps: Vec<&Step> = answer.steps.iter().filter(|step| !is_plain(step)).collect();
        if steps.is_empty() {
            return;
        }
        self.title("Questions");
        let width = steps.iter().map(|step| step.question.name().len()).max().unwrap_or_default();
        for step in steps {
            let (mark, ink, end) = match &step.outcome {
                Outcome::Passed => ("✓", Ink::Good, String::new()),
                Outcome::Decided(reason @ (Reason::UpToDate | Reason::HeldByOnce)) => {
                    ("✓", Ink::Good, format!(" → {reason}"))
                }
                // A source need not be a target.
                Outcome::Decided(reason @ Reason::NotATarget) if answer.is_source() => {
                    ("–", Ink::Faint, format!(" → {reason}"))
                }
                Outcome::Decided(reason) => ("✗", Ink::Bad, format!(" → {reason}")),
                Outcome::Needs(key) => ("?", Ink::Pending, format!(" → {key} has to be read")),
            };
            let indent = 6 + width;
            let fact = wrap(self.paper, indent, &one_line(&format!("{}{end}", step.fact)));
            let fact = fact.get(indent..).unwrap_or_default();
            let _ = write!(self.out, "  {} {:<width$}  {fact}", self.paper.paint(ink, mark), step.question.name());
        }
    }

    fn rivals(&mut self, answer: &Answer) {
        if answer.rivals.is_empty() {
            return;
        }
        self.title("Others that push to this name");
        for (key, reason, detail) in &answer.rivals {
            let detail = detail.as_ref().map_or(String::new(), |detail| format!(", {detail}"));
            self.text(2, &format!("{key}: {reason}{detail}"));
        }
    }

    fn attempts(&mut self, answer: &Answer) {
        if answer.attempts.is_empty() {
            return;
        }
        self.title("Attempts that failed");
        for attempt in answer.attempts.iter().take(3) {
            let ago = age(self.now, attempt.at).map_or(String::new(), |ago| format!(", {ago} ago"));
            self.text(2, &format!("{}{ago}: {}", attempt.reason, attempt.message));
        }
    }

    fn waiting(&mut self, waiting: &[Consumer]) {
        if waiting.is_empty() {
            return;
        }
        const COLUMNS: [Column; 3] = [
            Column { head: "", dispensable: 0, shortest: 20 },
            Column { head: "", dispensable: 1, shortest: 10 },
            Column { head: "", dispensable: 0, shortest: 0 },
        ];
        self.title("Who waits for it");
        let row = |consumer: &Consumer| -> Vec<Cell> {
            vec![
                format!("  {} {}", consumer.kind, consumer.name).into(),
                consumer.uses.join(", ").into(),
                consumer.state.clone().into(),
            ]
        };
        let rows: Vec<_> = waiting.iter().take(MOST_WAITING).map(row).collect();
        let drawn = table(self.paper, &COLUMNS, &rows, false);
        self.out.push_str(&drawn);
        self.rest(waiting.len(), MOST_WAITING);
    }

    fn rest(&mut self, count: usize, shown: usize) {
        if let Some(rest) = count.checked_sub(shown).filter(|rest| *rest > 0) {
            self.line(&format!("  … and {rest} more"));
        }
    }

    fn owners(&mut self, answer: &Answer) {
        if answer.owners.is_empty() {
            return;
        }
        self.title("Who has the object");
        for owner in &answer.owners {
            self.text(2, owner);
        }
    }

    fn given(&mut self, answer: &Answer) {
        if answer.given.is_empty() {
            return;
        }
        const COLUMNS: [Column; 4] = [
            Column { head: "", dispensable: 0, shortest: 0 },
            Column { head: "", dispensable: 0, shortest: 0 },
            Column { head: "", dispensable: 0, shortest: 20 },
            Column { head: "", dispensable: 1, shortest: 0 },
        ];
        self.title("Who gets its data");
        let rows: Vec<Vec<Cell>> = answer
            .given
            .iter()
            .take(MOST_GIVEN)
            .map(|entry| {
                vec![
                    Cell { text: format!("  {}", entry.standing.word()), ink: Some(entry.standing.ink()) },
                    entry.reason.into(),
                    entry.target.to_string().into(),
                    age(self.now, entry.created).map(|age| format!("{age} old")).into(),
                ]
            })
            .collect();
        let drawn = table(self.paper, &COLUMNS, &rows, false);
        self.out.push_str(&drawn);
        self.rest(answer.given.len(), MOST_GIVEN);
    }

    fn advice(&mut self, answer: &Answer) {
        if answer.advice.is_empty() {
            return;
        }
        self.title("Advice");
        for (key, advice, command) in &answer.advice {
            self.text(2, &format!("{} on {key}: {}", advice.reason, advice.detail));
            self.text(2, advice.reason.remedy());
            self.line(&format!("\n    {command}"));
        }
    }

    fn what_to_do(&mut self, answer: &Answer) {
        let Some(entry) = &answer.entry else {
            let next = answer.given.iter().find(|entry| !super::is_good(entry.standing, entry.reason));
            if let Some(next) = next {
                self.title("Next");
                let kind = next.kind.to_ascii_lowercase();
                self.line(&format!("\n    kubectl replicator explain {kind} {}", next.target));
            } else if answer.given.is_empty() && !answer.is_fine() {
                self.remedy(answer);
            }
            return;
        };
        if let (Some(verb), true) = (entry.verb, answer.attempts.is_empty()) {
            self.title("What comes next");
            self.text(
                2,
                &match &answer.controller {
                    Some((name, 0)) => {
                        format!("The controller would {verb} it, and no pod of Deployment {name} is ready.")
                    }
                    Some((name, _)) => format!(
                        "The controller is about to {verb} it. If that does not happen soon, its log says why: \
                     kubectl -n {} logs deployment/{}",
                        name.split('/').next().unwrap_or_default(),
                        name.split('/').next_back().unwrap_or_default()
                    ),
                    None => format!(
                        "The controller is about to {verb} it. If that does not happen soon, look whether one runs."
                    ),
                },
            );
            return;
        }
        if !super::is_good(entry.standing, entry.reason) || answer.from.as_ref().is_some_and(|(_, _, gives)| !gives) {
            self.remedy(answer);
        } else if !answer.commands.is_empty() {
            // Held by once: nothing is wrong, and there is a choice.
            self.title("If you want newer data");
            self.commands(answer);
        }
    }

    fn remedy(&mut self, answer: &Answer) {
        let Some(reason) = answer.reason() else { return };
        self.title("What to do");
        self.text(2, reason.remedy());
        self.commands(answer);
    }

    fn commands(&mut self, answer: &Answer) {
        for (at, command) in answer.commands.iter().enumerate() {
            let gap = if at == 0 { "\n" } else { "" };
            self.line(&format!("{gap}    {command}"));
        }
    }

    fn notes(&mut self, answer: &Answer) {
        if answer.notes.is_empty() {
            return;
        }
        self.out.push('\n');
        for note in &answer.notes {
            self.painted(Ink::Faint, 0, note);
        }
    }
}

fn is_asked_target(answer: &Answer, seen: &Seen) -> bool {
    seen.link.by.is_none() && answer.entry.is_some()
}
