//! Takes entries out of the text of a policy file and leaves everything else in it as it is: comments, blank lines,
//! order, and how people write.
//!
//! Whole lines are removed, never written anew. Whatever comes of it is read again and has to hold the rest, exactly;
//! else nothing is changed. Does not know why an entry goes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::tree::{self, At, Content, Node};

/// A file without these entries, each given by line and column of its first field. A comment directly above an entry
/// goes with it; one above the first entry of a list stays, for it may be about the list.
///
/// # Errors
/// One sentence for people: the file is no YAML, or an entry cannot be taken out by whole lines.
pub fn without(text: &str, entries: &BTreeSet<(u64, u64)>) -> Result<String, String> {
    let (documents, broken) = tree::documents(text);
    if let Some(broken) = broken {
        return Err(broken.message);
    }
    let is_going = |item: &Node| entries.contains(&(item.at.line, item.at.column));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut gone = BTreeSet::new();
    let mut emptied = BTreeSet::new();
    for (key, items) in documents.iter().filter_map(list) {
        for (number, item) in items.iter().enumerate().filter(|(_number, item)| is_going(item)) {
            gone.extend(block(&lines, item.at, number == 0)?);
        }
        if !items.is_empty() && items.iter().all(is_going) {
            emptied.insert(key.at);
        }
    }
    let mut kept = String::with_capacity(text.len());
    for (number, line) in lines.iter().enumerate().filter(|(number, _line)| !gone.contains(number)) {
        match emptied.iter().find(|at| index(at.line) == number) {
            Some(at) => kept.push_str(&with_empty_list(line, *at)?),
            None => kept.push_str(line),
        }
    }
    let (read, broken) = tree::documents(&kept);
    let wanted: Vec<Node> = documents.into_iter().map(|document| stripped(document, &is_going)).collect();
    if broken.is_none() && read.len() == wanted.len() && read.iter().zip(&wanted).all(|(a, b)| alike(a, b)) {
        return Ok(kept);
    }
    Err("the rest of the file hangs on what would be removed; remove it by hand".to_owned())
}

/// `exclusions` of a policy, with its key.
fn list(document: &Node) -> Option<(&Node, &[Node])> {
    let Content::Map(members) = &document.member("spec")?.value else { return None };
    let named = |key: &Node| key.text().is_some_and(|(_at, text)| text == LIST);
    let (key, value) = members.iter().find(|(key, _value)| named(key))?;
    let Content::List(items) = &value.value else { return None };
    Some((key, items))
}

const LIST: &str = "exclusions";

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1)
}

