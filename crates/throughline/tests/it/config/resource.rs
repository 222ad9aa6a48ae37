//! What the variables say of the resource.

use throughline::{Config, Detector};

use super::{Variables, check, check_warned, from, owned};

#[test]
fn the_service_is_named_by_its_own_variable_first() {
    let check = |variables: Variables<'_>, name: Option<&str>| {
        check(
            variables,
            |c| c.service_name.clone(),
            name.map(str::to_owned),
        );
    };
    const NAME: &str = "OTEL_SERVICE_NAME";
    const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
    check(&[], None);
    check(&[(NAME, "")], None);
    check(&[(NAME, "orders")], Some("orders"));
    check(&[(NAME, "100%")], Some("100%"));
    check(&[(ATTRIBUTES, "service.name=shop")], Some("shop"));
    check(&[(ATTRIBUTES, "service.name=")], None);
    check(&[(ATTRIBUTES, "service.name=a,service.name=b")], Some("b"));
    check(
        &[(ATTRIBUTES, "service.name=shop"), (NAME, "orders")],
        Some("orders"),
    );
    check(
        &[(ATTRIBUTES, "service.name=shop"), (NAME, "")],
        Some("shop"),
    );
}

#[test]
fn resource_attributes_are_percent_decoded_and_all_of_them_right_or_none() {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let read = |c: &Config| c.resource_attributes.clone();
    for (list, expected) in [
        ("", &[][..]),
        ("a=1", &[("a", "1")]),
        (" a = 1 , b = 2 ,", &[("a", "1"), ("b", "2")]),
        ("a=", &[("a", "")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a=1%2C2%3d3", &[("a", "1,2=3")]),
        ("%61=gr%C3%BCn", &[("a", "grün")]),
        ("a=1,service.name=shop", &[("a", "1")]),
        ("service.namespace=x", &[("service.namespace", "x")]),
    ] {
        check(&[(VARIABLE, list)], read, owned(expected));
    }
    for list in [
        "a",
        "a=1,b",
        "=1",
        "a=%FF",
        "a=100%",
        "a=1%2",
        "a=%zz",
        "a=1,%G1=1",
    ] {
        let warning = format!(
            "{VARIABLE}: {list:?} is not key=value,key=value with percent-encoded values; instead: none of its \
             attributes"
        );
        check_warned(&[(VARIABLE, list)], read, Vec::new(), &[&warning]);
    }
}

#[test]
fn resource_detectors_are_a_list_each_once() {
    use Detector::{Container, Host, ProcessArguments, Service};
    const VARIABLE: &str = "OTEL_RUST_RESOURCE_DETECTORS";
    let check = |list: &str, expected: &[Detector], unknown: &[(&str, &str)]| {
        let warnings: Vec<_> = (unknown.iter())
            .map(|(name, used)| {
                format!(
                    "{VARIABLE}: {name:?} is no resource detector (there are service, host, os, process, process_args, \
                     container, k8s, deployment; all; none); instead: {used}"
                )
            })
            .collect();
        let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
        let read = |c: &Config| c.resource_detectors.clone();
        check_warned(&[(VARIABLE, list)], read, expected.to_vec(), &warnings);
    };
    let all = &Detector::DEFAULT;
    check("", all, &[]);
    check(" , ", all, &[]);
    check("all", all, &[]);
    check("ALL,host", all, &[]);
    check("none", &[], &[]);
    check("None,", &[], &[]);
    check("none,host", &[Host], &[]);
    check("Host, CONTAINER ,host", &[Host, Container], &[]);
    check("process_args", &[ProcessArguments], &[]);
    let with_arguments = [all, &[ProcessArguments][..]].concat();
    check("all,process_args", &with_arguments, &[]);
    for detector in with_arguments {
        check(&detector.to_string(), &[detector], &[]);
    }
    let others = "the others of the list";
    check("hosts,service", &[Service], &[("hosts", others)]);
    check("none,ec2", &[], &[("ec2", others)]);
    check("ec2,Cloud", all, &[("ec2", "all"), ("Cloud", "all")]);
}

#[test]
fn a_service_without_a_name_is_named_by_its_executable() {
    let printed = from(&[]).unwrap().to_string();
    let executable = std::env::current_exe().unwrap();
    let name = executable.file_name().unwrap().to_string_lossy();
    let line = format!("service.name: unknown_service:{name} (default)");
    assert!(printed.lines().any(|printed| printed == line), "{printed}");
}
