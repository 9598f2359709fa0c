//! Which application, and what the arguments say about all of them.

use crate::app::inputs;
use crate::app::rollback::Failure;
use crate::cli::{self, RollbackOptions};
use crate::cluster::Cluster;
use crate::gitops::flux::source::commit;
use crate::gitops::wanted::OptIn;
use crate::policy::RollbackPolicy;
use crate::rollback::{Mode, Settings, Unproven};

/// Who deploys an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::app) enum Tool {
    /// Argo CD: it is an Application.
    ArgoCd,
    /// Flux: it is a Kustomization.
    Flux,
}

/// Namespace and name of an application, and whose it is.
#[expect(clippy::struct_field_names, reason = "namespace and name are what Kubernetes calls them")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::app) struct Name {
    pub(in crate::app) tool: Tool,
    pub(in crate::app) namespace: String,
    pub(in crate::app) name: String,
}

/// What the name of a Kustomization begins with.
const KUSTOMIZATION: &str = "kustomization/";

impl Name {
    /// From `NAMESPACE/NAME` or `kustomization/NAMESPACE/NAME`.
    pub(in crate::app) fn parse(text: &str) -> Option<Self> {
        let (tool, rest) = match text.strip_prefix(KUSTOMIZATION) {
            Some(rest) if rest.contains('/') => (Tool::Flux, rest),
            Some(_) | None => (Tool::ArgoCd, text),
        };
        let (namespace, name) = rest.split_once('/')?;
        Some(Self { tool, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// A Kustomization's.
    pub(in crate::app) fn flux(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { tool: Tool::Flux, namespace: namespace.into(), name: name.into() }
    }

    /// A revision as histories have it: records have it as the tool writes it, and Flux writes the branch besides.
    pub(in crate::app) fn in_history<'a>(&self, recorded: &'a str) -> &'a str {
        match self.tool {
            Tool::ArgoCd => recorded,
            Tool::Flux => commit(recorded),
        }
    }

    /// For sentences: `Application argocd/shop`, `Kustomization apps/shop`.
    pub(in crate::app) fn words(&self) -> String {
        let kind = match self.tool {
            Tool::ArgoCd => "Application",
            Tool::Flux => "Kustomization",
        };
        format!("{kind} {}/{}", self.namespace, self.name)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prefix = match self.tool {
            Tool::ArgoCd => "",
            Tool::Flux => KUSTOMIZATION,
        };
        write!(f, "{prefix}{}/{}", self.namespace, self.name)
    }
}

/// How the tools are set up, and what the platform has decided.
#[derive(Clone, Debug)]
pub(in crate::app) struct Options {
    /// Namespace of Argo CD itself.
    pub(in crate::app) argocd_namespace: String,
    /// Namespace of the states.
    pub(in crate::app) state_namespace: String,
    /// The tools to serve; all that are installed if there is none.
    pub(in crate::app) tools: Vec<Tool>,
    /// Whose rollbacks are wanted.
    pub(in crate::app) opt_in: OptIn,
    /// What was decided beforehand.
    pub(in crate::app) settings: Settings,
    /// Whether all that can be asked is asked before anything is decided, not only once a gate wants a rollback.
    pub(in crate::app) closely: bool,
}

impl Options {
    /// The same for these tools only.
    pub(in crate::app) fn serving(self, tools: &[cli::Tool]) -> Self {
        let tool = |tool: &cli::Tool| match tool {
            cli::Tool::Argocd => Tool::ArgoCd,
            cli::Tool::Flux => Tool::Flux,
        };
        Self { tools: tools.iter().map(tool).collect(), ..self }
    }

    /// True for a tool to serve.
    pub(super) fn serves(&self, tool: Tool) -> bool {
        self.tools.is_empty() || self.tools.contains(&tool)
    }

    /// From the arguments, and the platform's policy where they do not say.
    ///
    /// # Errors
    /// The policy cannot be read.
    pub(in crate::app) async fn read(args: &RollbackOptions, cluster: &Cluster) -> Result<Self, Failure> {
        let policy = match args.platform_policy.as_deref().filter(|place| !place.is_empty()) {
            Some(place) => inputs::platform_alone(place, cluster).await?.rollback,
            None => RollbackPolicy::default(),
        };
        Ok(Self::from((args, &policy)))
    }
}

impl From<(&RollbackOptions, &RollbackPolicy)> for Options {
    fn from((args, policy): (&RollbackOptions, &RollbackPolicy)) -> Self {
        let all = args.opt_in.map(|whose| whose == cli::OptIn::All).or(policy.all).unwrap_or_default();
        let opt_out = args.allow_opt_out || policy.allow_opt_out.unwrap_or_default();
        let unproven = args.unproven_target.map(|when| when == cli::UnprovenTarget::LastSuccess);
        let unproven = match unproven.or(policy.unproven) {
            Some(true) => Unproven::LastSuccess,
            Some(false) | None => Unproven::Never,
        };
        let mode = args.mode.map(mode).or(policy.mode).unwrap_or_default();
        let health_timeout = match args.health_timeout.or(policy.health_timeout) {
            Some(timeout) => i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            None => Settings::default().health_timeout,
        };
        Self {
            argocd_namespace: args.argocd_namespace.clone(),
            state_namespace: args.namespace.clone(),
            tools: Vec::new(),
            opt_in: OptIn { all, opt_out },
            settings: Settings { unproven, mode, health_timeout },
            closely: false,
        }
    }
}

fn mode(of: cli::Mode) -> Mode {
    match of {
        cli::Mode::Report => Mode::Report,
        cli::Mode::Fail => Mode::Fail,
        cli::Mode::Freeze => Mode::Freeze,
        cli::Mode::Rollback => Mode::Rollback,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_name_says_whose_it_is_and_is_read_back() {
        for (text, words) in [
            ("argocd/shop", "Application argocd/shop"),
            ("kustomization/shop", "Application kustomization/shop"),
            ("kustomization/apps/shop", "Kustomization apps/shop"),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!((name.to_string().as_str(), name.words().as_str()), (text, words));
        }
        assert_eq!(Name::parse("shop"), None);
    }

    #[test]
    fn an_argument_counts_more_than_the_platforms_policy() {
        let text = "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  rollback: {optIn: all, allowOptOut: true, \
                    unprovenTarget: last-success, healthTimeout: 90s, mode: freeze}\n";
        let policy = crate::policy::parse(&[("p.yaml", text)]).unwrap().rollback;
        let options = |arguments: &[&str], policy: &RollbackPolicy| {
            let arguments = ["driftgate", "controller"].iter().chain(arguments);
            let cli::Command::Controller(args) = cli::Cli::parse_from(arguments).command else { panic!() };
            Options::from((&args.executor.rollback, policy))
        };
        let nothing = options(&[], &RollbackPolicy::default());
        assert_eq!((nothing.opt_in, nothing.settings), (OptIn::default(), Settings::default()));
        let file = options(&[], &policy);
        assert_eq!(file.opt_in, OptIn { all: true, opt_out: true });
        let settings = |unproven, mode, health_timeout| Settings { unproven, mode, health_timeout };
        assert_eq!(file.settings, settings(Unproven::LastSuccess, Mode::Freeze, 90));
        let both = options(
            &["--opt-in=marked", "--unproven-target=never", "--health-timeout=5m", "--mode=fail"],
            &policy,
        );
        assert_eq!(both.opt_in, OptIn { all: false, opt_out: true });
        assert_eq!(both.settings, settings(Unproven::Never, Mode::Fail, 300));
    }
}
