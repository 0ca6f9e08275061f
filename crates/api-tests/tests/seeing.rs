//! SPEC 12, issue 11: what a person is told who asks.

mod advice; // each advice, and that it goes
mod commands; // list, wait, approve, diff, graph; with few rights
mod explain; // what keeps an object from its data
mod held; // what is held, is about to be written, or to go
mod plan; // what is planned is what the controller then does
mod speed; // how long it takes, asked for by name
