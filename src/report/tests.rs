//! The texts themselves are the claim: each snapshot is what a person reads.

use insta::assert_snapshot;

use super::samples::{critical, finding, many, object, report, unsettled};
use super::summary::{SUMMARY_BYTES, Summary};
use super::text::{Layout, Listing};
use super::wire::{Application, Object};
use super::*;
use crate::finding::Severity;

fn screen(report: &Report) -> String {
    text::render(report, Layout::default())
}

#[test]
fn a_critical_report_says_what_and_why_first() {
    assert_snapshot!(screen(&critical()));
}

#[test]
fn a_full_listing_shows_what_cannot_block_too() {
    assert_snapshot!(text::render(&critical(), Layout { listing: Listing::Full, ..Layout::default() }));
}

#[test]
fn many_findings_are_cut_with_a_count() {
    assert_snapshot!(screen(&many()));
}

#[test]
fn a_pass_is_short() {
    let reason = "nothing at or above high";
    assert_snapshot!(screen(&report(Exit::Pass, Some(Verdict::Pass), reason)));
}

#[test]
fn unsettled_objects_are_named_with_their_cause() {
    assert_snapshot!(screen(&unsettled()));
}

#[test]
fn a_run_without_a_verdict_says_why() {
    let reason = "listing pods in namespace shop: connection refused after 6 attempts";
    assert_snapshot!(screen(&report(Exit::Unavailable, None, reason)));
}

#[test]
fn colours_are_escape_sequences_around_the_same_text() {
    let coloured = text::render(&critical(), Layout { colour: Colour::Always, ..Layout::default() });
    assert_snapshot!(coloured.escape_debug().to_string().replace("\\n", "\n"));
    let mut plain = String::new();
    for piece in coloured.split('\u{1b}') {
        plain.push_str(
            piece.strip_prefix('[').and_then(|rest| rest.split_once('m')).map_or(piece, |(_, text)| text),
        );
    }
    assert_eq!(plain, screen(&critical()));
}

#[test]
fn json_keeps_its_shape() {
    assert_snapshot!(json::render(&critical()).unwrap());
}

#[test]
fn the_schema_is_published() {
    assert_snapshot!(json::schema().unwrap());
}

#[test]
fn a_termination_message_is_worst_first() {
    assert_snapshot!(brief::termination(&critical()));
}

#[test]
fn a_note_says_how_many_are_left_out() {
    assert_snapshot!(brief::note(&many()));
}

#[test]
fn an_object_without_a_name_stands_for_its_kind() {
    assert_eq!(object("apps/Deployment", "shop/web").to_string(), "apps/Deployment shop/web");
    assert_eq!(object("Node", "n1").to_string(), "Node n1");
    assert_eq!(object("Pod", "shop/").to_string(), "all Pod objects in namespace shop");
    assert_eq!(object("Node", "").to_string(), "all Node objects");
}

#[test]
fn revisions_are_as_short_as_git_prints_them() {
    let hash = "4f2c91e0b7a3d5f68190c2d4e6f8a0b1c3d5e7f9";
    assert_eq!(short(hash), "4f2c91e");
    assert_eq!(short(&format!("main@sha1:{hash}")), "main@sha1:4f2c91e");
    assert_eq!(short(&format!("{hash},1.2.3")), "4f2c91e,1.2.3");
    assert_eq!(short("v1.24.0"), "v1.24.0");
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Printable> {
        let piece =
            prop_oneof![any::<String>(), Just("shop/web ".to_owned()), Just("\n\u{1b}[2J".to_owned())];
        let times = prop_oneof![Just(1), Just(1), Just(1), 0..300_usize];
        (piece, times).prop_map(|(piece, times)| piece.repeat(times).into())
    }

    fn severity() -> impl Strategy<Value = Severity> {
        proptest::sample::select(Severity::WORST_FIRST.to_vec())
    }

    prop_compose! {
        fn any_finding()(severity in severity(), name in text(), message in text(), path in text(),
                         container in proptest::option::of(text()), objects in any::<u64>()) -> Finding {
            let subject = Object { name, ..object("apps/Deployment", "shop/web") };
            Finding { objects, container, path, message, ..finding(severity, "host-network", subject) }
        }
    }

    prop_compose! {
        fn any_report()(name in text(), revision in proptest::option::of(text()), reason in text(), why in text(),
                        exit in proptest::sample::select(Exit::ALL.to_vec()),
                        drift in proptest::collection::vec(any_finding(), 0..30),
                        below in proptest::collection::vec(any_finding(), 0..3),
                        warnings in proptest::collection::vec(text(), 0..8)) -> Report {
            let run = Run { id: name.clone(), hook: revision.clone() };
            let unsettled = [Unsettled { object: object("Pod", "shop/web"), why: why.clone() }];
            let mut report = Report::new(Application { name, revision }, run, exit, reason)
                .drift(drift).below_threshold(below).unsettled(unsettled);
            report.rollback = Some(Rollback { wanted: warnings.is_empty(), to: None, why, plan: None });
            report.warnings = warnings;
            report
        }
    }

    fn printable_only(json: &serde_json::Value) -> bool {
        match json {
            serde_json::Value::String(text) => !text.contains(char::is_control),
            serde_json::Value::Array(items) => items.iter().all(printable_only),
            serde_json::Value::Object(fields) => fields.values().all(printable_only),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => true,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn small_places_keep_their_limits(report in any_report()) {
            let message = brief::termination(&report);
            prop_assert!(message.len() <= brief::TERMINATION_BYTES);
            prop_assert!(!message.contains(|char: char| char.is_control() && char != '\n'));
            let note = brief::note(&report);
            prop_assert!(note.len() <= brief::NOTE_BYTES);
            prop_assert!(!note.contains(char::is_control));
            let summary = Summary::of(&report, Some(&"https://ui.example/".repeat(500)));
            prop_assert!(serde_json::to_string(&summary).unwrap().len() <= SUMMARY_BYTES);
        }

        #[test]
        fn no_text_holds_a_control_character(report in any_report()) {
            for listing in [Listing::Screen, Listing::Full] {
                let text = text::render(&report, Layout { listing, ..Layout::default() });
                prop_assert!(!text.contains(|char: char| char.is_control() && char != '\n'));
            }
            prop_assert!(printable_only(&serde_json::to_value(&report).unwrap()));
        }

        #[test]
        fn order_of_findings_does_not_matter(
            (findings, shuffled) in proptest::collection::vec(any_finding(), 0..12)
                .prop_flat_map(|findings| (Just(findings.clone()), Just(findings).prop_shuffle()))
        ) {
            let of = |findings| report(Exit::Blocked, None, "").drift(findings);
            prop_assert_eq!(of(findings), of(shuffled));
        }

        #[test]
        fn left_out_findings_are_counted(report in any_report()) {
            for text in [brief::termination(&report), brief::note(&report)] {
                let shown = report.drift.len() + report.unsettled.len() + report.warnings.len();
                let Some((_, rest)) = text.rsplit_once("and ") else { continue };
                if let Some(count) = rest.strip_suffix(" more in the report") {
                    prop_assert!((1..=shown).contains(&count.parse().unwrap()));
                }
            }
        }
    }
}