/// The lines of one entry of a list with a dash before each.
fn block(lines: &[&str], at: At, is_first: bool) -> Result<Range<usize>, String> {
    let own = index(at.line);
    let by_hand = || "an entry that does not stand on lines of its own has to be removed by hand".to_owned();
    let before: String = lines.get(own).ok_or_else(by_hand)?.chars().take(index(at.column)).collect();
    let dash = match before.trim() {
        "-" => own,
        "" => (0..own).rev().find(|line| !is_blank_or_comment(lines[*line])).ok_or_else(by_hand)?,
        _ => return Err(by_hand()),
    };
    let dashed = lines.get(dash).copied().unwrap_or_default();
    if !dashed.trim_start().starts_with('-') || (dash != own && dashed.trim() != "-") {
        return Err(by_hand());
    }
    let depth = indent(dashed);
    let inner = |line: &&str| is_blank_or_comment(line) || indent(line) > depth;
    let after = lines.iter().skip(own + 1).take_while(|line| inner(line)).count();
    let body = lines.iter().enumerate().skip(own + 1).take(after);
    let inside = body.filter(|(_, line)| !line.trim().is_empty() && indent(line) > depth);
    let mut end = inside.map(|(number, _)| number).max().unwrap_or(own) + 1;
    let is_comment_of_it = |line: &str| line.trim_start().starts_with('#') && indent(line) == depth;
    let comments = lines[..dash].iter().rev().take_while(|line| is_comment_of_it(line)).count();
    let start = if is_first { dash } else { dash - comments };
    let is_blank = |line: Option<&&str>| line.is_some_and(|line| line.trim().is_empty());
    if is_first || is_blank(start.checked_sub(1).and_then(|above| lines.get(above))) {
        while is_blank(lines.get(end)) {
            end += 1;
        }
    }
    Ok(start..end)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// A list needs a value, also where it has no entries any more.
fn with_empty_list(line: &str, key: At) -> Result<String, String> {
    let before: String = line.chars().take(index(key.column)).collect();
    let colon = line.get(before.len()..).and_then(|rest| rest.strip_prefix(LIST)?.strip_prefix(':'));
    let rest =
        colon.ok_or_else(|| format!("`{LIST}` that is written otherwise has to be emptied by hand"))?;
    Ok(format!("{before}{LIST}: []{rest}"))
}

fn stripped(mut document: Node, is_going: &impl Fn(&Node) -> bool) -> Node {
    let Content::Map(members) = &mut document.value else { return document };
    for (key, spec) in members {
        let (Some((_, "spec")), Content::Map(members)) = (key.text(), &mut spec.value) else { continue };
        for (key, list) in members {
            if let (Some((_, LIST)), Content::List(items)) = (key.text(), &mut list.value) {
                items.retain(|item| !is_going(item));
            }
        }
    }
    document
}

/// True if both say the same, wherever it stands.
fn alike(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Content::Null, Content::Null) => true,
        (Content::Text(one), Content::Text(other)) | (Content::Number(one), Content::Number(other)) => {
            one == other
        }
        (Content::Bool(one, _), Content::Bool(other, _)) => one == other,
        (Content::List(one), Content::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Content::Map(one), Content::Map(other)) => {
            let same = |((key, value), (other_key, other_value)): (&(Node, Node), &(Node, Node))| {
                alike(key, other_key) && alike(value, other_value)
            };
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        (
            Content::Null
            | Content::Text(_)
            | Content::Bool(..)
            | Content::Number(_)
            | Content::List(_)
            | Content::Map(_),
            _,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n";

    /// Takes out what `gone` answers for.
    fn fixed(text: &str) -> Result<String, String> {
        without(text, &going(text))
    }

    fn going(text: &str) -> BTreeSet<(u64, u64)> {
        let policy = super::super::parse(&[("p", text)]).unwrap();
        let entries = policy.exclusions.entries().iter().filter(|entry| entry.owner == "gone");
        entries.map(|entry| (entry.at.line, entry.at.column)).collect()
    }

    #[track_caller]
    fn check(spec: &str, expected: &str) {
        assert_eq!(fixed(&format!("{HEAD}{spec}")).unwrap(), format!("{HEAD}{expected}"));
    }

    fn entry(owner: &str) -> String {
        format!(
            "  - rule: service-write\n    subject: {{namespace: n, name: web}}\n    reason: r\n    owner: {owner}\n    expires: 2027-01-01\n"
        )
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let (gone, kept) = (entry("gone"), entry("kept"));
        check(
            &format!(
                "  exclusions:   # the list\n  # all of it\n{gone}\n  # why it stays\n{kept}  # why it goes\n{gone}\n  # the end\n  failAt: low\n"
            ),
            &format!(
                "  exclusions:   # the list\n  # all of it\n  # why it stays\n{kept}\n  # the end\n  failAt: low\n"
            ),
        );
        check(
            &format!("  exclusions:\n{kept}{gone}\n  # second part\n\n{gone}\n{kept}"),
            &format!("  exclusions:\n{kept}\n  # second part\n\n{kept}"),
        );
    }

    #[test]
    fn a_list_that_loses_all_its_entries_is_empty() {
        let gone = entry("gone");
        check(
            &format!("  exclusions: # none\n{gone}{gone}  failAt: low\n"),
            "  exclusions: [] # none\n  failAt: low\n",
        );
    }

    #[test]
    fn each_way_to_write_an_entry_is_known() {
        let kept = entry("kept");
        for gone in [
            "  - {rule: service-write, subject: {namespace: n, name: w}, reason: r, owner: gone, expires: 2027-01-01}\n",
            "  -\n    # inside\n    rule: service-write\n    subject: {namespace: n, name: w}\n    reason: r\n    owner: gone\n    expires: 2027-01-01\n    # inside\n",
            "  - rule: service-write\n    subject: {namespace: n, name: w}\n    reason: |\n      long\n\n      # text\n    owner: gone\n    expires: 2027-01-01\n",
            "  -   rule: service-write\n      subject:\n        namespace: n\n        name: w\n      reason: two\n        lines\n      owner: gone\n      expires: 2027-01-01\n",
        ] {
            check(&format!("  exclusions:\n{kept}{gone}{kept}"), &format!("  exclusions:\n{kept}{kept}"));
        }
    }

    #[test]
    fn what_is_not_on_lines_of_its_own_is_left_to_people() {
        let one = "{rule: service-write, subject: {namespace: n, name: w}, reason: r, owner: gone, expires: 2027-01-01}";
        let error = fixed(&format!("{HEAD}  exclusions: [{one}]\n")).unwrap_err();
        assert!(error.contains("by hand"), "{error}");
        let anchored =
            entry("gone").replace("owner: gone", "owner: &who gone").replace("- rule", "- &all\n    rule");
        let other = entry("kept").replace("reason: r", "reason: *who");
        let error = fixed(&format!("{HEAD}  exclusions:\n{anchored}{other}")).unwrap_err();
        assert!(error.contains("by hand"), "{error}");
    }

    fn any_list() -> impl Strategy<Value = String> {
        let reason = prop_oneof![Just("r"), Just("|\n      a\n\n      # b"), Just("\"a\n      b\"")];
        let before =
            prop_oneof![Just(""), Just("\n"), Just("  # c\n"), Just("\n  # c\n\n"), Just("    # c\n")];
        let written =
            (before, prop_oneof![Just("gone"), Just("kept")], reason).prop_map(|(before, owner, reason)| {
                format!("{before}{}", entry(owner).replace("reason: r", &format!("reason: {reason}")))
            });
        (
            prop::collection::vec(written, 1..7),
            prop_oneof![Just(""), Just("\n  failAt: low\n"), Just("# end")],
        )
            .prop_map(|(entries, end)| format!("{HEAD}  exclusions:\n{}{end}", entries.concat()))
    }

    proptest! {
        #[test]
        fn what_is_left_is_the_rest_and_to_do_it_again_changes_nothing(text in any_list(), crlf: bool) {
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            let once = fixed(&text).unwrap();
            prop_assert_eq!(&fixed(&once).unwrap(), &once);
            let reasons = |text: &str| -> Vec<String> {
                let policy = super::super::parse(&[("p", text)]).unwrap();
                let kept = policy.exclusions.entries().iter().filter(|entry| entry.owner != "gone");
                kept.map(|entry| entry.reason.clone()).collect()
            };
            prop_assert_eq!(reasons(&once), reasons(&text));
            prop_assert!(!once.contains("owner: gone"));
            prop_assert!(once.lines().all(|line| text.contains(line) || line.contains("[]")));
        }
    }
}
