//! The Argo CD Application: what it consists of and where it is deployed from, not with which values.

use super::meta::META;
use super::shape::{PLAIN_LIST, Shape};
use Shape::{Address, List, Object, Plain};

pub(super) const APPLICATION: Shape = Object(&[
    ("metadata", META),
    (
        "spec",
        Object(&[
            ("destination", Object(&[("name", Plain), ("namespace", Plain), ("server", Address)])),
            ("project", Plain),
            ("source", SOURCE),
            ("sources", List(&SOURCE)),
        ]),
    ),
    (
        "status",
        Object(&[
            (
                "history",
                List(&Object(&[
                    ("deployedAt", Plain),
                    ("id", Plain),
                    ("revision", Plain),
                    ("revisions", PLAIN_LIST),
                ])),
            ),
            (
                "operationState",
                Object(&[
                    ("finishedAt", Plain),
                    ("phase", Plain),
                    ("startedAt", Plain),
                    (
                        "syncResult",
                        Object(&[("resources", List(&ROW)), ("revision", Plain), ("revisions", PLAIN_LIST)]),
                    ),
                ]),
            ),
            ("resources", List(&ROW)),
        ]),
    ),
]);

const SOURCE: Shape = Object(&[
    ("chart", Plain),
    ("path", Plain),
    ("ref", Plain),
    ("repoURL", Address),
    ("targetRevision", Plain),
]);

/// One object, without what applying it said.
const ROW: Shape = Object(&[
    ("group", Plain),
    ("hook", Plain),
    ("hookPhase", Plain),
    ("hookType", Plain),
    ("kind", Plain),
    ("name", Plain),
    ("namespace", Plain),
    ("status", Plain),
    ("syncPhase", Plain),
    ("version", Plain),
]);
