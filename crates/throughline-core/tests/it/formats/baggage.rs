//! Baggage of the formats that have a header for each member.

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use throughline_core::propagation::Propagator::{Baggage, Jaeger, OtTrace};
use throughline_core::propagation::{Propagator, Propagators};

use super::{Fields, check_written, context, extract, sorted};
use crate::support::{SPAN, TRACE, headers};

#[test]
fn baggage_in_a_header_for_each_member() {
    #[track_caller]
    fn check(propagator: Propagator, fields: Fields<'_>, expected: &[&str]) {
        let ids = [
            ("uber-trace-id", "1:2:0:1"),
            ("ot-tracer-traceid", "1"),
            ("ot-tracer-spanid", "2"),
        ];
        let fields = [&ids[..], fields].concat();
        assert_eq!(
            sorted(&extract(&[propagator], &fields)),
            expected,
            "{fields:?}"
        );
    }
    let one = [("uberctx-Tenant", "a%20b"), ("ot-baggage-tenant", "a%20b")];
    check(Jaeger, &one, &["tenant=a b"]);
    check(OtTrace, &one, &["tenant=a%20b"]);
    check(Baggage, &one, &[]);
    check(
        Jaeger,
        &[("uberctx-", "1"), ("uberctx", "1"), ("uberctx-a", "%ff")],
        &[],
    );
    check(OtTrace, &[("ot-baggage-", "1"), ("ot-baggage-a", "ü")], &[]);
    // The first of several counts, as it does for OpenTelemetry's `Get`.
    let mut twice = headers(&[
        ("uber-trace-id", "1:2:0:1"),
        ("uberctx-a", "1"),
        ("uberctx-a", "2"),
    ]);
    assert_eq!(sorted(&Propagators::new([Jaeger]).extract(&twice)), ["a=1"]);
    twice.remove("uber-trace-id");
    assert_eq!(sorted(&Propagators::new([Jaeger]).extract(&twice)), ["a=1"]);
    // A text map may keep the case of its names.
    let cased = Propagators::new([Jaeger]).extract_with_context(&Context::new(), &Cased);
    assert_eq!(sorted(&cased), ["Tenant=a"]);
    // OT trace's is part of its span.
    assert_eq!(
        sorted(&extract(&[OtTrace], &[("ot-baggage-a", "1")])),
        [""; 0]
    );

    // The limits are those of W3C Baggage.
    for prefix in ["uberctx-", "ot-baggage-"] {
        let many: Vec<_> = (0..100).map(|i| (format!("{prefix}k{i}"), "v")).collect();
        let many: Vec<_> = many
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let propagator = if prefix == "uberctx-" {
            Jaeger
        } else {
            OtTrace
        };
        let ids = [("ot-tracer-traceid", "1"), ("ot-tracer-spanid", "2")];
        let context = Propagators::new([propagator]).extract(&headers(&[&ids[..], &many].concat()));
        assert_eq!(context.baggage().len(), 64);
        let long = "v".repeat(8192);
        let name = format!("{prefix}k");
        let fields = [&ids[..], &[(&name, &long)]].concat();
        assert_eq!(sorted(&extract(&[propagator], &fields)), [""; 0]);
    }

    let members = [("tenant", "a b"), ("Case", "ü"), ("k!", "1")];
    let members = members.map(|(key, value)| opentelemetry::KeyValue::new(key, value));
    let with = context(true).with_baggage(members);
    let ids = format!("{TRACE}:{SPAN}:0:1");
    let jaeger = [
        ("uber-trace-id", ids.as_str()),
        ("uberctx-tenant", "a%20b"),
        ("uberctx-case", "%C3%BC"),
        ("uberctx-k!", "1"),
    ];
    check_written(&[Jaeger], &with, &jaeger);
    let ot_trace = [
        ("ot-tracer-traceid", &TRACE[16..]),
        ("ot-tracer-spanid", SPAN),
        ("ot-tracer-sampled", "true"),
        ("ot-baggage-tenant", "a b"),
        ("ot-baggage-k!", "1"),
    ];
    check_written(&[OtTrace], &with, &ot_trace);
    let alone = Context::new().with_baggage([opentelemetry::KeyValue::new("a", "1")]);
    check_written(&[Jaeger], &alone, &[("uberctx-a", "1")]);
    check_written(&[OtTrace], &alone, &[]);
}

/// A text map with one field.
struct Cased;

impl Extractor for Cased {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "UberCtx-Tenant").then_some("a")
    }

    fn keys(&self) -> Vec<&str> {
        vec!["ü", "UberCtx-Tenant"]
    }
}
