//! Where each setting came from.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use opentelemetry::Context;

use super::env::Env;
use super::settings::{self, Setting};
use super::{Config, ConfigWarning, Exporter};

/// What was read, to tell what code has changed since.
#[derive(Clone, Default)]
pub(super) struct Origins(BTreeMap<String, Origin>);

#[derive(Clone)]
struct Origin {
    /// Of the value, which may be a credential.
    hash: u64,
    /// None for the default.
    variable: Option<String>,
}

impl Origins {
    pub(super) fn of(config: &Config, env: &Env<'_>) -> Self {
        let defaults = defaults();
        let origins = settings::of(config).into_iter().map(|setting| {
            let mut variables = setting.variables.iter();
            let variable = variables.find(|variable| env.text(variable).is_some());
            let is_default = defaults.get(&setting.name) == Some(&hash(&setting));
            // What cannot be followed was not where the value came from.
            let variable = variable.filter(|variable| !(is_default && env.is_refused(variable)));
            let origin = Origin {
                hash: hash(&setting),
                variable: variable.cloned(),
            };
            (setting.name, origin)
        });
        Self(origins.collect())
    }

    fn say(&self, setting: &Setting) -> &str {
        match self.0.get(&setting.name) {
            Some(origin) if origin.hash == hash(setting) => {
                origin.variable.as_deref().unwrap_or("default")
            }
            _ => "code",
        }
    }
}

/// Nothing of it: a short secret could be guessed from its hash.
impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origins")
    }
}

fn hash(setting: &Setting) -> u64 {
    let mut hasher = DefaultHasher::new();
    let value = setting.secret.as_ref().unwrap_or(&setting.value);
    value.hash(&mut hasher);
    hasher.finish()
}

/// The hashes of what holds without a variable.
fn defaults() -> BTreeMap<String, u64> {
    let settings = Config::without_variables().map(|config| settings::of(&config));
    let settings = settings.into_iter().flatten();
    settings
        .map(|setting| (setting.name.clone(), hash(&setting)))
        .collect()
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut end_of_line = "";
        for setting in settings::of(self) {
            let origin = self.origins.say(&setting);
            write!(
                f,
                "{end_of_line}{}: {} ({origin})",
                setting.name, setting.value
            )?;
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
            let name = setting.name.as_str();
            let is_named = NAMED.contains(&name)
                || [" exporters", " endpoint", " protocol"]
                    .iter()
                    .any(|end| name.ends_with(end));
            !is_named && defaults.get(name) != Some(&hash(setting))
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
