//! The samplers by name.

use throughline::Sampler;

use super::check_warned;

#[test]
fn every_standard_sampler_has_a_name_and_some_an_argument() {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let check = |name: &str, argument: &str, expected: Sampler, warnings: &[&str]| {
        check_warned(
            &[(NAME, name), (ARGUMENT, argument)],
            |c| c.sampler.clone(),
            expected,
            warnings,
        );
    };
    let default = || Sampler::ParentBasedAlwaysOn;
    for (name, expected) in [
        ("", default()),
        ("always_on", Sampler::AlwaysOn),
        ("always_off", Sampler::AlwaysOff),
        ("Always_OFF", Sampler::AlwaysOff),
        ("parentbased_always_on", Sampler::ParentBasedAlwaysOn),
        ("parentbased_always_off", Sampler::ParentBasedAlwaysOff),
    ] {
        check(name, "", expected.clone(), &[]);
        let problem = match name {
            "" => "has no effect without OTEL_TRACES_SAMPLER",
            _ => "is an argument for a sampler that has none",
        };
        let warning = format!("{ARGUMENT}: \"0.1\" {problem}; instead: {expected}");
        check(name, "0.1", expected, &[&warning]);
    }
    type Ratio = fn(f64) -> Sampler;
    let with_ratio: [(&str, Ratio); 2] = [
        ("traceidratio", Sampler::TraceIdRatio),
        ("parentbased_traceidratio", Sampler::ParentBasedTraceIdRatio),
    ];
    for (name, sampler) in with_ratio {
        for (argument, ratio) in [
            ("", 1.0),
            ("0", 0.0),
            ("1", 1.0),
            ("0.25", 0.25),
            ("1e-3", 0.001),
        ] {
            check(name, argument, sampler(ratio), &[]);
        }
        for argument in ["2", "1.0001", "-0.5", "NaN", "inf", "a half", "50%"] {
            let warning = format!(
                "{ARGUMENT}: {argument:?} is no number from 0 to 1, such as 0.1 for a tenth; instead: 1"
            );
            check(name, argument, sampler(1.0), &[&warning]);
        }
    }
    for name in ["jaeger_remote", "parentbased_jaeger_remote", "xray"] {
        let warning = format!("{NAME}: {name:?} is not built yet; instead: parentbased_always_on");
        check(name, "endpoint=http://c", default(), &[&warning]);
    }
    let warning = format!(
        "{NAME}: \"Sometimes\" is no sampler (there are always_on, always_off, traceidratio, parentbased_always_on, \
         parentbased_always_off, parentbased_traceidratio); instead: parentbased_always_on"
    );
    check("Sometimes", "", default(), &[&warning]);
}
