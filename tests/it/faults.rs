//! Every fault at every request of a gate run: the exit code is a right one, and nothing hangs past the deadlines.
//!
//! The laws: what passes by itself (one failed, hung, cut or garbled answer) changes nothing; what is refused for good
//! never makes a pass of critical drift; a clean application never blocks; and no single fault asks for a rollback.

use std::path::Path;
use std::time::Duration;

use driftgate::app::Rehearsal;
use driftgate::exit::Exit;
use driftgate::memory::{Fault, What, Where};
use driftgate::progress::Progress;
use rstest::rstest;
use tokio::time::Instant;

/// Settling (5 min), two looks (2 min each), and requests of their own (1 min each, a few of them).
const LONGEST: Duration = Duration::from_secs(15 * 60);

struct Ran {
    exit: Exit,
    requests: usize,
    first: usize,
    took: Duration,
    reasons: String,
    request: String,
}

/// Runs a scenario with a fault at the nth request of the gate that counts.
async fn run(scenario: &str, fault: Option<(usize, &What)>) -> Ran {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(scenario);
    let rehearsal = Rehearsal::prepare(&folder).await.unwrap();
    let first = rehearsal.api().requests().len();
    if let Some((nth, what)) = fault {
        rehearsal.api().add_fault(Fault { at: Where::Nth(first + nth), what: what.clone() });
    }
    let start = Instant::now();
    let report = rehearsal.run(&Progress::Lines).await.unwrap();
    let requests = rehearsal.api().requests();
    let request = fault.and_then(|(nth, _)| requests.get(first + nth));
    let request = request.map(|request| format!("{} {}?{}", request.verb, request.path, request.query));
    Ran {
        exit: report.exit(),
        requests: requests.len() - first,
        first,
        took: start.elapsed(),
        reasons: format!("{:?} {:?}", report.reasons, report.warnings),
        request: request.unwrap_or_default(),
    }
}

async fn sweep(what: &What, allowed: impl Fn(&str, Exit) -> bool) {
    let mut wrong = Vec::new();
    for (scenario, expected) in [("clean", Exit::Pass), ("sidecar-injected", Exit::Critical)] {
        let plain = run(scenario, None).await;
        assert_eq!(plain.exit, expected);
        assert!(plain.requests > 20 && plain.first > 20, "the gate made {} requests", plain.requests);
        for nth in 0..plain.requests {
            let ran = run(scenario, Some((nth, what))).await;
            if ran.took > LONGEST || !(ran.exit == expected || allowed(scenario, ran.exit)) {
                let Ran { exit, took, reasons, request, .. } = ran;
                wrong.push(format!(
                    "{scenario}: {what:?} at {nth} ({request}): {exit:?} after {took:?}: {reasons}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[rstest]
#[case::internal_error(What::Status(500))]
#[case::unavailable(What::Status(503))]
#[case::too_many_requests(What::TooManyRequests { retry_after: Some(3) })]
#[case::too_many_requests_for_an_hour(What::TooManyRequests { retry_after: Some(3600) })]
#[case::hang(What::Hang)]
#[case::reset(What::Reset)]
#[case::truncated_body(What::TruncatedBody)]
#[case::garbage_body(What::GarbageBody)]
#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_changes_nothing(#[case] what: What) {
    sweep(&what, |_, _| false).await;
}

#[rstest]
#[case::forbidden(What::Status(403))]
#[case::not_found(What::Status(404))]
#[case::conflict(What::Status(409))]
#[case::gone(What::Status(410))]
#[tokio::test(start_paused = true)]
async fn what_is_refused_never_passes_drift_nor_blocks_a_clean_application(#[case] what: What) {
    let unknown = [Exit::Invalid, Exit::Inconclusive, Exit::NotSettled, Exit::Unavailable];
    sweep(&what, |scenario, exit| {
        unknown.contains(&exit) || scenario == "sidecar-injected" && exit == Exit::Blocked
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_down_for_good_is_unavailable_in_bounded_time() {
    let start = Instant::now();
    let ran = run("api-down", None).await;
    assert_eq!(ran.exit, Exit::Unavailable);
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    assert!(ran.reasons.contains("/api"), "{}", ran.reasons);
}
