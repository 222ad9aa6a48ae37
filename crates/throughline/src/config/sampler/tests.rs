use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::SamplingDecision;
use throughline_core::http::HeaderMap;
use throughline_core::propagation::{Propagator, Propagators};

use super::*;

fn records(sampler: &Sampler, parent: Option<&Context>, trace_id: TraceId) -> bool {
    let kind = SpanKind::Server;
    let result = (sampler.build()).should_sample(parent, trace_id, "span", &kind, &[], &[]);
    assert!(result.attributes.is_empty());
    match result.decision {
        SamplingDecision::RecordAndSample => true,
        SamplingDecision::Drop => false,
        SamplingDecision::RecordOnly => panic!("no standard sampler records only"),
    }
}

/// What the rules of several SDKs say of the low 64 bits of a trace id.
fn by_other_sdks(ratio: f64, low: u64) -> [(&'static str, bool); 4] {
    let two_to_64 = 18_446_744_073_709_551_616.0;
    let (exact, low_128) = (ratio * two_to_64, u128::from(low));
    let java = if ratio == 1.0 {
        i64::MAX
    } else {
        (ratio * i64::MAX as f64) as i64
    };
    [
        ("Go", ratio >= 1.0 || low >> 1 < (exact / 2.0) as u64),
        ("Python", low_128 < exact.round_ties_even() as u128),
        ("Ruby", ratio >= 1.0 || low_128 < exact.ceil() as u128),
        ("Java", (low as i64).unsigned_abs() < java.unsigned_abs()),
    ]
}

#[test]
fn a_ratio_takes_the_traces_that_it_takes_in_go_python_and_ruby() {
    // The ratio, the low 64 bits of the trace id, whether it is recorded, and whether Java and .NET agree.
    for (ratio, low, expected, in_java) in [
        (0.0, 0, false, false),
        (0.0, u64::MAX, false, false),
        (0.01, 0, true, true),
        (0.01, 0x0147_ae14_7ae1_0000, true, true),
        (0.01, 0x028f_5c28_f5c2_8f5f, true, false),
        (0.01, 0x028f_5c28_f5c2_8f60, false, false),
        (0.01, 0xffff_ffff_ffff_ffff, false, true),
        (0.1, 0x0ccc_cccc_cccc_0000, true, true),
        (0.1, 0x1999_9999_9999_99ff, true, false),
        (0.1, 0x1999_9999_9999_9a00, false, false),
        (0.5, 0x3fff_ffff_ffff_ffff, true, true),
        (0.5, 0x7fff_ffff_ffff_ffff, true, false),
        (0.5, 0x8000_0000_0000_0000, false, false),
        (0.5, 0xc000_0000_0000_0001, false, true),
        (1.0, 0, true, true),
        (1.0, u64::MAX, true, true),
    ] {
        let case = format!("{ratio} {low:#018x}");
        // The high bits decide nothing.
        for high in [0x1_u128, 0xffff_ffff_ffff_ffff] {
            let trace_id = TraceId::from((high << 64) | u128::from(low));
            let sampler = Sampler::TraceIdRatio(ratio);
            assert_eq!(records(&sampler, None, trace_id), expected, "{case}");
        }
        let [go, python, ruby, java] = by_other_sdks(ratio, low);
        for (sdk, records) in [go, python, ruby] {
            assert_eq!(records, expected, "{sdk}: {case}");
        }
        assert_eq!(java.1, in_java, "Java: {case}");
    }
}

#[test]
fn a_lower_ratio_takes_a_part_of_what_a_higher_one_takes() {
    let ratios = [0.0, 1e-9, 0.01, 0.1, 0.5, 0.999, 1.0];
    for step in 0..10_000_u64 {
        let low = step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let trace_id = TraceId::from((1_u128 << 64) | u128::from(low));
        let taken = ratios.map(|ratio| records(&Sampler::TraceIdRatio(ratio), None, trace_id));
        assert!(taken.is_sorted(), "{trace_id}: {taken:?}");
    }
}

#[test]
fn a_ratio_of_code_that_is_out_of_range_is_the_nearest() {
    let trace_id = TraceId::from(1);
    for (ratio, expected) in [
        (-1.0, false),
        (f64::NAN, false),
        (f64::NEG_INFINITY, false),
        (2.0, true),
        (f64::INFINITY, true),
    ] {
        let found = records(&Sampler::TraceIdRatio(ratio), None, trace_id);
        assert_eq!(found, expected, "{ratio}");
    }
}

/// No parent; a remote one, recorded and not; a local one, recorded and not; and one that is not valid.
fn parents() -> [Option<Context>; 6] {
    let parent = |is_remote, flags| {
        let ids = (TraceId::from(7), SpanId::from(7));
        let span = SpanContext::new(ids.0, ids.1, flags, is_remote, TraceState::default());
        Some(Context::new().with_remote_span_context(span))
    };
    let invalid = Context::new().with_remote_span_context(SpanContext::NONE);
    [
        None,
        parent(true, TraceFlags::SAMPLED),
        parent(true, TraceFlags::NOT_SAMPLED),
        parent(false, TraceFlags::SAMPLED),
        parent(false, TraceFlags::NOT_SAMPLED),
        Some(invalid),
    ]
}

/// What is decided for each of the [`parents`], and that the hint promises nothing else.
#[track_caller]
fn check(sampler: &Sampler, expected: [bool; 6]) {
    let hint = sampler.hint();
    for (parent, expected) in parents().into_iter().zip(expected) {
        let found = records(sampler, parent.as_ref(), TraceId::from(7));
        assert_eq!(found, expected, "{sampler} {parent:?}");
        let span = parent
            .as_ref()
            .map(|parent| parent.span().span_context().clone());
        let predicted = match span.filter(SpanContext::is_valid) {
            None => hint.root,
            Some(span) if span.is_sampled() => hint.sampled_parent,
            Some(_) => hint.unsampled_parent,
        };
        match predicted {
            Prediction::Record => assert!(found, "{sampler} {parent:?}"),
            Prediction::Drop => assert!(!found, "{sampler} {parent:?}"),
            predicted => assert_eq!(predicted, Prediction::Unknown),
        }
    }
}

#[test]
fn each_kind_of_parent_has_a_sampler() {
    use Sampler::{AlwaysOff, AlwaysOn};
    let on = || ParentBased::new(AlwaysOn);
    let off = || ParentBased::new(AlwaysOff);
    check(&AlwaysOn, [true; 6]);
    check(&AlwaysOff, [false; 6]);
    let as_parent = [true, true, false, true, false, true];
    check(&Sampler::ParentBasedAlwaysOn, as_parent);
    check(&on().into(), as_parent);
    check(&Sampler::ParentBasedTraceIdRatio(1.0), as_parent);
    let without = [false, true, false, true, false, false];
    check(&Sampler::ParentBasedAlwaysOff, without);
    check(&off().into(), without);
    check(&Sampler::ParentBasedTraceIdRatio(0.0), without);
    check(
        &on().remote_parent_sampled(AlwaysOff).into(),
        [true, false, false, true, false, true],
    );
    check(
        &off().remote_parent_not_sampled(AlwaysOn).into(),
        [false, true, true, true, false, false],
    );
    check(
        &on().local_parent_sampled(AlwaysOff).into(),
        [true, true, false, false, false, true],
    );
    check(
        &off()
            .local_parent_not_sampled(Sampler::TraceIdRatio(1.0))
            .into(),
        [false, true, false, true, true, false],
    );
    let nested = on().remote_parent_sampled(off().remote_parent_sampled(AlwaysOff).into());
    check(&nested.into(), [true, false, false, true, false, true]);
}

#[test]
fn a_decision_without_a_span_is_that_of_a_remote_parent() {
    use Sampler::{AlwaysOff, AlwaysOn};
    let undecided = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
    let default = || ParentBased::new(AlwaysOff);
    let turned = default()
        .remote_parent_sampled(AlwaysOff)
        .remote_parent_not_sampled(AlwaysOn);
    for (sampler, recorded) in [
        (Sampler::from(default()), [true, true, false, false]),
        (turned.into(), [false, false, true, false]),
        (ParentBased::new(AlwaysOn).into(), [true, true, false, true]),
    ] {
        for (b3, expected) in ["1", "d", "0", undecided].into_iter().zip(recorded) {
            let mut headers = HeaderMap::new();
            headers.insert("b3", b3.parse().unwrap());
            let context = Propagators::new([Propagator::B3]).extract(&headers);
            let found = records(&sampler, Some(&context), TraceId::from(7));
            assert_eq!(found, expected, "{sampler} {b3}");
        }
    }
}

#[test]
fn what_is_known_of_a_parent_based_sampler_is_still_promised() {
    let hint = Sampler::from(ParentBased::new(Sampler::AlwaysOff)).hint();
    assert_eq!(hint, SamplerHint::parent_based(Prediction::Drop));
    let never = ParentBased::new(Sampler::AlwaysOff)
        .remote_parent_sampled(Sampler::AlwaysOff)
        .local_parent_sampled(Sampler::AlwaysOff);
    assert_eq!(
        Sampler::from(never).hint(),
        SamplerHint::always(Prediction::Drop)
    );
    let differs = ParentBased::new(Sampler::AlwaysOn).remote_parent_sampled(Sampler::AlwaysOff);
    let hint = Sampler::from(differs).hint();
    assert_eq!(hint.sampled_parent, Prediction::Unknown);
    assert_eq!(hint.unsampled_parent, Prediction::Drop);
}

#[test]
fn descriptions_are_those_of_the_specification() {
    let rest = "remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,\
                localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}";
    let custom = ParentBased::new(Sampler::TraceIdRatio(0.25))
        .remote_parent_sampled(Sampler::AlwaysOff)
        .remote_parent_not_sampled(Sampler::TraceIdRatio(0.01))
        .local_parent_sampled(Sampler::TraceIdRatio(0.02))
        .local_parent_not_sampled(Sampler::TraceIdRatio(0.03));
    for (sampler, expected) in [
        (Sampler::AlwaysOn, "AlwaysOnSampler".to_owned()),
        (Sampler::AlwaysOff, "AlwaysOffSampler".to_owned()),
        (Sampler::TraceIdRatio(0.0001), "TraceIdRatioBased{0.000100}".to_owned()),
        (Sampler::TraceIdRatio(1.0), "TraceIdRatioBased{1.000000}".to_owned()),
        (Sampler::TraceIdRatio(1.0 / 3.0), "TraceIdRatioBased{0.3333333333333333}".to_owned()),
        (Sampler::TraceIdRatio(1e-9), "TraceIdRatioBased{0.000000001}".to_owned()),
        (Sampler::ParentBasedAlwaysOn, format!("ParentBased{{root:AlwaysOnSampler,{rest}")),
        (Sampler::ParentBasedAlwaysOff, format!("ParentBased{{root:AlwaysOffSampler,{rest}")),
        (
            Sampler::ParentBasedTraceIdRatio(0.25),
            format!("ParentBased{{root:TraceIdRatioBased{{0.250000}},{rest}"),
        ),
        (
            custom.into(),
            "ParentBased{root:TraceIdRatioBased{0.250000},remoteParentSampled:AlwaysOffSampler,\
             remoteParentNotSampled:TraceIdRatioBased{0.010000},localParentSampled:TraceIdRatioBased{0.020000},\
             localParentNotSampled:TraceIdRatioBased{0.030000}}"
                .to_owned(),
        ),
    ] {
        assert_eq!(sampler.description(), expected);
    }
}
