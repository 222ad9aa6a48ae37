//! W3C Trace Context level 2, rule by rule, as the specification's own harness sees it: what a service sends on after
//! what it got.

use std::collections::HashMap;

use ::http::{HeaderMap, HeaderName};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, Tracer, TracerProvider,
};
use throughline_core::propagation::{Propagator, Propagators};
use throughline_testing::InMemory;

use crate::support::{SPAN, TRACE, headers, only, traceparent};

/// What a child of the incoming request sends.
#[derive(Clone, Copy, Debug)]
enum Sends<'a> {
    /// A trace of its own, and no `tracestate`.
    NewTrace,
    /// The same trace, with this `tracestate`.
    SameTrace(Option<&'a str>),
}

use Sends::{NewTrace, SameTrace};

fn child_of(incoming: &Context) -> Context {
    let tracer = InMemory::new().tracer_provider().tracer("test");
    let span = tracer.start_with_context("child", incoming);
    incoming.with_span(span)
}

fn lower_hex(digits: &str, length: usize) -> bool {
    digits.len() == length && digits.bytes().all(|b| b"0123456789abcdef".contains(&b))
}

#[track_caller]
fn check(incoming: &[(&str, &str)], expected: Sends<'_>) {
    let ours = Propagators::default();
    let mut outgoing = HeaderMap::new();
    let context = ours.extract(&headers(incoming));
    ours.inject(&child_of(&context), &mut outgoing);
    let sent = only(&outgoing, "traceparent").expect("traceparent");
    check_sent(incoming, expected, sent, only(&outgoing, "tracestate"));

    // The same as a text map, which holds a name once.
    let map: HashMap<_, _> = incoming
        .iter()
        .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
        .collect();
    if map.len() == incoming.len() {
        let mut outgoing = HashMap::new();
        let context = ours.extract_with_context(&Context::new(), &map);
        ours.inject_context(&child_of(&context), &mut outgoing);
        let state = outgoing.get("tracestate").map(String::as_str);
        check_sent(incoming, expected, &outgoing["traceparent"], state);
    }
}

#[track_caller]
fn check_sent(
    incoming: &[(&str, &str)],
    expected: Sends<'_>,
    traceparent: &str,
    state: Option<&str>,
) {
    let fields: Vec<_> = traceparent.split('-').collect();
    let [version, trace_id, span_id, flags] = fields[..] else {
        panic!("{traceparent:?} after {incoming:?}");
    };
    assert_eq!(version, "00", "{incoming:?}");
    assert!(lower_hex(trace_id, 32) && trace_id != "0".repeat(32));
    assert!(lower_hex(span_id, 16) && span_id != "0".repeat(16));
    assert!(lower_hex(flags, 2));
    assert_ne!(span_id, SPAN, "a child has an id of its own");
    let (same_trace, expected_state) = match expected {
        NewTrace => (false, None),
        SameTrace(state) => (true, state),
    };
    if same_trace {
        assert_eq!(trace_id, TRACE, "{incoming:?}");
    } else {
        for (_, value) in incoming {
            assert!(!value.contains(trace_id), "{incoming:?}");
        }
    }
    assert_eq!(state, expected_state, "{incoming:?}");
}

#[track_caller]
fn check_traceparent(value: &str, expected: Sends<'_>) {
    check(&[("traceparent", value)], expected);
}

/// What is sent after these `tracestate` headers, beside a valid `traceparent`.
#[track_caller]
fn check_tracestate(values: &[&str], expected: Option<&str>) {
    let traceparent = traceparent("00");
    let mut incoming = vec![("traceparent", traceparent.as_str())];
    incoming.extend(values.iter().map(|&value| ("tracestate", value)));
    check(&incoming, SameTrace(expected));
}

#[test]
fn a_request_without_headers_starts_a_trace() {
    check(&[], NewTrace);
}

#[test]
fn a_traceparent_alone_is_continued() {
    for flags in ["00", "01", "02", "03"] {
        check_traceparent(&traceparent(flags), SameTrace(None));
    }
}

