//! Colours of the report for people.
//!
//! Owns what is red. Does not know whether anybody can see it: the caller says.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

use crate::exit::Exit;
use crate::finding::Severity;

/// Whether a text has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text without escape sequences.
    #[default]
    Never,
    /// ANSI escape sequences.
    Always,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// How the run ended.
    Exit(Exit),
    /// How bad.
    Severity(Severity),
    /// A name that groups what follows.
    Heading,
    /// What to do.
    Advice,
    /// What most readers skip.
    Aside,
}

impl Colour {
    pub(super) fn paint(self, role: Role, text: impl Display) -> String {
        match self {
            Self::Never => text.to_string(),
            Self::Always => {
                let style = style(role);
                format!("{style}{text}{style:#}")
            }
        }
    }
}

fn style(role: Role) -> Style {
    let colour = |colour: AnsiColor| colour.on_default();
    match role {
        Role::Exit(exit) => match exit {
            Exit::Pass => colour(AnsiColor::Green).bold(),
            Exit::Critical | Exit::Blocked | Exit::Bug => colour(AnsiColor::Red).bold(),
            Exit::Usage
            | Exit::Invalid
            | Exit::Inconclusive
            | Exit::NotSettled
            | Exit::Unavailable
            | Exit::Terminated => colour(AnsiColor::Yellow).bold(),
        },
        Role::Severity(severity) => match severity {
            Severity::Critical => colour(AnsiColor::Red).bold(),
            Severity::High => colour(AnsiColor::Red),
            Severity::Medium => colour(AnsiColor::Yellow),
            Severity::Low | Severity::Info => colour(AnsiColor::Cyan),
        },
        Role::Heading => Style::new().bold(),
        Role::Advice => colour(AnsiColor::Green),
        Role::Aside => Style::new().dimmed(),
    }
}
