//! Which versions of a package a `Cargo.lock` has. Also a part of the build script, which is why it uses nothing else.

/// The versions of `package` in `lock`, in its order.
pub(crate) fn versions<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
    let mut versions = Vec::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if quoted(line, "name") == Some(package) {
            versions.extend(lines.next().and_then(|line| quoted(line, "version")));
        }
    }
    versions
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
    value.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_package_alone() {
        let lock = r#"
version = 4

[[package]]
name = "opentelemetry"
version = "0.32.0"
source = "registry+https://example.com/index"

[[package]]
name = "opentelemetry"
version = "0.33.1"
dependencies = [
 "opentelemetry 0.34.0",
]

[[package]]
name = "opentelemetry_sdk"
version = "0.31.0"
"#;
        assert_eq!(versions(lock, "opentelemetry"), ["0.32.0", "0.33.1"]);
        assert_eq!(versions(lock, "opentelemetry_sdk"), ["0.31.0"]);
        assert_eq!(versions(lock, "open"), [""; 0]);
        assert_eq!(
            versions("name = \"opentelemetry\"", "opentelemetry"),
            [""; 0]
        );
        let own = std::fs::read_to_string("../../Cargo.lock").unwrap();
        assert_eq!(versions(&own, "opentelemetry").len(), 1);
    }
}
