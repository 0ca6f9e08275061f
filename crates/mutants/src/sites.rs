//! Where in a file its mutants are: the expression around each operator, with its operands; the beginning of each function's body; the
//! end of each match arm's pattern.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use anyhow::{Context as _, Result};
use syn::visit::{self, Visit};

use crate::list::{Genre, Mutant, Place};

/// What is changed at a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The beginning of a function's body.
    Body,
    /// The whole body of a function that returns an `impl Iterator`.
    Whole,
    /// `left operator right`.
    Binary { left: Range<usize>, operator: String, right: Range<usize> },
    /// `operator operand`.
    Unary { operator: String, operand: Range<usize> },
    /// Between the pattern of a match arm and its `=>`, with the guard that is there.
    Arm { guard: Option<Range<usize>> },
    /// The value of a field, in a struct expression with a base.
    Field { name: String, value: Option<Range<usize>>, base: Range<usize> },
}

/// A place in a file, with all mutants that change it.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// What is written anew, in bytes.
    pub(crate) range: Range<usize>,
    pub(crate) shape: Shape,
    pub(crate) mutants: Vec<Mutant>,
}

/// A file's mutants.
#[derive(Default)]
pub(crate) struct Sites {
    /// A site before those in it.
    pub(crate) sites: Vec<Site>,
    /// Mutants that no switch can stand at.
    pub(crate) not_switchable: Vec<u32>,
    /// Mutants that do not compile.
    pub(crate) not_compiling: Vec<u32>,
}

/// Finds the sites of a file's mutants.
pub(crate) fn sites(text: &str, mutants: &[&Mutant]) -> Result<Sites> {
    let file = syn::parse_file(text).context("not Rust")?;
    let mut found = Found { sites: HashMap::new(), bodies: vec![], needed: HashSet::new(), is_fixed: false };
    found.visit_file(&file);
    let lines = lines(text);
    let (mut sites, mut all): (HashMap<_, Site>, _) = (HashMap::new(), Sites::default());
    for mutant in mutants {
        let place = offset(text, &lines, mutant.start);
        if mutant.genre == Genre::MatchArm && found.needed.contains(&place) {
            all.not_compiling.push(mutant.number);
            continue;
        }
        let site = match mutant.genre {
            Genre::FnValue => found.body(place, mutant.returns.contains("impl ")),
            Genre::MatchArm | Genre::MatchArmGuard => found.sites.get(&At::Arm(place)).cloned(),
            Genre::BinaryOperator | Genre::UnaryOperator | Genre::StructField => {
                found.sites.get(&At::Expression(place)).cloned()
            }
        };
        match site {
            Some(site) => {
                let key = (site.range.clone(), site.shape == Shape::Body);
                sites.entry(key).or_insert(site).mutants.push((*mutant).clone());
            }
            None => all.not_switchable.push(mutant.number),
        }
    }
    all.sites = sites.into_values().collect();
    all.sites.sort_by_key(|site| (site.range.start, site.shape != Shape::Body, std::cmp::Reverse(site.range.end)));
    Ok(all)
}

/// A file's text with one mutant in it.
pub(crate) fn changed(text: &str, mutant: &Mutant) -> String {
    let lines = lines(text);
    let [start, end] = [mutant.start, mutant.end].map(|place| offset(text, &lines, place));
    [&text[..start], &mutant.replacement, &text[end..]].concat()
}

