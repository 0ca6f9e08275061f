//! The decisions of k8s-replicator, without any IO.
//!
//! ```text
//! watch event → graph of metadata → decision for one target → action with its precondition
//! ```
//!
//! This crate is pure: no clock, no network, no environment, no randomness of its own; time and random bytes are passed
//! in. The rules are those of the behaviour contract ("SPEC n" in the comments names its sections).
//!
//! Read it in this order: [`names`], [`annotation`], [`annotations`], [`observed`], [`selection`], [`graph`],
//! [`decide`](mod@decide), [`action`].

pub mod action;
pub mod advice;
pub mod annotation;
pub mod annotations;
pub mod bugs;
pub mod carried;
pub mod certificate;
pub mod change;
pub mod clear;
pub mod decide;
pub mod duration;
pub mod explain;
pub mod facts;
pub mod glob;
pub mod graph;
pub mod identity;
pub mod json;
pub mod key_names;
pub mod keys;
pub mod kind;
pub mod labels;
pub mod managers;
pub mod names;
pub mod namespace;
pub mod observed;
pub mod pattern;
pub mod payload;
pub mod protobuf;
pub mod push;
pub mod reason;
pub mod scope;
pub mod selection;
pub mod selector;
pub mod state;
pub mod survey;
pub mod time;
pub mod trail;
