//! What is on record: passes alone, and after a gate that ends at any of its writes the old pass or the new one, whole.

use std::path::{Path, PathBuf};
use std::task::Poll;

use driftgate::app::Rehearsal;
use driftgate::exit::Exit;
use driftgate::memory::{Api, Fault, ObjectRef, What, Where};
use driftgate::progress::Progress;
use driftgate::record::Record;
use driftgate::scenario::Scenario;
use rstest::rstest;

const MAPS: &str = "/driftgate/configmaps";

async fn prepared() -> Rehearsal {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clean");
    Rehearsal::prepare(&folder).await.unwrap()
}

/// The pass on record; it can be read.
fn stored(api: &Api) -> Record {
    let requests = api.requests();
    let name = requests.iter().find_map(|request| request.path.split_once(&format!("{MAPS}/")));
    let map = ObjectRef {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("driftgate".into()),
        name: name.unwrap().1.into(),
    };
    let map = api.get(&map).unwrap();
    Record::parse(map["data"]["record.json"].as_str().unwrap()).unwrap()
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn only_a_pass_goes_on_record(#[files("examples/*/scenario.yaml")] file: PathBuf) {
    let folder = file.parent().unwrap();
    let rehearsal = match Rehearsal::prepare(folder).await {
        Ok(rehearsal) => rehearsal,
        Err(error) => {
            let expected = Scenario::read(folder).unwrap().expect;
            assert_eq!(expected, Some(3), "only a broken policy cannot be rehearsed: {error}");
            return;
        }
    };
    let first = rehearsal.api().requests().len();
    let report = rehearsal.run(&Progress::Lines).await.unwrap();
    let requests = rehearsal.api().requests();
    let reads = ["get", "list", "watch"];
    let writes: Vec<_> =
        requests[first..].iter().filter(|it| it.path.contains(MAPS) && !reads.contains(&it.verb)).collect();
    assert_eq!(writes.len(), usize::from(report.exit() == Exit::Pass), "{:?}: {writes:#?}", report.exit());
}

#[rstest]
#[case::before_it_is_done(What::Hang, false)]
#[case::before_the_answer_arrives(What::TruncatedBody, true)]
#[tokio::test(start_paused = true)]
async fn a_gate_that_is_killed_at_a_write_leaves_a_whole_record(#[case] what: What, #[case] is_done: bool) {
    let whole = prepared().await;
    let (before, first) = (stored(whole.api()), whole.api().requests().len());
    whole.run(&Progress::Lines).await.unwrap();
    let after = stored(whole.api());
    assert_ne!(before.revision, after.revision);
    let requests = whole.api().requests();
    let is_write = |nth: &usize| ["create", "update", "patch", "delete"].contains(&&*requests[*nth].verb);
    let writes: Vec<usize> = (first..requests.len()).filter(is_write).collect();
    let record = writes.iter().copied().find(|nth| requests[*nth].path.contains(MAPS)).unwrap();
    for nth in writes {
        let killed = prepared().await;
        killed.api().add_fault(Fault { at: Where::Nth(nth), what: what.clone() });
        let is_sent = std::future::poll_fn(|_| {
            if killed.api().requests().len() > nth { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::select! {
            biased;
            () = is_sent => {}
            _ = killed.run(&Progress::Lines) => assert!(nth >= record, "it ended after its request {nth}, not at it"),
        }
        let is_new = nth > record || (nth == record && is_done);
        let expected = if is_new { &after } else { &before };
        assert_eq!(
            &stored(killed.api()),
            expected,
            "killed at {} {}",
            requests[nth].verb,
            requests[nth].path
        );
    }
}
