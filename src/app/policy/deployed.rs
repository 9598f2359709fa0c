//! Manifests of what deploys applications: what in them makes a gate fail open, or keeps a rejected revision where it
//! is.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exclusion::Position;
use crate::gitops::flux::fleet::Fleet;
use crate::gitops::helm::traps::NOTE;
use crate::gitops::trap::Trap;
use crate::manifests::{self, Document, Problem};
use crate::model::reference::ObjectRef;
use crate::policy::Places;

/// What is wrong, by place, and what cannot be told from manifests.
#[derive(Default)]
pub(super) struct Deployed {
    /// Everything that is wrong.
    pub(super) traps: Vec<(Position, Trap)>,
    /// What could not be told, one sentence each.
    pub(super) notes: Vec<String>,
}

/// Reads manifests; with `every_release`, also what shows no gate is held to have one.
///
/// # Errors
/// Files that cannot be read, and objects that cannot be, one a line. What Helm has yet to render is neither.
pub(super) fn read(paths: &[PathBuf], every_release: bool) -> Result<Deployed, String> {
    let (mut fleet, mut written, mut places) = (Fleet::default(), Vec::new(), Vec::new());
    let problems = manifests::documents(paths, std::io::stdin().lock(), |document| {
        let object: Value = serde_json::from_slice(document.json).map_err(|error| error.to_string())?;
        written.push(Written::of(document));
        for (item, object) in objects(object) {
            let number = places.len();
            places.push((written.len() - 1, item));
            fleet.add(number, document.file, object)?;
        }
        Ok(())
    });
    let (templates, problems): (Vec<_>, Vec<_>) = problems.into_iter().partition(is_template);
    if !problems.is_empty() {
        return Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    let traps = fleet.traps(every_release).into_iter();
    let mut traps: Vec<_> = traps
        .filter_map(|(number, trap)| {
            let (document, item) = *places.get(number)?;
            Some((written.get(document)?.position(item, &trap.field), trap))
        })
        .collect();
    traps.sort();
    Ok(Deployed { traps, notes: notes(&fleet, every_release, &templates) })
}

fn notes(fleet: &Fleet, every_release: bool, templates: &[Problem]) -> Vec<String> {
    let (mut gated, mut others) = fleet.releases();
    if every_release {
        gated.append(&mut others);
    }
    let mut notes = Vec::new();
    if !gated.is_empty() {
        notes.push(format!("{}: {NOTE}", names(&gated)));
    }
    if !others.is_empty() {
        let names = names(&others);
        notes.push(format!(
            "{names}: no sign of a gate, so not checked; --every-release checks it all the same"
        ));
    }
    let files: BTreeSet<&str> = templates.iter().map(|problem| problem.file.as_str()).collect();
    notes.extend(files.into_iter().map(|file| format!("{file}: not checked: Helm has yet to render it")));
    notes
}

/// `HelmRelease apps/a, apps/b and 3 more`.
fn names(objects: &[ObjectRef]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> =
        objects.iter().take(SHOWN).map(|it| format!("{}/{}", it.namespace, it.name)).collect();
    let rest = objects.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("HelmRelease {}{more}", shown.join(", "))
}

/// The object, or those that a list holds, with their numbers.
fn objects(mut document: Value) -> Vec<(Option<usize>, Value)> {
    let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match document.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => {
            items.into_iter().enumerate().map(|(number, item)| (Some(number), item)).collect()
        }
        Some(items) => {
            document["items"] = items;
            vec![(None, document)]
        }
        None => vec![(None, document)],
    }
}

/// True for a template of a chart, which is no YAML yet.
fn is_template(problem: &Problem) -> bool {
    let mut above = Path::new(&problem.file).ancestors().skip(1);
    above.any(|folder| folder.ends_with("templates") && folder.with_file_name("Chart.yaml").is_file())
}

/// A document as it is written. Where its fields are is found out once, if anything is wrong in it.
struct Written {
    file: String,
    line: usize,
    text: String,
    places: OnceCell<Places>,
}

impl Written {
    fn of(document: &Document<'_>) -> Self {
        let Document { file, line, text, .. } = *document;
        Self { file: file.to_owned(), line, text: text.to_owned(), places: OnceCell::new() }
    }

    fn position(&self, item: Option<usize>, field: &str) -> Position {
        let (line, column) = self.places.get_or_init(|| Places::read(&self.text)).of(item, field);
        let before = u64::try_from(self.line).unwrap_or(u64::MAX).saturating_sub(1);
        Position { file: self.file.as_str().into(), line: line.saturating_add(before), column }
    }
}
