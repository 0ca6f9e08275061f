//! A file with all its mutants in it, each behind a switch.
//!
//! Operands are written once, where that is possible: an operator of operators would otherwise be written in as many ways as its parts
//! have together. Where the compiler cannot follow ([`Form::Twice`]), operands are written once for each mutant.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::list::{Genre, Mutant};
use crate::sites::{Shape, Site};

/// How a site is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Its operands once.
    Once,
    /// Its operands once for each mutant, and once for the original.
    Twice,
}

/// Which bytes of a rewritten file a mutant is responsible for.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) mutant: u32,
    pub(crate) range: Range<usize>,
    /// The mutant alone; else its whole site.
    pub(crate) is_own: bool,
}

/// A rewritten file.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    pub(crate) text: String,
    pub(crate) shares: Vec<Share>,
}

/// What was learnt of the mutants by compiling them.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// These do not compile.
    pub(crate) dropped: HashSet<u32>,
    /// The sites of these are written in another form.
    pub(crate) forms: HashMap<u32, Form>,
}

/// Writes a file anew.
pub(crate) fn rewrite(text: &str, sites: &[Site], learnt: &Learnt) -> Rewritten {
    let mut writer = Writer { text, sites, learnt, out: Rewritten::default() };
    writer.write(0..text.len(), 0);
    writer.out
}

struct Writer<'a> {
    text: &'a str,
    sites: &'a [Site],
    learnt: &'a Learnt,
    out: Rewritten,
}

fn on(mutant: &Mutant) -> String {
    format!("k8s_replicator_core::switch::on({})", mutant.number)
}

