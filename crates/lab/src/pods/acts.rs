//! What is done with the chart on the node, what has to come of it, and the figures.

mod again;
mod install;
mod leadership;
mod memory;
mod people;
mod upgrade;

use std::fmt::Display;

use anyhow::{Context as _, Result};
use k8s_replicator_testenv::Client;

use self::people::People;
use super::node::Node;
use super::release::Release;
use super::trail::Trail;
use crate::bench::machine_facts;

/// In their order, after the installation.
pub(super) const NAMES: [&str; 4] = ["memory", "upgrade", "leadership", "again"];

/// Where the acts are played.
pub(super) struct Acts<'a> {
    node: &'a Node,
    release: Release<'a>,
    people: People,
    trail: Trail,
    figures: Vec<[String; 3]>,
}

impl<'a> Acts<'a> {
    /// Plays them, and prints the figures. Nothing is played after one that goes wrong.
    pub(super) fn play(node: &'a Node, only: &[&str]) -> Result<()> {
        let (release, people) = (Release::new(node)?, People::new(node.plane.client()));
        let mut acts = Self { node, release, people, trail: Trail::begin(&node.plane)?, figures: Vec::new() };
        acts.installation().context("install")?;
        for name in NAMES.into_iter().filter(|name| only.is_empty() || only.contains(name)) {
            let played = match name {
                "memory" => acts.memory(),
                "upgrade" => acts.upgrade(),
                "leadership" => acts.leadership(),
                _ => acts.again(),
            };
            if let Err(error) = played {
                return Err(error.context(acts.release.told().unwrap_or_default()).context(name));
            }
        }
        println!("\n{}\n| act | what | figure |\n|---|---|---|", machine_facts());
        for [act, what, value] in &acts.figures {
            println!("| {act} | {what} | {value} |");
        }
        Ok(())
    }

    fn client(&self) -> &'a Client {
        self.node.plane.client()
    }

    /// Something that was measured, or seen to be as it has to be.
    fn figure(&mut self, act: &str, what: impl Display, value: impl Display) {
        println!("{act}: {what}: {value}");
        self.figures.push([act.to_owned(), what.to_string(), value.to_string()]);
    }
}
