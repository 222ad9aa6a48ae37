//! Lists of what is off by default.

use super::env::{Env, items};

/// What is off by default: its name, which is that of the instrumentations' setter, and its place.
pub(super) type Switch<S> = (&'static str, fn(&mut S) -> &mut bool);

/// Switches on what the variable lists.
pub(super) fn read<S>(
    env: &Env<'_>,
    variable: &'static str,
    switches: &[Switch<S>],
    settings: &mut S,
) {
    let list = env.text(variable).unwrap_or_default();
    for name in items(&list) {
        let known = switches
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known));
        match known {
            Some((_, switch)) => *switch(settings) = true,
            None => {
                let known: Vec<_> = switches.iter().map(|&(known, _)| known).collect();
                let problem = format!("is none of {}", known.join(", "));
                env.warn(variable, name, &problem, "the others of the list");
            }
        }
    }
}

/// The names of those that are on.
pub(super) fn names<S: Clone>(settings: &S, switches: &[Switch<S>]) -> String {
    let mut settings = settings.clone();
    let mut on = switches.to_vec();
    on.retain(|(_, switch)| *switch(&mut settings));
    let names: Vec<_> = on.into_iter().map(|(name, _)| name).collect();
    names.join(",")
}
