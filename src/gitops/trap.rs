//! One thing that is wrong with what deploys an application, and what to write instead.

use std::fmt;

use crate::model::reference::ObjectRef;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trap {
    /// Where.
    pub object: ObjectRef,
    /// The field that is wrong, or missing.
    pub field: String,
    /// What comes of it.
    pub harm: String,
    /// What to write instead.
    pub fix: String,
}

impl Trap {
    /// A trap.
    pub fn new(object: &ObjectRef, field: &str, harm: &str, fix: &str) -> Self {
        let [field, harm, fix] = [field, harm, fix].map(str::to_owned);
        Self { object: object.clone(), field, harm, fix }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, field, harm, fix } = self;
        write!(f, "{object}: {field}: {harm}; {fix}")
    }
}
