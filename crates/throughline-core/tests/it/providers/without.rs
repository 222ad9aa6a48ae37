//! What goes on where nobody makes a span.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use throughline_core::propagation::Propagators;
use throughline_testing::InMemory;

use super::{check_passed_on, check_recorded, remote, unset};
use crate::support::{call, client, get, only, sent, serve, server, traceparent};

#[test]
fn propagation_goes_on_without_any_provider() {
    check_passed_on(&unset());
    // A request that came without a context starts no trace that nobody would see.
    let server = unset();
    let operation = serve(&server, &get(&[]));
    assert!(!operation.context().has_active_span());
    assert!(sent(&server, &operation).is_empty());
}

#[test]
fn propagation_goes_on_after_shutdown() {
    let memory = InMemory::new();
    let server = server(&memory);
    check_recorded(&server, &memory, 1, 1);
    memory.tracer_provider().shutdown().unwrap();
    check_passed_on(&server);
    assert_eq!(memory.spans().len(), 1);
}

#[test]
fn propagation_goes_on_where_telemetry_is_suppressed() {
    let memory = InMemory::new();
    let client = client(&memory);
    let parent = Propagators::default().extract(remote("03").headers());
    let _parent = parent.attach();
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let operation = call(&client);
    let headers = sent(&client, &operation);
    assert_eq!(
        only(&headers, "traceparent"),
        Some(traceparent("03").as_str())
    );
    drop(operation);
    assert_eq!(memory.spans().len(), 0);
}
