//! SPEC 12, issue 11: what a person is told who asks.

mod advice; // each advice, and that it goes
mod closed_list; // each reason and advice has a test
mod commands; // list, wait, approve, diff, graph; with few rights
mod explain; // what keeps an object from its data
mod failed; // what was tried and failed, and its remedy
mod held; // what is held, is about to be written, or to go
mod plan; // what is planned is what the controller then does
mod speed; // how long it takes, asked for by name
