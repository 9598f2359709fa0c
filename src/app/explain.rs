//! `driftgate explain`: a rule's page, or why one finding is covered or not.

use std::io::{self, Read as _, Write};
use std::path::Path;

use serde_json::Value;

use crate::app::{inputs, rehearse};
use crate::cli::ExplainArgs;
use crate::exit::Exit;
use crate::policy::did_you_mean;
use crate::progress::Progress;
use crate::report::Printable;
use crate::rules::{self, RULES, Rule};

/// Fewer digits of an id could be a word.
const SHORTEST_ID: usize = 4;

/// Runs the command.
pub(super) async fn run(args: &ExplainArgs, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    if let Some(rule) = rules::find(&args.what) {
        return page(rule, out);
    }
    let id = args.what.to_ascii_lowercase();
    let is_id = (SHORTEST_ID..=16).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        let near = did_you_mean(&args.what, RULES.iter().map(|rule| rule.id));
        writeln!(err, "error: no rule is called {}{near}; `driftgate rules` lists them", args.what)?;
        return Ok(Exit::Usage);
    }
    let report = match report(args).await {
        Ok(Some(report)) => report,
        Ok(None) => {
            let how = "give a report that has it (`-o json`) with --report FILE, or --against SCENARIO";
            writeln!(err, "error: {id} is the id of a finding: {how}")?;
            return Ok(Exit::Usage);
        }
        Err(message) => {
            writeln!(err, "error: {message}")?;
            return Ok(Exit::Invalid);
        }
    };
    let found: Vec<_> = findings(&report).filter(|(_list, item)| of(item, "id").starts_with(&id)).collect();
    match found.as_slice() {
        [] => {
            writeln!(err, "error: no finding of the report has an id that begins with {id}")?;
            Ok(Exit::Usage)
        }
        all => {
            for (list, item) in all {
                tell(list, item, out)?;
            }
            Ok(Exit::Pass)
        }
    }
}

fn page(rule: &Rule, out: &mut impl Write) -> io::Result<Exit> {
    writeln!(out, "{} {}: {} (up to {})\n", rule.code, rule.id, rule.title, rule.severity)?;
    writeln!(out, "{}", rule.page.trim_end())?;
    Ok(Exit::Pass)
}

/// The report that is to be read; none if none is named.
async fn report(args: &ExplainArgs) -> Result<Option<Value>, String> {
    if let Some(folder) = &args.against {
        let rehearsal = rehearse::Rehearsal::prepare(folder).await?;
        let report = rehearsal.run(&Progress::Lines).await?;
        return serde_json::to_value(&report).map(Some).map_err(|error| error.to_string());
    }
    let Some(file) = &args.report else { return Ok(None) };
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(|error| format!("reading standard input: {error}"))?;
        text
    } else {
        inputs::text(file)?
    };
    let report: Value = serde_json::from_str(&text)
        .map_err(|error| format!("{}: {error}; `-o json` writes such a report", file.display()))?;
    if report["kind"] != crate::report::KIND || report["apiVersion"] != crate::report::API_VERSION {
        return Err(format!(
            "{}: no {} of {}",
            file.display(),
            crate::report::KIND,
            crate::report::API_VERSION
        ));
    }
    Ok(Some(report))
}

/// Lists of a report and what it means for a finding to be in one.
const LISTS: [(&str, &str); 5] = [
    ("drift", "counts: no exclusion covers it, nor does the baseline"),
    ("excluded", "is covered by an exclusion"),
    ("accepted", "is in the baseline"),
    ("provisional", "does not count before the application has settled"),
    ("belowThreshold", "cannot block: it is below the threshold, or not proven"),
];

/// Every finding of a report, with what its list means. An excluded one carries its exclusion.
fn findings(report: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    let of_list = |(list, meaning): (&'static str, &'static str)| {
        let items = report[list].as_array().into_iter().flatten();
        items.map(move |item| (meaning, item))
    };
    LISTS.into_iter().flat_map(of_list)
}

/// The finding of an item of any list.
fn finding(item: &Value) -> &Value {
    item.get("finding").unwrap_or(item)
}

/// A member of the finding as text; empty where it is none.
fn of(item: &Value, name: &str) -> String {
    text(&finding(item)[name])
}

/// What a file says, fit to be shown.
fn text(value: &Value) -> String {
    Printable::new(value.as_str().unwrap_or_default()).to_string()
}

fn tell(meaning: &str, item: &Value, out: &mut impl Write) -> io::Result<()> {
    let (rule, code, severity) = (of(item, "rule"), of(item, "code"), of(item, "severity"));
    writeln!(out, "{} {rule} ({code}), {severity}", of(item, "id"))?;
    let subject = &finding(item)["subject"];
    let [group, kind, namespace, name] =
        ["group", "kind", "namespace", "name"].map(|part| text(&subject[part]));
    let slash = |part: &str| if part.is_empty() { String::new() } else { format!("{part}/") };
    let mut lines = vec![("subject", format!("{}{kind} {}{name}", slash(&group), slash(&namespace)))];
    lines.push(("container", of(item, "container")));
    let images = finding(item)["images"].as_array().into_iter().flatten().map(text);
    lines.push(("image", images.collect::<Vec<_>>().join(", ")));
    lines.push(("value", of(item, "value")));
    lines.push(("what", of(item, "message")));
    lines.push(("do", of(item, "help")));
    lines.push(("brought by", text(&finding(item)["broughtBy"]["text"])));
    lines.push(("so", format!("it {meaning}")));
    let exclusion = &item["exclusion"];
    if exclusion.is_object() {
        let [at, owner, expires, reason] =
            ["at", "owner", "expires", "reason"].map(|part| text(&exclusion[part]));
        lines.push(("covered", format!("{at}, {owner} until {expires}: {reason}")));
    }
    let near = &finding(item)["nearMiss"];
    if near.is_object() {
        lines.push(("not covered", format!("by {}: {}", text(&near["at"]), text(&near["why"]))));
    }
    for (label, text) in lines.iter().filter(|(_label, text)| !text.is_empty()) {
        writeln!(out, "  {label}: {text}")?;
    }
    Ok(())
}
