//! The catalogue is whole: every rule has its page and its fixtures, and nothing else lies around.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use driftgate::rules::{RULES, Rule};

const HEADINGS: [&str; 6] =
    ["What it checks", "Why it matters", "Example", "Instead", "When to exclude", "References"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn file_stem(rule: &Rule) -> String {
    rule.id.replace('-', "_")
}

/// Rules about policies are tested where policies are read, and by examples.
fn about_objects() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().filter(|rule| !rule.checks.is_empty())
}

/// `WL-001` as family and number.
fn split(code: &str) -> (&str, u32) {
    let (family, number) = code.split_once('-').unwrap();
    (family, number.parse().unwrap())
}

#[test]
fn codes_are_sorted_and_unique() {
    let codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
    let sorted: Vec<_> = codes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(codes, sorted);
}

#[test]
fn codes_are_a_family_and_three_digits() {
    for rule in RULES {
        let (family, number) = split(rule.code);
        assert_eq!(format!("{family}-{number:03}"), rule.code);
        assert!(family.chars().all(|letter| letter.is_ascii_uppercase()), "{}", rule.code);
    }
}

#[test]
fn ids_are_unique_and_kebab_case() {
    let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for id in ids {
        let words = id.split('-');
        assert!(
            words.into_iter().all(|word| !word.is_empty()
                && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())),
            "{id}"
        );
    }
}

#[test]
fn a_rule_is_found_by_its_id_and_by_its_code() {
    for rule in RULES {
        for name in [rule.id, rule.code, &rule.code.to_lowercase()] {
            assert_eq!(driftgate::rules::find(name).map(|found| found.code), Some(rule.code));
        }
    }
}

#[test]
fn a_rule_has_a_file_of_its_own_and_a_page_beside_it() {
    let folder = root().join("src/rules");
    let names = names_in(&folder);
    for rule in RULES {
        for extension in ["rs", "md"] {
            let name = format!("{}.{extension}", file_stem(rule));
            assert!(names.contains(&name), "src/rules/{name} is missing");
        }
        let page = std::fs::read_to_string(folder.join(file_stem(rule)).with_extension("md")).unwrap();
        assert_eq!(page, rule.page, "{} includes another page", rule.id);
    }
}

#[test]
fn every_page_belongs_to_a_rule() {
    let stems: BTreeSet<_> = RULES.iter().map(|rule| format!("{}.md", file_stem(rule))).collect();
    let pages = names_in(&root().join("src/rules"));
    let pages: BTreeSet<_> =
        pages.into_iter().filter(|name| Path::new(name).extension().is_some_and(|it| it == "md")).collect();
    assert_eq!(pages, stems);
}

#[test]
fn a_page_has_every_heading_in_order_and_something_under_each() {
    for rule in RULES {
        let title = format!("# {} {}\n", rule.code, rule.id);
        assert!(rule.page.starts_with(&title), "the page of {} must start with {title:?}", rule.id);
        let sections: Vec<_> = rule.page.split("\n## ").skip(1).collect();
        let headings: Vec<_> = sections.iter().map(|section| section.lines().next().unwrap()).collect();
        assert_eq!(headings, HEADINGS, "headings of {}", rule.id);
        for section in sections {
            let (heading, text) = section.split_once('\n').unwrap();
            assert!(!text.trim().is_empty(), "{}: nothing under {heading}", rule.id);
        }
    }
}

#[test]
fn titles_and_help_are_one_line_without_a_full_stop() {
    for rule in RULES {
        for text in [rule.title, rule.help] {
            assert!(!text.trim().is_empty() && !text.contains('\n'), "{}: {text:?}", rule.id);
            assert!(!text.ends_with('.'), "{}: {text:?}", rule.id);
            assert!(text.starts_with(char::is_uppercase), "{}: {text:?}", rule.id);
        }
    }
}

#[test]
fn a_rule_says_what_it_reads_where_it_comes_from_and_what_it_judges() {
    for rule in RULES {
        assert!(!rule.sources.is_empty(), "{} has no source", rule.id);
        let is_about_policies = rule.code.starts_with("EXC-");
        assert_eq!(rule.checks.is_empty(), is_about_policies, "{} checks nothing", rule.id);
        assert_eq!(rule.reads.is_empty(), is_about_policies, "{} reads nothing", rule.id);
    }
}

#[test]
fn every_rule_about_objects_has_a_passing_and_a_failing_fixture() {
    for rule in about_objects() {
        for outcome in ["pass", "fail"] {
            let folder = root().join("tests/fixtures/rules").join(rule.id).join(outcome);
            let yaml = names_in(&folder);
            assert!(
                yaml.iter().any(|name| Path::new(name).extension().is_some_and(|it| it == "yaml")),
                "{} holds no YAML file",
                folder.display()
            );
        }
    }
}

#[test]
fn every_fixture_folder_belongs_to_a_rule() {
    let ids: BTreeSet<_> = about_objects().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(names_in(&root().join("tests/fixtures/rules")), ids);
}

#[test]
fn every_snapshot_belongs_to_a_failing_fixture() {
    for rule in about_objects() {
        let folder = root().join("tests/fixtures/rules").join(rule.id);
        let with = |folder: &Path, extension: &str| -> BTreeSet<String> {
            let names = names_in(folder).into_iter();
            names.filter_map(|name| Some(name.strip_suffix(extension)?.to_owned())).collect()
        };
        assert_eq!(with(&folder.join("fail"), ".snap"), with(&folder.join("fail"), ".yaml"), "{}", rule.id);
        assert!(with(&folder.join("pass"), ".snap").is_empty(), "{}", rule.id);
    }
}
