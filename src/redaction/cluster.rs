//! Nodes and how they run Pods.

use super::meta::META;
use super::shape::{PLAIN_LIST, Shape};
use Shape::{List, Object, Plain};

/// A Node without what its kubelet reports over and over.
pub(super) const NODE: Shape = Object(&[
    ("metadata", META),
    ("spec", Object(&[("podCIDRs", PLAIN_LIST), ("unschedulable", Plain)])),
    (
        "status",
        Object(&[
            ("addresses", List(&Object(&[("address", Plain), ("type", Plain)]))),
            (
                "nodeInfo",
                Object(&[
                    ("architecture", Plain),
                    ("containerRuntimeVersion", Plain),
                    ("kubeletVersion", Plain),
                    ("operatingSystem", Plain),
                ]),
            ),
            (
                "runtimeHandlers",
                List(&Object(&[
                    ("features", Object(&[("recursiveReadOnlyMounts", Plain), ("userNamespaces", Plain)])),
                    ("name", Plain),
                ])),
            ),
        ]),
    ),
]);

pub(super) const RUNTIME_CLASS: Shape = Object(&[("metadata", META), ("handler", Plain)]);
