//! `driftgate gate`: settle, collect, evaluate, decide, report, record.
//!
//! The same run serves a real cluster and a rehearsal: [`Run`] takes a cluster, a clock and settings, and yields a
//! report. What is told to people outside the cluster is added by [`run`].

use std::io::Write;
use std::time::Duration;

use crate::app::clock::Clock;
use crate::app::outputs::{self, Console};
use crate::app::{inputs, judge};
use crate::cli::GateArgs;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::gitops::argocd::discover;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::report::Report;
use crate::rules::Rule;
