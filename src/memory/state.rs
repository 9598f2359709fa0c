//! Everything that one in-memory API holds, behind one lock.

use super::access::Access;
use super::fault::Faults;
use super::kinds::Kinds;
use super::store::Store;

/// One request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The verb: get, list, watch, create, update, patch, delete or deletecollection.
    pub verb: &'static str,
    /// The path.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// The status of the answer; none while there is no answer, and none for a connection that failed.
    pub status: Option<u16>,
}

/// The state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) kinds: Kinds,
    pub(super) store: Store,
    pub(super) access: Access,
    pub(super) faults: Faults,
    pub(super) requests: Vec<Request>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            kinds: Kinds::built_in(),
            store: Store::default(),
            access: Access::default(),
            faults: Faults::default(),
            requests: Vec::new(),
        }
    }
}
