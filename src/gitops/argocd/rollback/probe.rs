//! What an Argo CD knows: told not by its version, which no Application says, but by what the API server keeps of a
//! patch that is sent as a dry run. It drops fields that the CustomResourceDefinition lacks.

use serde_json::{Value, json};

/// What this Argo CD knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knows {
    /// `spec.syncPolicy.automated.enabled` (3.1 and newer).
    pub switch: bool,
    /// A field of an operation that a rollback needs and that is not kept; with none, a rollback is what was asked for,
    /// and can be followed.
    pub lacks: Option<&'static str>,
}

impl Knows {
    /// All that there is.
    pub const ALL: Self = Self { switch: true, lacks: None };
}

/// Fields of an operation that a rollback needs: whose it is, our mark, what is deployed, and how.
const NEEDED: [(&str, &str); 8] = [
    ("/operation/initiatedBy/username", "operation.initiatedBy"),
    ("/operation/info/0/value", "operation.info"),
    ("/operation/sync/revision", "operation.sync.revision"),
    ("/operation/sync/source/repoURL", "operation.sync.source"),
    ("/operation/sync/prune", "operation.sync.prune"),
    ("/operation/sync/syncOptions/0", "operation.sync.syncOptions"),
    ("/operation/sync/syncStrategy/apply", "operation.sync.syncStrategy"),
    ("/status/operationState/operation/info/0/value", "status.operationState.operation.info"),
];

/// The patch, for a dry run.
pub fn probe() -> Value {
    let info = json!([{"name": "driftgate.dev/probe", "value": "driftgate"}]);
    json!({
        "spec": {"syncPolicy": {"automated": {"enabled": false}}},
        "operation": {
            "initiatedBy": {"username": "driftgate"}, "info": info,
            "sync": {
                "revision": "0", "source": {"repoURL": "https://driftgate.invalid"}, "prune": true,
                "syncOptions": ["Validate=true"], "syncStrategy": {"apply": {}},
            },
        },
        "status": {"operationState": {
            "operation": {"info": info}, "phase": "Running", "startedAt": "2026-01-01T00:00:00Z",
        }},
    })
}

/// What the answer says.
pub fn knows(answer: &Value) -> Knows {
    let lacks = NEEDED.iter().find(|(pointer, _field)| answer.pointer(pointer).is_none());
    let switch = answer["spec"]["syncPolicy"]["automated"]["enabled"] == false;
    Knows { switch, lacks: lacks.map(|(_pointer, field)| *field) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_argo_cd_is_known_by_what_it_does_not_keep() {
        let mut answer = probe();
        assert_eq!(knows(&answer), Knows::ALL);
        answer["spec"]["syncPolicy"]["automated"] = json!({});
        assert_eq!(knows(&answer), Knows { switch: false, lacks: None });
        for (pointer, field) in NEEDED {
            let mut answer = probe();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = answer.pointer_mut(parent).unwrap();
            if let Some(members) = parent.as_object_mut() {
                members.remove(name);
            } else {
                *parent = json!([]);
            }
            assert_eq!(knows(&answer), Knows { switch: true, lacks: Some(field) });
        }
    }
}
