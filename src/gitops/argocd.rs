//! Argo CD: from the hook Job the gate runs in to the application and its objects.
//!
//! Sources: <https://argo-cd.readthedocs.io/en/stable/user-guide/resource_hooks/>,
//! <https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/>.

pub mod application;
pub mod discover;
pub mod hook;
pub mod rollback;
