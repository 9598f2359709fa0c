//! Arguments of `explain`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// Rule, by name or code; or a finding's id or how it begins, as reports show it with `-o wide` and `-o json`.
    #[arg(value_name = "RULE|ID")]
    pub what: String,
    /// Report that has the finding, as `-o json` wrote it; `-` is standard input.
    #[arg(long, value_name = "FILE|-")]
    pub report: Option<PathBuf>,
    /// Folder of a scenario, whose rehearsal has the finding.
    #[arg(long, value_name = "SCENARIO", conflicts_with = "report")]
    pub against: Option<PathBuf>,
}
