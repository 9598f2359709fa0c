//! What a person sees while a run goes on: a live line on a terminal, one log line a phase otherwise.
//!
//! Owns the terminal's last line and the timing of phases. Does not know what the phases do: it takes plain text.

use std::io;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

use crate::report::printable;

/// How often the live line moves while nothing is said.
const TICK: Duration = Duration::from_millis(120);

/// A terminal on standard error whose last line may be live; clones share that line.
#[derive(Clone, Debug)]
pub struct Terminal(MultiProgress);

impl Terminal {
    /// Standard error.
    pub fn stderr() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }
}

/// Log lines go above the live line.
impl<'a> MakeWriter<'a> for Terminal {
    type Writer = Above;

    fn make_writer(&'a self) -> Above {
        Above(self.0.clone())
    }
}

/// Writes to standard error with the live line out of the way.
#[derive(Debug)]
pub struct Above(MultiProgress);

impl io::Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Shows how a run goes on.
#[derive(Clone, Debug)]
pub enum Progress {
    /// One INFO line for each phase that has ended.
    Lines,
    /// A live line for the phase that runs.
    Live(Terminal),
}

impl Progress {
    /// Starts a phase: `discover`, `settle`, `look`, `decide`.
    pub fn phase(&self, name: &'static str) -> Phase {
        let line = match self {
            Self::Lines => None,
            Self::Live(Terminal(lines)) => Some(live(lines, name)),
        };
        Phase { name, started: Instant::now(), line }
    }
}

/// A phase that runs; dropped without [`Phase::end`] it takes its live line away and logs nothing.
#[derive(Debug)]
pub struct Phase {
    name: &'static str,
    started: Instant,
    line: Option<ProgressBar>,
}

impl Phase {
    /// What the phase waits for or works on now. Not a terminal: a DEBUG line.
    pub fn say(&self, text: &str) {
        let text = printable(text);
        if let Some(line) = &self.line {
            line.set_message(text);
        } else {
            tracing::debug!(phase = self.name, "{text}");
        }
    }

    /// Ends the phase with what it came to, in words with counts: `12 Pods, 41 other objects`. Returns how long it
    /// took.
    pub fn end(self, outcome: &str) -> Duration {
        let took = self.started.elapsed();
        let (phase, outcome) = (self.name, printable(outcome));
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if self.line.is_some() {
            tracing::debug!(phase, ms, "{phase}: {outcome}");
        } else {
            tracing::info!(phase, ms, "{phase}: {outcome}");
        }
        took
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

fn live(lines: &MultiProgress, name: &'static str) -> ProgressBar {
    let line = lines.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed}  {wide_msg}") {
        line.set_style(style);
    }
    line.set_prefix(name);
    line.enable_steady_tick(TICK);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_phase_knows_how_long_it_took() {
        for progress in [Progress::Lines, Progress::Live(hidden())] {
            let phase = progress.phase("settle");
            phase.say("waiting for apps/Deployment shop/web: 1 of 3 Pods are new");
            tokio::time::advance(Duration::from_millis(1234)).await;
            assert_eq!(phase.end("5 objects"), Duration::from_millis(1234));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_live_line_is_one_printable_line() {
        let terminal = hidden();
        let phase = Progress::Live(terminal.clone()).phase("settle");
        phase.say("waiting\n\u{1b}[2Jfor it");
        let line = phase.line.as_ref().unwrap().clone();
        assert_eq!(line.message(), "waiting \u{fffd}[2Jfor it");
        drop(phase);
        assert!(line.is_finished());
    }

    fn hidden() -> Terminal {
        Terminal(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
    }
}
