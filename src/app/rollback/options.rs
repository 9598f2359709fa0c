//! Which application, and what the arguments say about all of them.

use crate::cli::{self, RollbackOptions};
use crate::gitops::argocd::rollback::observe::OptIn;
use crate::rollback::{Settings, Unproven};

/// Namespace and name of an Application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::app) struct Name {
    pub(in crate::app) namespace: String,
    pub(in crate::app) name: String,
}

impl Name {
    /// From `NAMESPACE/NAME`.
    pub(in crate::app) fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once('/')?;
        Some(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How Argo CD is set up, and what the platform has decided.
#[derive(Clone, Debug)]
pub(in crate::app) struct Options {
    /// Namespace of Argo CD itself.
    pub(in crate::app) argocd_namespace: String,
    /// Namespace of the states.
    pub(in crate::app) state_namespace: String,
    /// Whose rollbacks are wanted.
    pub(in crate::app) opt_in: OptIn,
    /// What was decided beforehand.
    pub(in crate::app) settings: Settings,
}

impl From<&RollbackOptions> for Options {
    fn from(args: &RollbackOptions) -> Self {
        let opt_in = match args.opt_in {
            cli::OptIn::Marked => OptIn::Marked,
            cli::OptIn::All => OptIn::All { opt_out: args.allow_opt_out },
        };
        let unproven = match args.unproven_target {
            cli::UnprovenTarget::Never => Unproven::Never,
            cli::UnprovenTarget::LastSuccess => Unproven::LastSuccess,
        };
        let health_timeout = i64::try_from(args.health_timeout.as_secs()).unwrap_or(i64::MAX);
        Self {
            argocd_namespace: args.argocd_namespace.clone(),
            state_namespace: args.namespace.clone(),
            opt_in,
            settings: Settings { unproven, health_timeout },
        }
    }
}
