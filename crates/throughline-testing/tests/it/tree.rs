//! Trees of spans: printing them, and asserting on them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use throughline_testing::{Collector, Expected, Trace};

use crate::client::{int, send, span, string};

const SERVER: i32 = 2;
const CLIENT: i32 = 3;

fn milliseconds(start: u64, end: u64, span: Span) -> Span {
    Span {
        start_time_unix_nano: start * 1_000_000,
        end_time_unix_nano: end * 1_000_000,
        ..span
    }
}

fn error(message: &str) -> Option<Status> {
    Some(Status {
        code: StatusCode::Error.into(),
        message: message.to_owned(),
    })
}

/// A request through two services that fails halfway.
fn checkout() -> Trace {
    let collector = Collector::start_blocking().unwrap();
    let bad_gateway = vec![
        string("error.type", "502"),
        int("http.response.status_code", 502),
    ];
    let server = Span {
        kind: SERVER,
        parent_span_id: vec![9; 8],
        flags: 0x301,
        attributes: bad_gateway.clone(),
        status: error(""),
        ..milliseconds(0, 120, span(1, 0, "POST /checkout"))
    };
    let client = Span {
        kind: CLIENT,
        attributes: bad_gateway,
        status: error(""),
        ..milliseconds(10, 100, span(2, 1, "POST"))
    };
    let render = Span {
        status: error("took too long"),
        ..milliseconds(105, 110, span(3, 1, "render"))
    };
    let orders = Span {
        kind: SERVER,
        attributes: vec![string("rpc.response.status_code", "OK")],
        ..milliseconds(20, 90, span(4, 2, "POST /orders"))
    };
    // The parents end, and arrive, last.
    send(&collector, "orders", vec![orders]);
    send(&collector, "gateway", vec![render, client, server]);
    collector.traces().remove(0)
}

fn panic_message(code: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(code)).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

const CHECKOUT: &str = "\
trace 01010101010101010101010101010101: 4 spans, 120.0ms
└─ gateway: SERVER POST /checkout [error 502]  120.0ms  http 502  (its remote parent 0909090909090909 is not here)
   ├─ gateway: CLIENT POST [error 502]  90.0ms  http 502
   │  └─ orders: SERVER POST /orders  70.0ms  rpc OK
   └─ gateway: INTERNAL render [error]  5.0ms  \"took too long\"";

#[test]
fn a_trace_prints_as_a_tree() {
    assert_eq!(checkout().to_string(), CHECKOUT);
}

#[test]
fn relatives_are_found() {
    let trace = checkout();
    let names = |spans: Vec<&throughline_testing::SpanRecord>| -> Vec<String> {
        spans.into_iter().map(|span| span.name.clone()).collect()
    };
    assert_eq!(names(trace.roots()), ["POST /checkout"]);
    let server = trace.find("POST /checkout");
    assert_eq!(names(trace.children(server)), ["POST", "render"]);
    assert_eq!(names(trace.children(trace.find("render"))), [""; 0]);
    let in_order = ["POST /checkout", "POST", "POST /orders", "render"];
    assert_eq!(names(trace.spans().iter().collect()), in_order);
}

#[test]
fn an_equal_tree_passes() {
    let trace = checkout();
    trace.assert_tree(
        "SERVER POST /checkout [error 502]
           CLIENT POST [error 502]
             SERVER POST /orders
           INTERNAL render [error]",
    );
    trace.assert_tree(
        "
        gateway: SERVER POST /checkout [error 502]
          INTERNAL render [error]
          CLIENT POST [error 502]
            orders: SERVER POST /orders
        ",
    );
}

#[test]
fn an_unequal_tree_fails_with_the_difference_and_the_tree() {
    let trace = checkout();
    let message = panic_message(|| {
        trace.assert_tree(
            "SERVER POST /checkout [error 502]
               CLIENT POST
                 SERVER POST /orders
               CLIENT GET",
        );
    });
    let expected = format!(
        "\
the trace differs from the expected tree (- expected, + recorded):
  SERVER POST /checkout [error 502]
-   CLIENT POST
+   gateway: CLIENT POST [error 502]
      SERVER POST /orders
+   gateway: INTERNAL render [error]
-   CLIENT GET

{CHECKOUT}"
    );
    assert_eq!(message, expected);
}

#[test]
fn a_wrong_outline_fails_with_its_line() {
    let message = panic_message(|| checkout().assert_tree("SERVER POST /checkout\n  POST"));
    let expected = "the expected tree is wrong: line 2, \"POST\": it needs a kind before the name: \
                    SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL";
    assert_eq!(message, expected);
}

#[test]
fn a_name_that_is_not_there_fails_with_the_tree() {
    let trace = checkout();
    let message = panic_message(|| {
        let _ = trace.find("GET");
    });
    assert_eq!(message, format!("no span is named \"GET\":\n{CHECKOUT}"));
}

#[test]
fn other_attributes_fail_with_the_difference() {
    let trace = checkout();
    let span = trace.find("POST");
    span.assert_attributes(&[
        ("error.type", Expected::AnyString),
        ("http.response.status_code", 502.into()),
    ]);
    let message = panic_message(|| {
        span.assert_attributes(&[
            ("http.response.status_code", "502".into()),
            ("server.port", Expected::AnyInt),
        ]);
    });
    let expected = "\
the attributes of span \"POST\" differ (- expected, + recorded):
  + error.type = \"502\"
  - http.response.status_code = \"502\"
  + http.response.status_code = 502
  - server.port = <any int>";
    assert_eq!(message, expected);
}

#[test]
fn an_attribute_that_was_recorded_twice_fails() {
    let collector = Collector::start_blocking().unwrap();
    let attributes = vec![int("a", 1), int("a", 2)];
    let twice = Span {
        attributes,
        ..span(1, 0, "twice")
    };
    send(&collector, "service", vec![twice]);
    let message = panic_message(|| collector.spans()[0].assert_attributes(&[("a", 2.into())]));
    let expected = "attributes of span \"twice\" were recorded more than once, and all values are \
                    exported: a";
    assert_eq!(message, expected);
}

#[test]
fn circles_and_repeated_ids_make_a_finite_tree() {
    let check = |spans: &[(u8, u8, &str)], tree: &str| {
        let collector = Collector::start_blocking().unwrap();
        let spans = spans
            .iter()
            .map(|(id, parent, name)| span(*id, *parent, name));
        send(&collector, "service", spans.collect());
        collector.traces()[0].assert_tree(tree);
    };
    check(&[(1, 1, "a")], "INTERNAL a");
    check(&[(1, 2, "a"), (2, 1, "b")], "INTERNAL a\n  INTERNAL b");
    check(
        &[(1, 0, "a"), (1, 0, "a"), (2, 1, "b")],
        "INTERNAL a\n  INTERNAL b\nINTERNAL a",
    );
    check(
        &[(1, 0, "a"), (2, 1, "b"), (1, 2, "a")],
        "INTERNAL a\n  INTERNAL b\n    INTERNAL a",
    );
}
