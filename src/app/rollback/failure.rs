//! Why work on an application stops before its end.

use crate::cluster::{ApiError, Reason};
use crate::store;

/// What went wrong. The work is begun anew later, so none of it is lost.
#[derive(Debug, thiserror::Error)]
pub(in crate::app) enum Failure {
    /// A request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// What is kept cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no GitOps tool here.
    #[error(
        "the cluster serves neither applications.argoproj.io nor kustomizations.kustomize.toolkit.fluxcd.io: install \
         Argo CD or Flux, or name their cluster with --context"
    )]
    NoTool,
    /// There is no Argo CD here.
    #[error(
        "the cluster serves no applications.argoproj.io: install Argo CD, or name its cluster with --context"
    )]
    NoArgoCd,
    /// There is no Flux here.
    #[error(
        "the cluster serves no kustomizations.kustomize.toolkit.fluxcd.io: install Flux, or name its cluster with \
         --context"
    )]
    NoFlux,
    /// The platform's policy cannot be used.
    #[error("{0}")]
    Policy(String),
    /// There is no such project.
    #[error("AppProject {0} is not there, so nothing can be held in it")]
    NoProject(String),
    /// It is there but cannot be read.
    #[error("{0} cannot be read: {1}")]
    Undecodable(String, String),
    /// It changed all the time.
    #[error("{0} changed at each of many steps; it is looked at again later")]
    Restless(String),
}

impl Failure {
    /// True if it will be the same however often it is tried.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Api(error) => error.is_final(),
            Self::NoProject(_) | Self::Undecodable(..) => true,
            Self::Store(_)
            | Self::NoTool
            | Self::NoArgoCd
            | Self::NoFlux
            | Self::Policy(_)
            | Self::Restless(_) => false,
        }
    }

    /// For metrics.
    pub(in crate::app) fn reason(&self) -> &'static str {
        match self {
            Self::Api(error) | Self::Store(store::Error::Api(error)) => match error.reason() {
                Reason::Forbidden => "Forbidden",
                Reason::Unavailable => "Unavailable",
                Reason::Conflict | Reason::AlreadyExists | Reason::Gone => "Conflict",
                Reason::NotFound => "NotFound",
                Reason::Undecodable | Reason::Invalid | Reason::Other => "Invalid",
            },
            Self::Store(_) => "State",
            Self::Undecodable(..) => "Invalid",
            Self::NoTool | Self::NoArgoCd | Self::NoFlux | Self::NoProject(_) => "NotFound",
            Self::Policy(_) => "Policy",
            Self::Restless(_) => "Restless",
        }
    }

    /// True if the API server could not answer.
    pub(in crate::app) fn is_unavailable(&self) -> bool {
        match self {
            Self::Api(error) | Self::Store(store::Error::Api(error)) => error.reason() == Reason::Unavailable,
            Self::Store(_)
            | Self::NoTool
            | Self::NoArgoCd
            | Self::NoFlux
            | Self::Policy(_)
            | Self::NoProject(_)
            | Self::Undecodable(..)
            | Self::Restless(_) => false,
        }
    }
}
