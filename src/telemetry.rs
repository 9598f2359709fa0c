//! Logs: tracing on standard error, set up once.
//!
//! Owns the format, the default directives and the promise that no body of a request or an answer is logged. Does
//! not read the environment (the command line hands over `RUST_LOG`) and does not know what is logged.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Span, Subscriber, field, info_span};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::progress::Terminal;
use crate::report::Colour;

/// Targets that are never logged, whatever `RUST_LOG` says: on a body that it cannot decode the Kubernetes client
/// logs the whole body as a warning, on an error status as debug, and Secrets are such bodies.
const SILENCED: [&str; 2] = ["kube_client", "reqwest"];

/// Where logs go, and so how they look.
#[derive(Clone, Debug)]
pub enum Output {
    /// Standard error is not a terminal: one JSON object a line, no escape sequences.
    Lines,
    /// Standard error is a terminal: plain lines without a time, above the live line.
    Terminal {
        /// Owns the terminal's last line.
        terminal: Terminal,
        /// Whether levels have colours.
        colour: Colour,
    },
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` is not a list of directives.
    #[error("RUST_LOG holds {directives:?}, which is not a list of directives such as driftgate=debug")]
    Directives {
        /// The value.
        directives: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A second start.
    #[error("logging has already been set up")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Starts logging. `steps` is the number of `-v` minus the number of `-q`; `rust_log` replaces what they say.
///
/// # Errors
/// `rust_log` cannot be parsed, or logging has been started before.
pub fn start(steps: i8, rust_log: Option<&str>, output: Output) -> Result<(), TelemetryError> {
    let filter = filter(steps, rust_log)?;
    match output {
        Output::Lines => tracing::subscriber::set_global_default(lines(filter, io::stderr))?,
        Output::Terminal { terminal, colour } => {
            tracing::subscriber::set_global_default(plain(filter, terminal, colour))?;
        }
    }
    Ok(())
}

/// Whether a stream shows colours: a terminal that understands escape sequences, and nobody asked for none
/// (<https://no-color.org>). `no_color` and `term` are the variables `NO_COLOR` and `TERM`.
pub fn colour(stream: &impl IsTerminal, no_color: Option<&str>, term: Option<&str>) -> Colour {
    let refused = no_color.is_some_and(|value| !value.is_empty()) || term == Some("dumb");
    if stream.is_terminal() && !refused { Colour::Always } else { Colour::Never }
}

/// The span of one run; application and revision are recorded once they are known, with [`Span::record`].
pub fn run_span(run: &str) -> Span {
    info_span!("run", run, application = field::Empty, revision = field::Empty)
}

/// What `-v` and `-q` mean.
pub fn level(steps: i8) -> LevelFilter {
    match steps {
        ..=-3 => LevelFilter::OFF,
        -2 => LevelFilter::ERROR,
        -1 => LevelFilter::WARN,
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        2.. => LevelFilter::TRACE,
    }
}

fn filter(steps: i8, rust_log: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let directives = match rust_log {
        Some(directives) if !directives.trim().is_empty() => directives.to_owned(),
        Some(_) | None => format!("driftgate={}", level(steps)),
    };
    EnvFilter::builder()
        .with_regex(false)
        .parse(&directives)
        .map_err(|source| TelemetryError::Directives { directives, source })
}

fn silence(metadata: &Metadata<'_>) -> bool {
    !SILENCED.iter().any(|target| metadata.target().starts_with(target))
}

fn lines<W>(filter: EnvFilter, writer: W) -> impl Subscriber
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let format = fmt::layer().json().flatten_event(true).with_ansi(false).with_current_span(false);
    tracing_subscriber::registry().with(guarded(format.with_writer(writer), filter))
}

fn plain<W>(filter: EnvFilter, writer: W, colour: Colour) -> impl Subscriber
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let format = fmt::layer().compact().without_time().with_target(false).with_ansi(colour == Colour::Always);
    tracing_subscriber::registry().with(guarded(format.with_writer(writer), filter))
}

fn guarded<S>(layer: impl Layer<S>, filter: EnvFilter) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    layer.with_filter(filter.and(filter_fn(silence)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn logged(steps: i8, rust_log: Option<&str>, say: impl FnOnce()) -> String {
        let log = tempfile::NamedTempFile::new().unwrap();
        let writer = Arc::new(log.reopen().unwrap());
        tracing::subscriber::with_default(lines(filter(steps, rust_log).unwrap(), writer), say);
        io::read_to_string(log).unwrap()
    }

    fn body() {
        tracing::warn!(target: "kube_client::client", "{{\"password\":\"hunter2\"}}, Error(\"eof\")");
        tracing::debug!(target: "reqwest::connect", "https://hooks.example.com/T0/B0/secret");
    }

    #[test]
    fn a_line_is_json_and_carries_run_application_and_revision() {
        let line = logged(0, None, || {
            let span = run_span("r1");
            span.record("application", "argocd/shop");
            span.record("revision", "4f2c91e");
            span.in_scope(|| tracing::info!(pods = 3, "settled"));
        });
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "settled");
        assert_eq!(line["pods"], 3);
        let run = serde_json::json!({
            "name": "run", "run": "r1", "application": "argocd/shop", "revision": "4f2c91e"
        });
        assert_eq!(line["spans"][0], run);
    }

    #[test]
    fn bodies_are_never_logged() {
        for directives in [None, Some("trace"), Some("kube_client=trace,reqwest=trace"), Some("kube=debug")] {
            assert_eq!(logged(2, directives, body), "", "{directives:?}");
        }
    }

    #[test]
    fn quiet_and_verbose_move_the_level() {
        let say = || {
            tracing::error!("e");
            tracing::warn!("w");
            tracing::info!("i");
            tracing::debug!("d");
            tracing::trace!("t");
        };
        let count = |steps, rust_log| logged(steps, rust_log, say).lines().count();
        let counts: Vec<usize> = (-3..=3).map(|steps| count(steps, None)).collect();
        assert_eq!(counts, [0, 1, 2, 3, 4, 5, 5]);
        assert_eq!(count(0, Some("driftgate=debug")), 4, "RUST_LOG replaces the flags");
        assert_eq!(count(0, Some(" ")), 3, "an empty RUST_LOG does not");
    }

    #[test]
    fn others_are_silent_until_asked_for() {
        let say = || tracing::info!(target: "hyper_util::client", "connecting");
        assert_eq!(logged(2, None, say), "");
        assert_eq!(logged(0, Some("info"), say).lines().count(), 1);
    }

    #[test]
    fn a_wrong_rust_log_is_named() {
        let error = filter(0, Some("driftgate=loud")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "RUST_LOG holds \"driftgate=loud\", which is not a list of directives such as driftgate=debug"
        );
    }
}
