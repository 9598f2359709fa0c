//! Any text against the law of policy files.

#![no_main]

#[path = "../law.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|text: &str| law::holds(text));
