//! Metadata of any object, label selectors and conditions.

use super::shape::{PLAIN_LIST, PLAIN_MAP, Shape};
use Shape::{Annotations, List, Object, Plain};

pub(super) const META: Shape = Object(&[
    ("name", Plain),
    ("namespace", Plain),
    ("uid", Plain),
    ("generation", Plain),
    ("labels", PLAIN_MAP),
    ("annotations", Annotations),
    ("ownerReferences", List(&OWNER)),
    ("creationTimestamp", Plain),
    ("deletionTimestamp", Plain),
]);

const OWNER: Shape = Object(&[
    ("apiVersion", Plain),
    ("kind", Plain),
    ("name", Plain),
    ("uid", Plain),
    ("controller", Plain),
    ("blockOwnerDeletion", Plain),
]);

/// An object of which nothing but its metadata matters.
pub(super) const ALONE: Shape = Object(&[("metadata", META)]);

pub(super) const SELECTOR: Shape = Object(&[
    ("matchLabels", PLAIN_MAP),
    ("matchExpressions", List(&Object(&[("key", Plain), ("operator", Plain), ("values", PLAIN_LIST)]))),
]);

/// A condition; its text for people may quote anything.
pub(super) const CONDITION: Shape = Object(&[
    ("type", Plain),
    ("status", Plain),
    ("reason", Plain),
    ("message", Shape::Hidden),
    ("lastTransitionTime", Plain),
    ("observedGeneration", Plain),
]);