#[test]
fn two_traceparents_are_none() {
    let other = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let first = traceparent("01");
    for second in [&other, &first] {
        check(
            &[("traceparent", &first), ("traceparent", second)],
            NewTrace,
        );
        check(
            &[
                ("traceparent", &first),
                ("tracestate", "foo=1"),
                ("traceparent", second),
            ],
            NewTrace,
        );
    }
}

#[test]
fn header_names_are_these_in_any_case() {
    let value = traceparent("01");
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        check(&[(name, &value)], SameTrace(None));
    }
    for name in ["trace-parent", "trace.parent", "traceparents"] {
        check(&[(name, &value)], NewTrace);
    }
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        check(
            &[("traceparent", &value), (name, "foo=1")],
            SameTrace(Some("foo=1")),
        );
    }
    for name in ["trace-state", "trace.state"] {
        check(&[("traceparent", &value), (name, "foo=1")], SameTrace(None));
    }
}

#[test]
fn version_00_has_nothing_behind_its_flags() {
    for rest in [".", "-", "-what-the-future-brings", "0", "-01"] {
        check_traceparent(&(traceparent("01") + rest), NewTrace);
    }
}

#[test]
fn later_versions_may_go_on_after_a_dash() {
    for version in ["01", "cc", "fe"] {
        let value = format!("{version}-{TRACE}-{SPAN}-01");
        check_traceparent(&value, SameTrace(None));
        check_traceparent(&format!("{value}-"), SameTrace(None));
        check_traceparent(&format!("{value}-more-of-it"), SameTrace(None));
        check_traceparent(&format!("{value}.more-of-it"), NewTrace);
        check_traceparent(&format!("{value}0"), NewTrace);
    }
}

#[test]
fn malformed_versions_are_ignored() {
    for version in ["ff", ".0", "0.", "000", "0000", "0", "", "CC", "-0", "é"] {
        check_traceparent(&format!("{version}-{TRACE}-{SPAN}-01"), NewTrace);
    }
}

#[test]
fn malformed_trace_ids_are_ignored() {
    let short = &TRACE[1..];
    for trace_id in [
        "00000000000000000000000000000000".to_owned(),
        format!(".{short}"),
        format!("{short}."),
        format!("{short}G"),
        format!("{TRACE}3"),
        short.to_owned(),
        TRACE.to_uppercase(),
        String::new(),
    ] {
        check_traceparent(&format!("00-{trace_id}-{SPAN}-01"), NewTrace);
    }
}

#[test]
fn malformed_parent_ids_are_ignored() {
    let short = &SPAN[1..];
    for span_id in [
        "0000000000000000".to_owned(),
        format!(".{short}"),
        format!("{short}."),
        format!("{SPAN}7"),
        short.to_owned(),
        SPAN.to_uppercase(),
        String::new(),
    ] {
        check_traceparent(&format!("00-{TRACE}-{span_id}-01"), NewTrace);
    }
}

#[test]
fn malformed_flags_are_ignored() {
    for flags in [".0", "0.", "001", "1", "", "0A", "A0", " 1"] {
        check_traceparent(&traceparent(flags), NewTrace);
    }
}

#[test]
fn separators_are_dashes() {
    let value = traceparent("01");
    for place in [2, 35, 52] {
        for other in ["_", " ", "."] {
            let mut wrong = value.clone();
            wrong.replace_range(place..=place, other);
            check_traceparent(&wrong, NewTrace);
        }
    }
}

#[test]
fn white_space_around_a_traceparent_is_no_part_of_it() {
    let value = traceparent("01");
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        check_traceparent(&format!("{before}{value}{after}"), SameTrace(None));
    }
    check_traceparent(&value.replace('-', " - "), NewTrace);
}

