//! Problems and oddities of policy files, and of what deploys applications, as SARIF 2.1.0, for code hosts that show them beside the lines.
//!
//! Only the few members of the format that are used here. See <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Lint, Problem, Warning};
use crate::exclusion::Position;

/// What may stand in a path of a URI as it is.
const IN_PATHS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Id of what makes a file unusable.
pub const INVALID: &str = "invalid";

/// Id of what makes a gate fail open, or go back without a verdict.
pub const TRAP: &str = "trap";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message<'static>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    rule_id: &'static str,
    level: &'static str,
    message: Message<'a>,
    locations: [Location; 1],
}

#[derive(Serialize)]
struct Message<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
    start_column: u64,
}

/// A log of one run; `traps` are what is wrong with what deploys applications, `version` is driftgate's.
///
/// # Errors
/// Never in practice: nothing in it fails to be written.
pub fn render(
    problems: &[Problem],
    traps: &[Problem],
    warnings: &[Warning],
    version: &'static str,
) -> Result<String, serde_json::Error> {
    let errors = problems.iter().map(|Problem { at, message }| found(INVALID, "error", message, at));
    let deployed = traps.iter().map(|Problem { at, message }| found(TRAP, "error", message, at));
    let odd = warnings.iter().map(|Warning { at, lint, message }| found(lint.id(), "warning", message, at));
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver: Driver { name: "driftgate", version, rules: rules() } },
            column_kind: "unicodeCodePoints",
            results: errors.chain(deployed).chain(odd).collect(),
        }],
    };
    serde_json::to_string_pretty(&log)
}

fn rules() -> Vec<Rule> {
    let rule = |id, text, level| Rule {
        id,
        short_description: Message { text },
        default_configuration: Configuration { level },
    };
    let invalid = rule(INVALID, "A policy file cannot be used", "error");
    let trap = "What deploys an application lets a gate fail open, or go back without a verdict";
    let trap = rule(TRAP, trap, "error");
    let lints = Lint::ALL.map(|lint| rule(lint.id(), lint.title(), "warning"));
    [invalid, trap].into_iter().chain(lints).collect()
}

fn found<'a>(rule_id: &'static str, level: &'static str, text: &'a str, at: &Position) -> Found<'a> {
    let Position { file, line, column } = at;
    let scheme = if file.starts_with('/') { "file://" } else { "" };
    let uri = format!("{scheme}{}", utf8_percent_encode(file, IN_PATHS));
    let region = Region { start_line: *line, start_column: *column };
    let physical_location = Physical { artifact_location: Artifact { uri }, region };
    Found { rule_id, level, message: Message { text }, locations: [Location { physical_location }] }
}
