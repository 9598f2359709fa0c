//! How a gate's Job says its exit code: in the words of the Job controller's `podFailurePolicy`.

/// Name of the container in the shipped Jobs, and part of the Jobs' names.
pub const GATE: &str = "driftgate";

/// The exit code of the gate's container in the text of a Job's Failed condition:
/// `Container driftgate for pod shop/driftgate-x failed with exit code 20 matching FailJob rule at index 0`.
pub fn exit_code(message: &str) -> Option<u8> {
    let rest = message.strip_prefix("Container ")?.strip_prefix(GATE)?.strip_prefix(" for pod ")?;
    let (_pod, rest) = rest.split_once(" failed with exit code ")?;
    let (code, _index) = rest.split_once(" matching FailJob rule at index ")?;
    code.parse().ok()
}