#[test]
fn what_is_too_long_to_be_right_is_ignored() {
    let later = format!("cc-{TRACE}-{SPAN}-01-");
    let fits = format!("{later}{}", "x".repeat(512 - later.len()));
    check_traceparent(&fits, SameTrace(None));
    check_traceparent(&(fits + "x"), NewTrace);
    check_traceparent(&"0".repeat(1 << 16), NewTrace);
    // 32 members of the longest kind fit exactly.
    let member = |i: usize| format!("{i:a>256}={}", "v".repeat(256));
    let members: Vec<_> = (0..32).map(member).collect();
    let longest = members.join(",");
    check_tracestate(&[&longest], Some(&longest));
    check_tracestate(&[&longest, "  "], None);
    check_tracestate(&[&" ".repeat(1 << 16)], None);
    check_tracestate(&["foo=1", &",".repeat(1 << 16)], None);
}

#[test]
fn known_flags_are_sent_on_and_unknown_ones_are_not() {
    #[track_caller]
    fn check(incoming: &str, outgoing: &str) {
        let ours = Propagators::default();
        let context = ours.extract(&headers(&[("traceparent", &traceparent(incoming))]));
        let mut headers = HeaderMap::new();
        ours.inject(&context, &mut headers);
        assert_eq!(
            only(&headers, "traceparent"),
            Some(traceparent(outgoing).as_str())
        );
        // A sampled child: its parent's flags with the sampled one.
        let child = child_of(&context);
        let flags = child.span().span_context().trace_flags();
        let random = TraceFlags::new(0x02);
        assert_eq!(
            flags & random,
            context.span().span_context().trace_flags() & random
        );
        ours.inject(&child, &mut headers);
        let sent = only(&headers, "traceparent").unwrap();
        assert!(sent.ends_with(if (flags & random) == random {
            "-03"
        } else {
            "-01"
        }));
    }
    check("00", "00");
    check("01", "01");
    check("02", "02");
    check("03", "03");
    check("04", "00");
    check("f9", "01");
    check("ff", "03");
    // A flag that somebody set in this process is not sent either.
    let span = SpanContext::new(
        TraceId::from_hex(TRACE).unwrap(),
        SpanId::from_hex(SPAN).unwrap(),
        TraceFlags::new(0xff),
        false,
        Default::default(),
    );
    let mut headers = HeaderMap::new();
    Propagators::default().inject(&Context::new().with_remote_span_context(span), &mut headers);
    assert_eq!(
        only(&headers, "traceparent"),
        Some(traceparent("03").as_str())
    );
}

#[test]
fn tracestate_needs_a_valid_traceparent() {
    check(&[("tracestate", "foo=1")], NewTrace);
    check(&[("tracestate", "foo@=1")], NewTrace);
    check(
        &[("traceparent", "nonsense"), ("tracestate", "foo=1,bar=2")],
        NewTrace,
    );
}

#[test]
fn tracestate_is_passed_on() {
    check_tracestate(&["foo=1,bar=2"], Some("foo=1,bar=2"));
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    // Spaces at the end are white space between members; this value ends with `~`.
    for key in [key.to_owned(), format!("{key}@a-z0-9_-*/")] {
        let state = format!("{key}={value}");
        check_tracestate(&[&state], Some(&state));
    }
}

#[test]
fn several_tracestates_are_one_in_their_order() {
    check_tracestate(
        &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
        Some("foo=1,bar=2,rojo=1,congo=2,baz=3"),
    );
}

#[test]
fn empty_tracestates_and_members_do_not_matter() {
    check_tracestate(&[""], None);
    check_tracestate(&["", ""], None);
    check_tracestate(&["foo=1", ""], Some("foo=1"));
    check_tracestate(&["", "foo=1"], Some("foo=1"));
    check_tracestate(&[",foo=1,,bar=2, ,"], Some("foo=1,bar=2"));
}

#[test]
fn duplicated_members_are_passed_on() {
    check_tracestate(&["foo=1,foo=1"], Some("foo=1,foo=1"));
    check_tracestate(&["foo=1,foo=2"], Some("foo=1,foo=2"));
    check_tracestate(&["foo=1", "foo=1"], Some("foo=1,foo=1"));
    check_tracestate(&["foo=1", "foo=2"], Some("foo=1,foo=2"));
}

