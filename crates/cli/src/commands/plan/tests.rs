//! Exact outputs.