impl Writer<'_> {
    /// Writes a part of the file; sites before `next` are not in it.
    fn write(&mut self, range: Range<usize>, next: usize) {
        let (sites, text) = (self.sites, self.text);
        let mut at = range.start;
        for (index, site) in sites.iter().enumerate().skip(next) {
            if site.range.start >= range.end && !(site.range.is_empty() && site.range.start == range.end) {
                break;
            }
            if site.range.start < at || site.range.end > range.end {
                continue;
            }
            self.out.text.push_str(&text[at..site.range.start]);
            let from = self.out.text.len();
            self.site(site, index + 1);
            let range = from..self.out.text.len();
            let whole = |mutant: &Mutant| Share { mutant: mutant.number, range: range.clone(), is_own: false };
            self.out.shares.extend(site.mutants.iter().map(whole));
            at = site.range.end;
        }
        self.out.text.push_str(&text[at..range.end]);
    }

    fn push(&mut self, text: &str) {
        self.out.text.push_str(text);
    }

    /// Writes what belongs to one mutant alone.
    fn own(&mut self, mutant: &Mutant, write: impl FnOnce(&mut Self)) {
        let from = self.out.text.len();
        write(self);
        let range = from..self.out.text.len();
        self.out.shares.push(Share { mutant: mutant.number, range, is_own: true });
    }

    fn site(&mut self, site: &Site, next: usize) {
        let mutants: Vec<&Mutant> =
            site.mutants.iter().filter(|mutant| !self.learnt.dropped.contains(&mutant.number)).collect();
        if mutants.is_empty() {
            return self.write(site.range.clone(), next);
        }
        let form = mutants.iter().find_map(|mutant| self.learnt.forms.get(&mutant.number)).copied();
        let form = form.unwrap_or(Form::Once);
        match &site.shape {
            Shape::Body => {
                for mutant in mutants {
                    self.push(&format!(" if {} {{ return ", on(mutant)));
                    self.own(mutant, |writer| writer.push(&mutant.replacement));
                    self.push("; }");
                }
            }
            Shape::Whole => {
                self.push(" match () { ");
                let other = "k8s_replicator_core::switch::Either::B(";
                for (before, mutant) in mutants.iter().enumerate() {
                    let other = other.repeat(before);
                    self.push(&format!("() if {} => {other}k8s_replicator_core::switch::Either::A(", on(mutant)));
                    self.own(mutant, |writer| writer.push(&mutant.replacement));
                    self.push(&format!("){}, ", ")".repeat(before)));
                }
                self.push(&format!("_ => {}{{", other.repeat(mutants.len())));
                self.write(site.range.clone(), next);
                self.push(&format!("}}{} }} ", ")".repeat(mutants.len())));
            }
            Shape::Binary { left, operator, right } => {
                self.binary(&mutants, left.clone(), operator, right.clone(), form, next);
            }
            Shape::Unary { operator, operand } => self.unary(&mutants, operator, operand.clone(), form, next),
            Shape::Arm { guard } => self.arm(&mutants, guard.clone(), next),
            Shape::Field { name, value, base } => {
                self.push(&format!("{name}: "));
                for mutant in mutants {
                    self.push(&format!("if {} {{ ", on(mutant)));
                    let base = format!("({}).{name}", &self.text[base.clone()]);
                    self.own(mutant, |writer| writer.push(&base));
                    self.push(" } else ");
                }
                self.push("{ ");
                match value {
                    Some(value) => self.write(value.clone(), next),
                    None => self.push(name),
                }
                self.push(" }");
            }
        }
    }

    fn binary(
        &mut self,
        mutants: &[&Mutant],
        left: Range<usize>,
        operator: &str,
        right: Range<usize>,
        form: Form,
        next: usize,
    ) {
        let is_assignment = operator.ends_with('=') && !matches!(operator, "==" | "!=" | "<=" | ">=");
        match (operator, form) {
            ("==" | "!=", Form::Once) if mutants.len() == 1 => {
                self.push("((");
                self.write(left.start..right.end, next);
                self.push(&format!(") ^ {})", on(mutants[0])));
            }
            // What the first operand decides alone, it decides the other way.
            ("&&" | "||", Form::Once) if mutants.len() == 1 => {
                self.push("({ let left: bool = ");
                self.write(left, next);
                let by_itself = if operator == "&&" { "==" } else { "!=" };
                self.push(&format!("; if left {by_itself} {} {{ left }} else {{ ", on(mutants[0])));
                self.write(right, next);
                self.push(" } })");
            }
            ("<" | "<=" | ">" | ">=", Form::Once) => {
                self.push("(match (&(");
                self.write(left, next);
                self.push("), &(");
                self.write(right, next);
                self.push(")) { (left, right) => ");
                self.chosen(mutants, operator, |writer, operator| writer.push(&format!("left {operator} right")));
                self.push(" })");
            }
            (_, Form::Once) if is_assignment => {
                self.push("(match ");
                self.write(right, next);
                self.push(" { right => ");
                self.chosen(mutants, operator, |writer, operator| {
                    writer.write(left.clone(), next);
                    writer.push(&format!(" {operator} right"));
                });
                self.push(" })");
            }
            (_, Form::Once) if !matches!(operator, "==" | "!=" | "&&" | "||") => {
                self.push("(match ((");
                self.write(left, next);
                self.push("), (");
                self.write(right, next);
                self.push(")) { (left, right) => ");
                self.chosen(mutants, operator, |writer, operator| writer.push(&format!("left {operator} right")));
                self.push(" })");
            }
            _ => {
                self.push("(");
                self.chosen(mutants, operator, |writer, operator| {
                    writer.write(left.clone(), next);
                    writer.push(&format!(" {operator} "));
                    writer.write(right.clone(), next);
                });
                self.push(")");
            }
        }
    }

    /// `if` this mutant is chosen, its operator, `else` that of the next one, `else` the original.
    fn chosen(&mut self, mutants: &[&Mutant], original: &str, write: impl Fn(&mut Self, &str)) {
        for mutant in mutants {
            self.push(&format!("if {} {{ ", on(mutant)));
            self.own(mutant, |writer| write(writer, &mutant.replacement));
            self.push(" } else ");
        }
        self.push("{ ");
        write(self, original);
        self.push(" }");
    }

    fn unary(&mut self, mutants: &[&Mutant], operator: &str, operand: Range<usize>, form: Form, next: usize) {
        if operator == "!" && form == Form::Once && mutants.len() == 1 {
            self.push("(!(");
            self.write(operand, next);
            return self.push(&format!(") ^ {})", on(mutants[0])));
        }
        self.push("(match (");
        self.write(operand, next);
        self.push(") { operand => ");
        let without = |writer: &mut Self, operator: &str| writer.push(&format!("{operator} operand"));
        self.chosen(mutants, operator, without);
        self.push(" })");
    }

    /// An arm that is not there has a guard that is false.
    fn arm(&mut self, mutants: &[&Mutant], guard: Option<Range<usize>>, next: usize) {
        let (mut or, mut and) = (String::new(), String::new());
        for mutant in mutants {
            match (mutant.genre, mutant.replacement.as_str()) {
                (Genre::MatchArmGuard, "true") => or.push_str(&format!("{} || ", on(mutant))),
                _ => and.push_str(&format!("!{} && ", on(mutant))),
            }
        }
        self.push(&format!(" if {and}({or}("));
        match guard {
            Some(guard) => self.write(guard, next),
            None => self.push("true"),
        }
        self.push(")) ");
    }
}