#[test]
fn white_space_around_members_is_no_part_of_them() {
    for state in [
        "foo=1 \t , \t bar=2, \t baz=3",
        "foo=1\t \t,\t \tbar=2,\t \tbaz=3",
    ] {
        check_tracestate(&[state], Some("foo=1,bar=2,baz=3"));
    }
    for state in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        check_tracestate(&[state], Some("foo=1"));
    }
    // Within a value it is.
    check_tracestate(&["foo= 1 2"], Some("foo= 1 2"));
}

#[test]
fn one_wrong_member_discards_all() {
    for wrong in [
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1",
        "-foo=1",
        "_foo=1",
        "foo=bar=baz",
        "foo=",
        "=1",
        "=",
        "foo",
        "foo=\u{e9}",
        "é=1",
        "foo=a\tb",
    ] {
        check_tracestate(&[wrong], None);
        check_tracestate(&["ok=1", wrong], None);
        check_tracestate(&[&format!("{wrong},ok=1")], None);
    }
}

#[test]
fn limits_of_tracestate_are_exact() {
    let members: Vec<_> = (1..=33).map(|i| format!("bar{i:02}={i:02}")).collect();
    let all_but_one = members[..32].join(",");
    check_tracestate(&[&all_but_one], Some(&all_but_one));
    let parts = [
        &members[..10].join(","),
        &members[10..20].join(","),
        &members[20..30].join(","),
        &members[30..32].join(","),
    ];
    check_tracestate(&parts.map(String::as_str), Some(&all_but_one));
    check_tracestate(&[&members.join(",")], None);
    check_tracestate(&[&all_but_one, &members[32]], None);

    let key = |length: usize| format!("{}=1", "z".repeat(length));
    let joined = |key: &str| format!("foo=1,{key}");
    check_tracestate(&["foo=1", &key(256)], Some(&joined(&key(256))));
    check_tracestate(&["foo=1", &key(257)], None);
    let value = |length: usize| format!("z={}", "1".repeat(length));
    check_tracestate(&["foo=1", &value(256)], Some(&joined(&value(256))));
    check_tracestate(&["foo=1", &value(257)], None);
    for (tenant, system) in [(241, 14), (242, 1), (1, 15), (1, 254), (254, 1)] {
        let member = format!("{}@{}=1", "t".repeat(tenant), "v".repeat(system));
        check_tracestate(&["foo=1", &member], Some(&joined(&member)));
    }
    let member = format!("{}@{}=1", "t".repeat(255), "v");
    check_tracestate(&["foo=1", &member], None);
}

#[test]
fn keys_that_only_level_2_allows_survive() {
    for state in [
        "foo@=1",
        "foo@=1,bar=2",
        "bar=2,foo@@bar=1",
        "foo@bar@baz=1,bar=2,a@b=3",
        "0foo=1,1@=2",
    ] {
        check_tracestate(&[state], Some(state));
    }
}

#[test]
fn a_state_that_somebody_changed_is_what_is_sent() {
    let ours = Propagators::default();
    let context = ours.extract(&headers(&[
        ("traceparent", &traceparent("01")),
        ("tracestate", "foo@@bar=1,bar=2"),
    ]));
    let span = context.span().span_context().clone();
    let check = |context: &Context, expected: Option<&str>| {
        let mut headers = HeaderMap::new();
        ours.inject(context, &mut headers);
        assert_eq!(only(&headers, "tracestate"), expected);
    };
    check(&context, Some("foo@@bar=1,bar=2"));
    let with = |trace_id, state| {
        let flags = span.trace_flags();
        let span = SpanContext::new(trace_id, span.span_id(), flags, false, state);
        context.with_remote_span_context(span)
    };
    let changed = span.trace_state().insert("new", "3").unwrap();
    check(&with(span.trace_id(), changed), Some("new=3,bar=2"));
    let removed = span.trace_state().delete("bar").unwrap();
    check(&with(span.trace_id(), removed), None);
    // Another trace in the same context has a state of its own, even if it looks like what the API held of this one.
    let other = TraceId::from(7);
    check(&with(other, span.trace_state().clone()), Some("bar=2"));
    check(&with(other, Default::default()), None);
}

