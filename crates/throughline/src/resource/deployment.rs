//! `deployment.environment.name`: semantic conventions, "Deployment".

use opentelemetry::KeyValue;

use super::surroundings::Surroundings;

/// No variable of the specification has it; these are in common use.
pub(super) const VARIABLES: &[&str] = &[
    "DEPLOYMENT_ENVIRONMENT_NAME",
    "DEPLOYMENT_ENVIRONMENT",
    "APP_ENV",
    "ENVIRONMENT",
];

/// What is longer is no name of an environment.
const LONGEST: usize = 64;

pub(super) fn detect(surroundings: &Surroundings) -> Vec<KeyValue> {
    let name = surroundings.first_of(VARIABLES).and_then(name);
    name.map(|name| KeyValue::new("deployment.environment.name", name))
        .into_iter()
        .collect()
}

/// Where one of the conventions' values applies, it must be used.
fn name(value: &str) -> Option<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if value.len() > LONGEST || !value.chars().all(is_name) {
        return None;
    }
    Some(match value.to_ascii_lowercase().as_str() {
        "dev" | "development" => "development".to_owned(),
        "prod" | "production" => "production".to_owned(),
        "stage" | "staging" => "staging".to_owned(),
        "test" | "testing" => "test".to_owned(),
        _ => value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_have_the_names_of_the_conventions_or_their_own() {
        for (value, expected) in [
            ("production", Some("production")),
            ("PROD", Some("production")),
            ("dev", Some("development")),
            ("Staging", Some("staging")),
            ("testing", Some("test")),
            ("eu-west.Canary_2", Some("eu-west.Canary_2")),
            ("/etc/profile", None),
            ("a b", None),
            (&"a".repeat(65), None),
        ] {
            assert_eq!(name(value).as_deref(), expected, "{value}");
        }
    }
}
