//! Tests of the decisions, rule by rule, against the behaviour contract.
//!
//! `world` is a small model of the API server, `fixture` reads its worlds from text, `table` compares a whole step with one line of
//! text. The other files are tables by section of the contract; `properties` tests random worlds.

mod adoption;
mod advise;
mod certificates;
mod clear;
mod combined;
mod consent;
mod delay;
mod fixture;
mod install;
mod losers;
mod once;
mod oracle;
mod order;
mod policy;
mod policy_random;
mod properties;
mod pull;
mod scope;
mod steps;
mod survey;
mod table;
mod terminating;
mod trail;
mod world;