#[test]
fn headers_of_another_trace_are_replaced() {
    let ours = Propagators::default();
    let context = ours.extract(&headers(&[("traceparent", &traceparent("01"))]));
    let mut outgoing = headers(&[
        (
            "traceparent",
            "00-11111111111111111111111111111111-1111111111111111-01",
        ),
        ("traceparent", "nonsense"),
        ("tracestate", "stale=1"),
        ("tracestate", "stale=2"),
        ("accept", "*/*"),
    ]);
    ours.inject(&context, &mut outgoing);
    let expected = headers(&[("traceparent", &traceparent("01")), ("accept", "*/*")]);
    assert_eq!(outgoing, expected);
}

#[test]
fn nothing_is_written_without_a_valid_span() {
    let mut outgoing = HeaderMap::new();
    Propagators::default().inject(&Context::new(), &mut outgoing);
    assert_eq!(outgoing, HeaderMap::new());
    let mut map = HashMap::new();
    Propagators::default().inject_context(&Context::new(), &mut map);
    assert_eq!(map, HashMap::new());
}

#[test]
fn a_text_map_without_a_remote_span_keeps_the_current_one() {
    let current = child_of(&Context::new());
    let ours = Propagators::default();
    let kept = ours.extract_with_context(&current, &HashMap::new());
    assert_eq!(kept.span().span_context(), current.span().span_context());
    let map = HashMap::from([("traceparent".to_owned(), traceparent("01"))]);
    let remote = ours.extract_with_context(&current, &map);
    assert_eq!(remote.span().span_context().span_id().to_string(), SPAN);
    assert!(remote.span().span_context().is_remote());
}

#[test]
fn children_of_one_request_have_one_trace_and_ids_of_their_own() {
    #[track_caller]
    fn check(incoming: &[(&str, &str)], traces: usize) {
        let context = Propagators::default().extract(&headers(incoming));
        let children = [(); 3].map(|()| child_of(&context));
        let ids = |id: fn(&SpanContext) -> String| {
            let mut ids = children
                .each_ref()
                .map(|child| id(child.span().span_context()))
                .to_vec();
            ids.sort();
            ids.dedup();
            ids.len()
        };
        assert_eq!(ids(|span| span.trace_id().to_string()), traces);
        assert_eq!(ids(|span| span.span_id().to_string()), 3);
    }
    check(&[("traceparent", &traceparent("01"))], 1);
    check(&[], 3);
    let zero = format!("00-{}-{SPAN}-01", "0".repeat(32));
    check(&[("traceparent", &zero)], 3);
}

#[test]
fn each_propagator_reads_and_writes_its_own_fields() {
    #[track_caller]
    fn check(propagators: &Propagators, expected: &[&str]) {
        let incoming = headers(&[
            ("traceparent", &traceparent("01")),
            ("tracestate", "foo=1"),
            ("baggage", "a=b"),
        ]);
        let mut outgoing = HeaderMap::new();
        propagators.inject(&propagators.extract(&incoming), &mut outgoing);
        let mut names: Vec<_> = outgoing.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected);
        let mut fields: Vec<_> = propagators.fields().collect();
        fields.sort_unstable();
        assert_eq!(fields, expected);
    }
    let trace_context = ["traceparent", "tracestate"];
    check(&Propagators::none(), &[]);
    check(
        &Propagators::new([Propagator::TraceContext]),
        &trace_context,
    );
    check(&Propagators::new([Propagator::Baggage]), &["baggage"]);
    let both = ["baggage", "traceparent", "tracestate"];
    check(&Propagators::default(), &both);
    let other_order = [Propagator::Baggage, Propagator::TraceContext];
    check(&Propagators::new(other_order), &both);
}
