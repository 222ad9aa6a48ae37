//! `os.*`: semantic conventions, "Operating system".

use opentelemetry::KeyValue;

use super::surroundings::Surroundings;

pub(super) fn detect(surroundings: &Surroundings) -> Vec<KeyValue> {
    let os = linux(surroundings)
        .or_else(|| macos(surroundings))
        .unwrap_or_default();
    let build_id = os
        .build_id
        .or_else(|| surroundings.read_value("proc/sys/kernel/osrelease"));
    let attributes = [
        ("os.type", Some(os_type(std::env::consts::OS).to_owned())),
        ("os.name", os.name),
        ("os.version", os.version),
        ("os.build_id", build_id),
        ("os.description", os.description),
    ];
    attributes
        .into_iter()
        .filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
        .collect()
}

/// By the conventions' names.
fn os_type(os: &str) -> &str {
    match os {
        "android" => "linux",
        "dragonfly" => "dragonflybsd",
        "illumos" => "solaris",
        "ios" | "macos" => "darwin",
        other => other,
    }
}

#[derive(Debug, Default, PartialEq)]
struct Os {
    name: Option<String>,
    version: Option<String>,
    build_id: Option<String>,
    description: Option<String>,
}

/// The distribution: os-release(5).
fn linux(surroundings: &Surroundings) -> Option<Os> {
    let release = ["etc/os-release", "usr/lib/os-release"];
    let release = (release.into_iter()).find_map(|path| surroundings.read(path))?;
    Some(Os {
        name: assigned(&release, "NAME"),
        version: assigned(&release, "VERSION_ID"),
        build_id: assigned(&release, "BUILD_ID"),
        description: assigned(&release, "PRETTY_NAME"),
    })
}

/// The value that a shell would give to `variable`, for those quotes and escapes that stand in such files.
fn assigned(script: &str, variable: &str) -> Option<String> {
    let mut values = script.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        (name == variable).then_some(value)
    });
    let value = values.next_back()?;
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = match (quoted('"'), quoted('\'')) {
        (Some(value), _) => unescaped(value),
        (None, Some(value)) => value.to_owned(),
        (None, None) => unescaped(value),
    };
    (!value.is_empty()).then_some(value)
}

fn unescaped(value: &str) -> String {
    let mut letters = value.chars();
    let mut plain = String::with_capacity(value.len());
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        plain.push(escaped.unwrap_or(letter));
    }
    plain
}

/// From a property list in XML that has each key and its value next to one another.
fn macos(surroundings: &Surroundings) -> Option<Os> {
    let list = ["SystemVersion", "ServerVersion"];
    let list = (list.into_iter())
        .find_map(|name| surroundings.read(&format!("System/Library/CoreServices/{name}.plist")))?;
    let value = |key: &str| {
        let (_, rest) = list.split_once(&format!("<key>{key}</key>"))?;
        let (value, _) = rest
            .trim_start()
            .strip_prefix("<string>")?
            .split_once('<')?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let (name, version) = (value("ProductName"), value("ProductVersion"));
    let description =
        (name.as_ref().zip(version.as_ref())).map(|(name, version)| format!("{name} {version}"));
    Some(Os {
        name,
        version,
        build_id: value("ProductBuildVersion"),
        description,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_have_the_names_of_the_conventions() {
        for (of_rust, expected) in [
            ("linux", "linux"),
            ("android", "linux"),
            ("macos", "darwin"),
            ("windows", "windows"),
            ("freebsd", "freebsd"),
            ("dragonfly", "dragonflybsd"),
            ("illumos", "solaris"),
        ] {
            assert_eq!(os_type(of_rust), expected);
        }
    }

    #[test]
    fn values_of_os_release_are_read_as_a_shell_would() {
        for (script, expected) in [
            ("NAME=Alpine", Some("Alpine")),
            ("NAME=\"Debian GNU/Linux\"", Some("Debian GNU/Linux")),
            ("NAME='Arch Linux'", Some("Arch Linux")),
            (r#"NAME="a \"b\" \$c \\d""#, Some(r#"a "b" $c \d"#)),
            (r"NAME='a \b'", Some(r"a \b")),
            ("NAME=a\nNAME=b", Some("b")),
            ("# NAME=a\nPRETTY_NAME=b", None),
            ("NAME=", None),
            ("NAME=\"\"", None),
            ("NAME=\"", Some("\"")),
            ("NAME", None),
        ] {
            assert_eq!(assigned(script, "NAME").as_deref(), expected, "{script}");
        }
    }
}
