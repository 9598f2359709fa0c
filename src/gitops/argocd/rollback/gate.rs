//! What the gate has said in an attempt: Argo CD copies the text of its Job's Failed condition into the hook's row.

use crate::exit::Exit;
use crate::gitops::argocd::rollback::live::Row;
use crate::gitops::job::{GATE, exit_code};
use crate::rollback::Gate;
use crate::scope::HookPhase;

/// What the rows of an attempt say; a critical verdict is final, whatever another row says.
pub fn gate(rows: &[Row]) -> Gate {
    let said: Vec<Gate> = rows.iter().map(row).collect();
    let has = |gate| said.contains(&gate);
    match () {
        () if has(Gate::Critical) => Gate::Critical,
        () if has(Gate::Failed) => Gate::Failed,
        () if has(Gate::Passed) => Gate::Passed,
        () => Gate::Silent,
    }
}

/// Of a SyncFail hook only a critical verdict counts: its success says that another has spoken, or that nothing was
/// proven.
fn row(row: &Row) -> Gate {
    let post_sync = row.hook_type == HookPhase::PostSync.as_str();
    let job = row.group == "batch" && row.kind == "Job";
    if !job || !(post_sync || row.hook_type == HookPhase::SyncFail.as_str()) {
        return Gate::Silent;
    }
    match row.hook_phase.as_str() {
        "Failed" if exit_code(&row.message) == Some(Exit::Critical.code()) => Gate::Critical,
        "Failed" | "Error" if post_sync && row.name.contains(GATE) => Gate::Failed,
        "Succeeded" if post_sync && row.name.contains(GATE) => Gate::Passed,
        _ => Gate::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, hook_type: &str, hook_phase: &str, message: &str) -> Row {
        Row {
            group: "batch".into(),
            kind: "Job".into(),
            name: name.into(),
            status: String::new(),
            message: message.into(),
            hook_type: hook_type.into(),
            hook_phase: hook_phase.into(),
        }
    }

    fn failed(container: &str, code: u8) -> String {
        format!(
            "Container {container} for pod shop/driftgate-0a1b2c3-postsync-1-x failed with exit code {code} \
             matching FailJob rule at index 0"
        )
    }

    #[test]
    fn only_exit_code_20_of_the_gates_container_is_critical() {
        let cases = [
            (hook("driftgate-x", "PostSync", "Failed", &failed("driftgate", 20)), Gate::Critical),
            (hook("driftgate-x", "SyncFail", "Failed", &failed("driftgate", 20)), Gate::Critical),
            (hook("shop-driftgate", "PostSync", "Failed", &failed("driftgate", 20)), Gate::Critical),
            (hook("driftgate-x", "PostSync", "Failed", &failed("driftgate", 10)), Gate::Failed),
            (hook("driftgate-x", "SyncFail", "Failed", &failed("driftgate", 12)), Gate::Silent),
            (hook("driftgate-x", "PostSync", "Failed", &failed("driftgate", 200)), Gate::Failed),
            (hook("migrate", "PostSync", "Failed", &failed("migrate", 20)), Gate::Silent),
            (hook("notify", "SyncFail", "Failed", &failed("driftgate-like", 20)), Gate::Silent),
            (hook("driftgate-x", "PreSync", "Failed", &failed("driftgate", 20)), Gate::Silent),
            (hook("driftgate-x", "PostSync", "Running", &failed("driftgate", 20)), Gate::Silent),
            (hook("driftgate-x", "PostSync", "Succeeded", ""), Gate::Passed),
            (hook("driftgate-x", "SyncFail", "Succeeded", ""), Gate::Silent),
            (hook("migrate", "PostSync", "Succeeded", ""), Gate::Silent),
            (hook("driftgate-x", "PostSync", "Failed", "Terminated"), Gate::Failed),
            (
                hook("driftgate-x", "PostSync", "Failed", "Job has reached the specified backoff limit"),
                Gate::Failed,
            ),
        ];
        for (hook, said) in cases {
            assert_eq!(gate(std::slice::from_ref(&hook)), said, "{hook:?}");
        }
    }

    #[test]
    fn a_critical_verdict_wins_over_every_other_row() {
        let critical = hook("driftgate-a", "PostSync", "Failed", &failed("driftgate", 20));
        let passed = hook("driftgate-b", "PostSync", "Succeeded", "");
        let failure = hook("driftgate-c", "PostSync", "Failed", &failed("driftgate", 13));
        assert_eq!(gate(&[passed.clone(), failure.clone(), critical]), Gate::Critical);
        assert_eq!(gate(&[passed, failure]), Gate::Failed);
        assert_eq!(gate(&[]), Gate::Silent);
    }
}
