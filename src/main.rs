//! The binary: arguments, a runtime, an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use driftgate::app;
use driftgate::cli::Cli;
use driftgate::exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            return ExitCode::from(if printed.is_ok() && error.exit_code() == 0 {
                0
            } else {
                Exit::Usage.code()
            });
        }
    };
    match run(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) if app::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            app::complain(&error);
            ExitCode::from(Exit::Bug.code())
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    app::install_crypto()?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(app::is_virtual(&cli.command));
    runtime.build()?.block_on(app::run(cli))
}
