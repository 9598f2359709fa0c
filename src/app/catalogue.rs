//! Commands about driftgate itself: rules, schema, completion. They need no cluster.

use std::io::{self, Write};

use clap::CommandFactory as _;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use crate::cli::{Cli, CompletionArgs, ListOutput, RulesArgs, SchemaArgs, SchemaOf};
use crate::exit::Exit;
use crate::rules::{RULES, Rule};

/// `driftgate rules`.
pub(super) fn rules(args: &RulesArgs, out: &mut impl Write) -> io::Result<Exit> {
    match args.output {
        ListOutput::Text => writeln!(out, "{}", table())?,
        ListOutput::Json => {
            let rules: Vec<_> = RULES.iter().map(|rule| as_json(rule)).collect();
            serde_json::to_writer_pretty(&mut *out, &rules)?;
            writeln!(out)?;
        }
    }
    Ok(Exit::Pass)
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["CODE", "RULE", "WORST", "TITLE"]);
    for rule in RULES {
        table.add_row([rule.code, rule.id, rule.severity.as_str(), rule.title]);
    }
    table
}

fn as_json(rule: &Rule) -> serde_json::Value {
    json!({
        "id": rule.id, "code": rule.code, "title": rule.title, "severity": rule.severity,
        "help": rule.help, "sources": rule.sources,
    })
}

/// `driftgate schema`.
pub(super) fn schema(args: &SchemaArgs, out: &mut impl Write) -> io::Result<Exit> {
    let schema = match args.of {
        SchemaOf::Policy => serde_json::to_string_pretty(&crate::policy::schema())?,
        SchemaOf::Report => crate::report::json::schema()?,
        SchemaOf::Scenario => {
            serde_json::to_string_pretty(&schemars::schema_for!(crate::scenario::Scenario))?
        }
    };
    writeln!(out, "{}", schema.trim_end())?;
    Ok(Exit::Pass)
}

/// `driftgate completion`.
pub(super) fn completion(args: &CompletionArgs, out: &mut impl Write) -> io::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "driftgate", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Pass)
}
