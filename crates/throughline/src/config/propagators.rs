//! `OTEL_PROPAGATORS`.

use throughline_core::propagation::Propagator;

use super::env::Env;

const DEFAULT: [Propagator; 2] = [Propagator::TraceContext, Propagator::Baggage];

pub(super) fn of(env: &Env<'_>) -> Vec<Propagator> {
    const VARIABLE: &str = "OTEL_PROPAGATORS";
    let mut propagators: Vec<Propagator> = Vec::new();
    let mut unknown = Vec::new();
    let mut none = false;
    for name in env.list(VARIABLE) {
        match name.parse() {
            // "Values MUST be deduplicated" (specification, "General SDK Configuration").
            Ok(propagator) if propagators.contains(&propagator) => {}
            Ok(propagator) => propagators.push(propagator),
            Err(_) if name.eq_ignore_ascii_case("none") => none = true,
            Err(_) => unknown.push(name),
        }
    }
    let is_default = propagators.is_empty() && !none;
    for name in unknown {
        let used = if is_default {
            "tracecontext,baggage"
        } else {
            "the others of the list"
        };
        let known = Propagator::ALL.map(Propagator::name).join(", ");
        env.warn(VARIABLE, &name, &format!("is not {known} or none"), used);
    }
    if is_default {
        DEFAULT.to_vec()
    } else {
        propagators
    }
}

/// As the variable would say it.
pub(super) fn names(propagators: &[Propagator]) -> String {
    if propagators.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<_> = propagators.iter().map(|it| it.name()).collect();
    names.join(",")
}
