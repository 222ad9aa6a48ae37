//! Where each setting came from.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use opentelemetry::Context;

use super::settings::{self, Setting};
use super::{Config, ConfigWarning, Exporter};

/// What was read, to tell what code has changed since.
#[derive(Clone, Default)]
pub(super) struct Origins {
    /// None while it is read.
    read: Option<Arc<Config>>,
    /// The variables that had a value.
    set: BTreeSet<&'static str>,
}

impl Origins {
    /// Of a configuration that was just read.
    pub(super) fn of(config: &Config, set: BTreeSet<&'static str>) -> Self {
        let read = Some(Arc::new(config.clone()));
        Self { read, set }
    }

    /// The settings of what was read, and where each of them came from.
    fn by_name(&self) -> BTreeMap<Cow<'static, str>, (Setting, &'static str)> {
        let Some(read) = &self.read else {
            return BTreeMap::new();
        };
        let is_refused = |variable: &str| {
            let mut warnings = read.warnings.iter();
            warnings.any(|warning| warning.variable == variable && warning.used.is_some())
        };
        let defaults = LazyCell::new(defaults);
        let settings = settings::of(read).into_iter().map(|setting| {
            let is_default = || {
                let default = defaults.get(&setting.name);
                default.is_some_and(|default| setting.is_as(default))
            };
            let mut variables = setting.variables.iter();
            let variable = variables.find(|variable| self.set.contains(*variable));
            // What cannot be followed was not where the value came from.
            let variable = variable.filter(|variable| !(is_refused(variable) && is_default()));
            let origin = variable.copied().unwrap_or("default");
            (setting.name.clone(), (setting, origin))
        });
        settings.collect()
    }
}

/// Nothing of it: headers are in it.
impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origins")
    }
}

/// What holds without a variable.
fn defaults() -> BTreeMap<Cow<'static, str>, Setting> {
    let settings = Config::without_variables().map(|config| settings::of(&config));
    let settings = settings.into_iter().flatten();
    settings
        .map(|setting| (setting.name.clone(), setting))
        .collect()
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = self.origins.by_name();
        let mut end_of_line = "";
        for setting in settings::of(self) {
            let origin = match read.get(&setting.name) {
                Some((read, origin)) if read.is_as(&setting) => origin,
                _ => "code",
            };
            let Setting { name, value, .. } = &setting;
            write!(f, "{end_of_line}{name}: {value} ({origin})")?;
            end_of_line = "\n";
        }
        Ok(())
    }
}

/// The settings that have a place of their own in the line at start.
const NAMED: [&str; 5] = [
    "disabled",
    "service.name",
    "resource detectors",
    "sampler",
    "propagators",
];

impl Config {
    /// Says what is set up, in one line at level info; no record is made of it, which would go out with those of the
    /// application.
    pub(crate) fn announce(&self) {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let [traces, metrics, logs] = settings::signals(self).map(|(_, exporters, target)| {
            let names = exporters.iter().map(|exporter| match exporter {
                Exporter::Otlp => {
                    format!("otlp by {} to {}", target.protocol, target.shown_endpoint())
                }
                other => other.to_string(),
            });
            match exporters {
                [] => "none".to_owned(),
                _ => names.collect::<Vec<_>>().join(", "),
            }
        });
        let shown = settings::of(self);
        let named = |name: &str| {
            let setting = shown.iter().find(|setting| setting.name == name);
            setting.map_or("", |setting| &setting.value)
        };
        tracing::info!(
            target: "throughline",
            service = named("service.name"),
            traces,
            metrics,
            logs,
            sampler = named("sampler"),
            propagators = named("propagators"),
            resource_detectors = named("resource detectors"),
            changed = self.changed(),
            "{}",
            if self.disabled { "telemetry is disabled" } else { "telemetry is set up" },
        );
    }

    /// Said once code has had its say.
    pub(crate) fn without_a_name(&self) -> Option<ConfigWarning> {
        let is_unnamed = self.service_name.is_none() && !self.disabled;
        is_unnamed.then(|| ConfigWarning {
            variable: "OTEL_SERVICE_NAME".to_owned(),
            value: String::new(),
            problem: "names no service, and neither does the code".to_owned(),
            used: Some(self.effective_service_name()),
        })
    }

    /// What else is not the default.
    fn changed(&self) -> String {
        let defaults = defaults();
        let changed = settings::of(self).into_iter().filter(|setting| {
            let name = &*setting.name;
            let is_named = NAMED.contains(&name)
                || [" exporters", " endpoint", " protocol"]
                    .iter()
                    .any(|end| name.ends_with(end));
            let default = defaults.get(name);
            !is_named && !default.is_some_and(|default| setting.is_as(default))
        });
        let changed = changed.map(|setting| format!("{}: {}", setting.name, setting.value));
        let changed: Vec<_> = changed.collect();
        if changed.is_empty() {
            "nothing".to_owned()
        } else {
            changed.join("; ")
        }
    }
}
