//! Which detectors there are, and their names.

use std::fmt;
use std::str::FromStr;

use opentelemetry::KeyValue;

use super::surroundings::Surroundings;
use super::{container, deployment, host, kubernetes, os, process, service};

/// What finds attributes of the resource when [`init`](crate::init) is called.
///
/// The names are those of `OTEL_RUST_RESOURCE_DETECTORS`. None of them runs a program, asks a network or fails: what is
/// not found is absent. The sources of each attribute are in the [documentation of the crate](crate#resource).
///
/// ```
/// use throughline::Detector;
///
/// assert_eq!("K8S".parse(), Ok(Detector::Kubernetes));
/// assert!(!Detector::DEFAULT.contains(&Detector::ProcessArguments));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detector {
    /// `service`: `service.instance.id`. The name and the version are not detected but given.
    Service,
    /// `host`: `host.name`, `host.arch`, `host.id`, and all of [`Os`](Self::Os), as the specification has it for this
    /// name.
    Host,
    /// `os`: `os.type`, `os.name`, `os.version`, `os.build_id`, `os.description`.
    Os,
    /// `process`: `process.pid`, `process.executable.name`, `process.executable.path`, `process.command`,
    /// `process.owner`, `process.runtime.name`, `process.runtime.version`, `process.runtime.description`.
    Process,
    /// `process_args`: `process.command_args` and `process.args_count`. The arguments of a process often hold secrets, so
    /// this one is used only where it is named: neither by default nor by `all`.
    ProcessArguments,
    /// `container`: `container.id`.
    Container,
    /// `k8s`: `k8s.pod.name`, `k8s.pod.uid`, `k8s.namespace.name`, `k8s.node.name`, `k8s.container.name`,
    /// `k8s.cluster.name`.
    Kubernetes,
    /// `deployment`: `deployment.environment.name`.
    Deployment,
}

/// The names of all, as a warning tells them.
pub(crate) const NAMES: &str =
    "service, host, os, process, process_args, container, k8s, deployment";

impl Detector {
    /// Those that are used unless others are chosen: all but [`ProcessArguments`](Self::ProcessArguments). They are also
    /// what `all` stands for.
    pub const DEFAULT: [Self; 7] = [
        Self::Service,
        Self::Host,
        Self::Os,
        Self::Process,
        Self::Container,
        Self::Kubernetes,
        Self::Deployment,
    ];

    pub(super) fn detect(self, surroundings: &Surroundings) -> Vec<KeyValue> {
        match self {
            Self::Service => service::detect(surroundings),
            Self::Host => host::detect(surroundings),
            Self::Os => os::detect(surroundings),
            Self::Process => process::detect(surroundings),
            Self::ProcessArguments => process::detect_arguments(surroundings),
            Self::Container => container::detect(surroundings),
            Self::Kubernetes => kubernetes::detect(surroundings),
            Self::Deployment => deployment::detect(surroundings),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Host => "host",
            Self::Os => "os",
            Self::Process => "process",
            Self::ProcessArguments => "process_args",
            Self::Container => "container",
            Self::Kubernetes => "k8s",
            Self::Deployment => "deployment",
        }
    }
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Detector {
    type Err = UnknownDetector;

    /// By its name, in any case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::DEFAULT.into_iter().chain([Self::ProcessArguments]);
        all.find(|detector| detector.name().eq_ignore_ascii_case(name))
            .ok_or(UnknownDetector(()))
    }
}

/// No detector has that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDetector(());

impl fmt::Display for UnknownDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no resource detector has this name: there are {NAMES}")
    }
}

impl std::error::Error for UnknownDetector {}
