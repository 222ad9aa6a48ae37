//! What the variables say of the resource.

use super::env::{Env, Pairs, pairs};
use crate::resource::{Detector, NAMES};

/// The service's name and the other attributes. Of several values of one key the last counts.
pub(super) fn given(env: &Env<'_>) -> (Option<String>, Pairs) {
    for variable in ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"] {
        doubt_quotes(env, variable);
    }
    let mut attributes = attributes(env);
    let mut service_name = None;
    attributes.retain(|(key, value)| {
        let is_name = key == "service.name";
        if is_name && !value.is_empty() {
            service_name = Some(value.clone());
        }
        !is_name
    });
    (env.text("OTEL_SERVICE_NAME").or(service_name), attributes)
}

/// A shell takes quotes away, and Docker leaves those of an `--env-file` in.
fn doubt_quotes(env: &Env<'_>, variable: &'static str) {
    let is_quoted =
        |text: &str, quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if let Some(value) = env.text(variable)
        && ['"', '\'']
            .into_iter()
            .any(|quote| is_quoted(&value, quote))
    {
        let problem = "has quotes around it, which are part of the value: leave them out where no shell takes them away";
        env.doubt(variable, &value, problem);
    }
}

/// One that cannot be read discards all (specification, "Resource SDK").
fn attributes(env: &Env<'_>) -> Pairs {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let Some(list) = env.text(VARIABLE) else {
        return Vec::new();
    };
    pairs(&list).unwrap_or_else(|| {
        let problem = "is not key=value,key=value with percent-encoded values";
        env.warn(VARIABLE, &list, problem, "none of its attributes");
        Vec::new()
    })
}

/// The detectors of the list, each once.
pub(super) fn detectors(env: &Env<'_>) -> Vec<Detector> {
    const VARIABLE: &str = "OTEL_RUST_RESOURCE_DETECTORS";
    let mut detectors = Vec::new();
    let mut unknown = Vec::new();
    let mut none = false;
    for name in env.list(VARIABLE) {
        let found = match (name.to_ascii_lowercase().as_str(), name.parse()) {
            ("all", _) => Detector::DEFAULT.to_vec(),
            ("none", _) => {
                none = true;
                continue;
            }
            (_, Ok(detector)) => vec![detector],
            (_, Err(_)) => {
                unknown.push(name);
                continue;
            }
        };
        for detector in found {
            if !detectors.contains(&detector) {
                detectors.push(detector);
            }
        }
    }
    let is_default = detectors.is_empty() && !none;
    for name in unknown {
        let problem = format!("is no resource detector (there are {NAMES}; all; none)");
        let used = if is_default {
            "all"
        } else {
            "the others of the list"
        };
        env.warn(VARIABLE, &name, &problem, used);
    }
    if is_default {
        Detector::DEFAULT.to_vec()
    } else {
        detectors
    }
}
