//! `host.*`: semantic conventions, "Host".

use opentelemetry::KeyValue;

use super::surroundings::Surroundings;
use super::{container, os};

pub(super) const VARIABLES: &[&str] = &["HOSTNAME", "COMPUTERNAME"];

pub(super) fn detect(surroundings: &Surroundings) -> Vec<KeyValue> {
    let attributes = [
        ("host.name", name(surroundings)),
        ("host.arch", Some(arch(std::env::consts::ARCH).to_owned())),
        ("host.id", id(surroundings)),
    ];
    let found = attributes
        .into_iter()
        .filter_map(|(key, value)| Some(KeyValue::new(key, value?)));
    found.chain(os::detect(surroundings)).collect()
}

/// What the kernel says. Where it says nothing without a call of C, what a shell or Windows left in the environment.
fn name(surroundings: &Surroundings) -> Option<String> {
    let of_variables = || surroundings.first_of(VARIABLES).map(str::to_owned);
    surroundings
        .read_value("proc/sys/kernel/hostname")
        .or_else(of_variables)
}

/// By the conventions' names, of what the program was compiled for.
fn arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// The id of the machine from the sources of the conventions that need neither a program nor the registry of Windows.
/// Inside a container the file is the image's, and the same on every host: the conventions ask for it outside of one.
fn id(surroundings: &Surroundings) -> Option<String> {
    if container::is_inside(surroundings) {
        return None;
    }
    let is_bsd = cfg!(any(
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd"
    ));
    if is_bsd {
        return surroundings.read_value("etc/hostid");
    }
    // A file that says "uninitialized" is that of an image which has not been booted (machine-id(5)).
    let is_id = |id: &String| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    ["etc/machine-id", "var/lib/dbus/machine-id"]
        .into_iter()
        .find_map(|path| surroundings.read_value(path).filter(is_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_have_the_names_of_the_conventions() {
        for (of_rust, expected) in [
            ("x86_64", "amd64"),
            ("x86", "x86"),
            ("aarch64", "arm64"),
            ("arm", "arm32"),
            ("powerpc64", "ppc64"),
            ("powerpc", "ppc32"),
            ("s390x", "s390x"),
            ("riscv64", "riscv64"),
        ] {
            assert_eq!(arch(of_rust), expected);
        }
    }
}
