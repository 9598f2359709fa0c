//! Where the commands write: report, termination message, live line.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use crate::app::inputs::variable;
use crate::cli::Output;
use crate::progress::{Progress, Terminal};
use crate::report::text::{self, Layout, Listing};
use crate::report::{Report, brief, json};
use crate::telemetry;

/// What standard output and standard error are.
pub(super) struct Console {
    terminal: Option<Terminal>,
    no_color: Option<String>,
    term: Option<String>,
}

impl Console {
    /// Looks at the streams and at `NO_COLOR` and `TERM`.
    pub(super) fn new() -> Self {
        let terminal = io::stderr().is_terminal().then(Terminal::stderr);
        Self { terminal, no_color: variable("NO_COLOR"), term: variable("TERM") }
    }

    /// Where logs go.
    pub(super) fn logs(&self) -> telemetry::Output {
        match &self.terminal {
            Some(terminal) => telemetry::Output::Terminal {
                terminal: terminal.clone(),
                colour: telemetry::colour(&io::stderr(), self.no_color.as_deref(), self.term.as_deref()),
            },
            None => telemetry::Output::Lines,
        }
    }

    /// How a run shows that it goes on.
    pub(super) fn progress(&self) -> Progress {
        self.terminal.clone().map_or(Progress::Lines, Progress::Live)
    }

    /// Writes the report.
    pub(super) fn write(&self, report: &Report, format: Output, out: &mut impl Write) -> io::Result<()> {
        match format {
            Output::Text => self.text(report, Listing::Screen, out),
            Output::Wide => self.text(report, Listing::Full, out),
            Output::Json => writeln!(out, "{}", json::render(report)?.trim_end()),
        }
    }

    fn text(&self, report: &Report, listing: Listing, out: &mut impl Write) -> io::Result<()> {
        let colour = telemetry::colour(&io::stdout(), self.no_color.as_deref(), self.term.as_deref());
        let layout = Layout { colour, listing, ..Layout::default() };
        out.write_all(text::render(report, layout).as_bytes())
    }
}

/// Writes the summary that Kubernetes shows as the container's termination message.
#[expect(clippy::disallowed_methods, reason = "the one place that writes the termination message")]
pub(super) fn terminate(report: &Report, file: &Path) -> Result<(), String> {
    std::fs::write(file, brief::termination(report))
        .map_err(|error| format!("writing the termination message to {}: {error}", file.display()))
}
