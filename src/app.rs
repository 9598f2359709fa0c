//! The phases in order: the only module that sees both the core and the edges.
//!
//! Owns the wiring and the deadline. Holds no detail of a policy, a rule or a GitOps tool.

mod baseline;
mod by_hand;
mod catalogue;
mod clock;
mod controller;
mod explain;
mod files;
mod gate;
mod inputs;
mod look;
mod outputs;
mod policy;
mod record;
mod rehearse;
mod rollback;
mod scan;
mod target;
mod told;
mod verdict;

use std::io::{self, Write as _};

use crate::cli::{Cli, Command, PolicyCommand};
use crate::exit::Exit;
use crate::telemetry;

pub use clock::Clock;
pub use rehearse::Rehearsal;

/// True if the command runs on a virtual clock.
pub fn is_virtual(command: &Command) -> bool {
    matches!(command, Command::Rehearse(_) | Command::Policy(_) | Command::Explain(_))
}

/// Runs one command to its end.
///
/// # Errors
/// Standard output cannot be written, or logging cannot start.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let console = outputs::Console::new();
    let steps = i8::try_from(cli.verbose).unwrap_or(i8::MAX) - i8::from(cli.quiet);
    telemetry::start(steps, inputs::variable("RUST_LOG").as_deref(), console.logs())?;
    let mut out = io::stdout().lock();
    let exit = match &cli.command {
        Command::Controller(args) => controller::run(args).await?,
        Command::Rollback(args) => by_hand::rollback(args, &mut out).await?,
        Command::Release(args) => by_hand::release(args, &mut out).await?,
        Command::Gate(args) => Box::pin(gate::run(args, &console, &mut out)).await?,
        Command::Verdict(args) => verdict::run(args, &mut out).await?,
        Command::Scan(args) => scan::run(args, &console, &mut out).await?,
        Command::Record(args) => record::run(args, &console, &mut out).await?,
        Command::Rehearse(args) => rehearse::run(args, &console, &mut out).await?,
        Command::Baseline(args) => baseline::run(args, &console, &mut out).await?,
        Command::Policy(PolicyCommand::Check(args)) => policy::check(args, &mut out).await?,
        Command::Rules(args) => catalogue::rules(args, &mut out)?,
        Command::Explain(args) => explain::run(args, &mut out, &mut io::stderr()).await?,
        Command::Schema(args) => catalogue::schema(args, &mut out)?,
        Command::Completion(args) => catalogue::completion(args, &mut out)?,
    };
    out.flush()?;
    Ok(exit)
}

/// Picks ring as the process's TLS provider; several crates of the tree could bring one.
///
/// # Errors
/// Another one was picked before.
pub fn install_crypto() -> anyhow::Result<()> {
    let picked = rustls::crypto::ring::default_provider().install_default();
    picked.map_err(|_other| anyhow::anyhow!("another TLS provider has been installed already"))
}

/// Says what ended the process before it could report: the last words, on standard error.
pub fn complain(error: &anyhow::Error) {
    let line = format!("error: {error:#}\n");
    if io::stderr().write_all(line.as_bytes()).is_err() {
        // Nobody is left to tell; the exit code says it.
    }
}

/// True if nobody reads standard output any more, as in `driftgate rules | head -1`. A gate's report is written last,
/// and its Job's log is always read.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}
