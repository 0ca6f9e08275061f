//! See `crates/fuzzed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| k8s_replicator_fuzzed::run("kubeconfigs", data));
