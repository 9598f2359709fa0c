//! The hermetic tests: fixtures, catalogue, in-memory API, command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; fixtures are files"
)]

mod baseline;
mod catalogue;
mod cli;
mod examples;
mod faults;
mod generated;
mod killed;
mod manifests;
mod platform_policy;
mod policy_check;
mod policy_deployed;
mod policy_text;
mod record;
mod release;
mod rules;
mod schemas;
mod served;
mod tidy;
mod tuning;