/// Where each line begins.
fn lines(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

fn offset(text: &str, lines: &[usize], place: Place) -> usize {
    let begin = lines.get(place.line - 1).copied().unwrap_or(text.len());
    text[begin..].char_indices().nth(place.column - 1).map_or(text.len(), |(at, _)| begin + at)
}

/// Where `cargo mutants` sees a change begin: an arm's pattern may begin where an expression could.
#[derive(PartialEq, Eq, Hash)]
enum At {
    Expression(usize),
    Arm(usize),
}

struct Found {
    sites: HashMap<At, Site>,
    /// What is between the braces of each function, and whether it is computed while the program is compiled; an inner one after the outer.
    bodies: Vec<(Range<usize>, bool)>,
    /// Match arms without which the match does not compile.
    needed: HashSet<usize>,
    /// In a constant: it is computed while the program is compiled.
    is_fixed: bool,
}

impl Found {
    /// The beginning of the innermost function around a place; or all of it, since what it returns has one type.
    fn body(&self, place: usize, is_whole: bool) -> Option<Site> {
        let (range, is_fixed) = self.bodies.iter().rfind(|(range, _)| range.start <= place && place <= range.end)?;
        let (range, shape) =
            if is_whole { (range.clone(), Shape::Whole) } else { (range.start..range.start, Shape::Body) };
        (!is_fixed).then(|| Site { range, shape, mutants: vec![] })
    }

    fn add(&mut self, at: At, range: Range<usize>, shape: Shape) {
        if !self.is_fixed {
            self.sites.insert(at, Site { range, shape, mutants: vec![] });
        }
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (open, close) = (block.brace_token.span.open(), block.brace_token.span.close());
        let is_const = signature.constness.is_some();
        self.bodies.push((open.byte_range().end..close.byte_range().start, is_const || self.is_fixed));
        self.fixed_if(is_const, |found| visit::visit_block(found, block));
    }

    fn fixed_if(&mut self, is_fixed: bool, within: impl FnOnce(&mut Self)) {
        let before = self.is_fixed;
        self.is_fixed |= is_fixed;
        within(self);
        self.is_fixed = before;
    }
}

fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn text_of(node: &impl syn::spanned::Spanned) -> String {
    node.span().source_text().unwrap_or_default()
}

fn bytes(node: &impl syn::spanned::Spanned) -> Range<usize> {
    node.span().byte_range()
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.fixed_if(true, |found| visit::visit_item_const(found, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.fixed_if(true, |found| visit::visit_impl_item_const(found, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.fixed_if(true, |found| visit::visit_item_static(found, item));
    }

    fn visit_type_array(&mut self, array: &'ast syn::TypeArray) {
        self.fixed_if(true, |found| visit::visit_type_array(found, array));
    }

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_expr_const(&mut self, block: &'ast syn::ExprConst) {
        self.fixed_if(true, |found| visit::visit_expr_const(found, block));
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let (left, right) = (bytes(&binary.left), bytes(&binary.right));
        if !has_let(&binary.left) && !has_let(&binary.right) {
            let operator = text_of(&binary.op);
            let range = left.start..right.end;
            let at = At::Expression(bytes(&binary.op).start);
            self.add(at, range, Shape::Binary { left, operator, right });
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let operator = text_of(&unary.op);
        let operand = bytes(&unary.expr);
        let range = bytes(&unary.op).start..operand.end;
        self.add(At::Expression(range.start), range, Shape::Unary { operator, operand });
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        let is_last = |arm: &syn::Arm| {
            let takes_all = match &arm.pat {
                syn::Pat::Wild(_) => true,
                // A variable, and no constant or variant.
                syn::Pat::Ident(name) => name.ident.to_string().starts_with(char::is_lowercase),
                _ => false,
            };
            takes_all && arm.guard.is_none()
        };
        let has_last = expression.arms.iter().any(is_last);
        for arm in &expression.arms {
            if is_last(arm) || (arm.guard.is_none() && !has_last) {
                self.needed.insert(bytes(arm).start);
            }
        }
        visit::visit_expr_match(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let range = bytes(&arm.pat).end..bytes(&arm.fat_arrow_token).start;
        let guard = arm.guard.as_ref().map(|(_, guard)| bytes(guard));
        let shape = Shape::Arm { guard: guard.clone() };
        if let Some(guard) = guard {
            self.add(At::Arm(guard.start), range.clone(), shape.clone());
        }
        self.add(At::Arm(bytes(arm).start), range, shape);
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        if let Some(base) = &expression.rest {
            for field in &expression.fields {
                let name = match &field.member {
                    syn::Member::Named(name) => name.to_string(),
                    syn::Member::Unnamed(index) => index.index.to_string(),
                };
                let value = field.colon_token.map(|_| bytes(&field.expr));
                let shape = Shape::Field { name, value, base: bytes(base) };
                self.add(At::Expression(bytes(field).start), bytes(field), shape);
            }
        }
        visit::visit_expr_struct(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places count characters, and lines begin at 1.
    #[test]
    fn a_file_is_changed_in_one_place() {
        let place = |line, column| Place { line, column };
        let mutant = Mutant {
            number: 1,
            name: String::new(),
            file: String::new(),
            start: place(2, 13),
            end: place(2, 15),
            genre: Genre::BinaryOperator,
            replacement: ">>".to_owned(),
            returns: String::new(),
        };
        let text = "/// é\nconst É: 32 << 10; // 1 << 2\n";
        assert_eq!(changed(text, &mutant), text.replacen("é\nconst É: 32 <<", "é\nconst É: 32 >>", 1));
    }
}
