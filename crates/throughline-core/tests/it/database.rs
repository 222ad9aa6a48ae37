//! Exactly what operations on databases record.

use std::cell::Cell;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::Sampler;
use throughline_core::db_semconv::{
    DatabaseCall, DatabaseEndpoint, DatabaseHooks, DatabaseMetrics, DatabaseRequest,
    DatabaseSettings, Query,
};
use throughline_core::{Instrumentation, MeterSource, Operation, Outcome, TracerSource};
use throughline_testing::{Expected, InMemory, MetricKind, PointRecord, SpanRecord};

type Attributes<'a> = &'a [(&'a str, Expected)];

/// An instrumentation into `memory`, with these settings.
pub(crate) fn database(
    memory: &InMemory,
    change: fn(&mut DatabaseSettings),
) -> Instrumentation<DatabaseMetrics> {
    let mut instrumentation = Instrumentation::new("test-database", "1.2.3");
    instrumentation.set_tracers(TracerSource::new(memory.tracer_provider()));
    instrumentation.set_meters(MeterSource::new(memory.meter_provider()));
    instrumentation.change_database(change);
    instrumentation
}

pub(crate) fn start(
    memory: &InMemory,
    endpoint: DatabaseEndpoint,
    query: &Query,
    change: fn(&mut DatabaseSettings),
    parent: Context,
) -> Operation<DatabaseCall> {
    DatabaseRequest {
        endpoint: &Arc::new(endpoint),
        query: &|_| query.clone(),
        hooks: &DatabaseHooks::default(),
    }
    .start(parent, &database(memory, change).resolve())
}

pub(crate) fn orders() -> DatabaseEndpoint {
    DatabaseEndpoint::new("postgresql")
        .namespace("orders")
        .server("db.internal", Some(5433))
}

pub(crate) fn select() -> Query {
    Query {
        text: Some("SELECT * FROM orders WHERE id = $1".into()),
        summary: Some("SELECT orders".into()),
        ..Query::default()
    }
}

/// The only point of the only metric.
#[track_caller]
pub(crate) fn measured(memory: &InMemory) -> PointRecord {
    let metrics = memory.metrics();
    let [metric] = &metrics[..] else {
        panic!("{metrics:?}")
    };
    assert_eq!(metric.name, "db.client.operation.duration");
    assert_eq!(metric.unit, "s");
    assert_eq!(metric.kind, MetricKind::Histogram);
    let [point] = &metric.points[..] else {
        panic!("{metric:?}")
    };
    assert_eq!(
        point.bounds,
        [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0]
    );
    assert_eq!(point.count, Some(1));
    point.clone()
}

/// Ends an operation and compares the span and the metric, which has all the span's attributes but these three.
#[track_caller]
fn check(
    endpoint: DatabaseEndpoint,
    query: &Query,
    finish: impl FnOnce(Operation<DatabaseCall>),
    name: &str,
    attributes: Attributes<'_>,
) -> SpanRecord {
    const SPAN_ONLY: [&str; 3] = [
        "db.query.text",
        "db.operation.batch.size",
        "db.response.returned_rows",
    ];
    let memory = InMemory::new();
    finish(start(&memory, endpoint, query, |_| {}, Context::new()));
    let trace = memory.trace();
    let span = trace.find(name);
    span.assert_attributes(attributes);
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!(span.scope, "test-database");
    let mut expected = span.attributes.clone();
    expected.retain(|key, _| !SPAN_ONLY.contains(&key.as_str()));
    let point = measured(&memory);
    assert_eq!(point.attributes, expected);
    assert!((point.value - span.duration().as_secs_f64()).abs() < 1e-6);
    span.clone()
}

pub(crate) fn finished(mut operation: Operation<DatabaseCall>) {
    operation.finish(Outcome::Finished);
}

#[test]
fn a_span_has_all_that_is_known() {
    let query = Query {
        operation: Some("BATCH INSERT".into()),
        collection: Some("orders".into()),
        stored_procedure: Some("place_order".into()),
        batch_size: Some(2),
        ..select()
    };
    let span = check(
        orders(),
        &query,
        finished,
        "SELECT orders",
        &[
            ("db.system.name", "postgresql".into()),
            ("db.namespace", "orders".into()),
            ("server.address", "db.internal".into()),
            ("server.port", 5433.into()),
            ("db.query.text", "SELECT * FROM orders WHERE id = $1".into()),
            ("db.query.summary", "SELECT orders".into()),
            ("db.operation.name", "BATCH INSERT".into()),
            ("db.operation.batch.size", 2.into()),
            ("db.collection.name", "orders".into()),
            ("db.stored_procedure.name", "place_order".into()),
        ],
    );
    assert_eq!(span.status, Status::Unset);
}

#[test]
fn what_is_not_known_is_not_recorded() {
    let endpoint = DatabaseEndpoint::new("sqlite")
        .namespace("")
        .server("", Some(1));
    let system = [("db.system.name", "sqlite".into())];
    check(endpoint, &Query::default(), finished, "sqlite", &system);
}

#[test]
fn a_peer_is_recorded_where_it_is_known() {
    for (address, port, recorded) in [
        ("10.1.2.80", Some(6379), 2),
        ("/tmp/redis.sock", None, 1),
        ("", Some(6379), 0),
    ] {
        let mut expected = vec![
            ("db.system.name", "redis".into()),
            ("network.peer.address", address.into()),
            ("network.peer.port", 6379.into()),
        ];
        expected.truncate(1 + recorded);
        let endpoint = DatabaseEndpoint::new("redis").peer(address, port);
        check(endpoint, &Query::default(), finished, "redis", &expected);
    }
}

#[test]
fn a_port_is_recorded_where_it_is_not_the_systems_default() {
    for (system, port, recorded) in [
        ("postgresql", 5432, false),
        ("postgresql", 3306, true),
        ("mysql", 3306, false),
        ("mariadb", 3306, false),
        ("redis", 6379, false),
        ("other_sql", 5432, true),
    ] {
        let mut expected = vec![
            ("db.system.name", system.into()),
            ("server.address", "db".into()),
        ];
        expected.extend(recorded.then_some(("server.port", i64::from(port).into())));
        let taken_for = DatabaseEndpoint::new("other_sql").server("db", Some(port));
        let endpoint = taken_for.of_system(system);
        let name = format!("db:{port}");
        check(endpoint, &Query::default(), finished, &name, &expected);
    }
}

#[test]
fn a_batch_of_one_is_none() {
    for (size, recorded) in [(0, true), (1, false), (2, true)] {
        let query = Query {
            batch_size: Some(size),
            ..Query::default()
        };
        let size = i64::try_from(size).unwrap();
        let mut expected = vec![("db.system.name", "redis".into())];
        expected.extend(recorded.then_some(("db.operation.batch.size", size.into())));
        let endpoint = DatabaseEndpoint::new("redis");
        check(endpoint, &query, finished, "redis", &expected);
    }
}

#[test]
fn a_span_is_named_after_the_summary_else_the_operation_and_its_target() {
    let query = |summary: &str, operation: &str, collection: &str, procedure: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned().into());
        Query {
            summary: some(summary),
            operation: some(operation),
            collection: some(collection),
            stored_procedure: some(procedure),
            ..Query::default()
        }
    };
    let bare = DatabaseEndpoint::new("mysql");
    let socket = bare.clone().server("/run/mysqld.sock", None);
    let numbered = bare.clone().server("/run/mysqld.sock", Some(3307));
    assert_eq!(socket, numbered);
    let redis = DatabaseEndpoint::new("redis").namespace("15");
    let cached = redis.clone().server("cache", None);
    for (endpoint, query, expected) in [
        (orders(), query("S a", "GET", "c", "p"), "S a"),
        (orders(), query("", "GET", "c", "p"), "GET c"),
        (orders(), query("", "GET", "", "p"), "GET p"),
        (orders(), query("", "GET", "", ""), "GET orders"),
        (orders(), query("", "", "c", ""), "c"),
        (orders(), query("", "", "", ""), "orders"),
        (socket, query("", "GET", "", ""), "GET /run/mysqld.sock"),
        (numbered, query("", "GET", "", ""), "GET /run/mysqld.sock"),
        (bare.clone(), query("", "GET", "", ""), "GET"),
        (bare, query("", "", "", ""), "mysql"),
        (redis, query("", "GET", "", ""), "GET"),
        (cached, query("", "GET", "", ""), "GET cache:6379"),
    ] {
        let memory = InMemory::new();
        finished(start(&memory, endpoint, &query, |_| {}, Context::new()));
        assert_eq!(memory.spans()[0].name, expected);
    }
}

#[test]
fn every_end_has_its_error_type() {
    let check_end = |finish: fn(Operation<DatabaseCall>),
                     code: Option<&'static str>,
                     error_type: Option<&'static str>,
                     status: Status| {
        let mut expected = vec![("db.system.name", "sqlite".into())];
        expected.extend(code.map(|code| ("db.response.status_code", code.into())));
        expected.extend(error_type.map(|error_type| ("error.type", error_type.into())));
        let endpoint = DatabaseEndpoint::new("sqlite");
        let span = check(endpoint, &Query::default(), finish, "sqlite", &expected);
        assert_eq!(span.status, status);
    };
    let error = Status::error;
    check_end(finished, None, None, Status::Unset);
    check_end(
        |mut operation| operation.finish(Outcome::Error("io")),
        None,
        Some("io"),
        error(""),
    );
    check_end(
        |mut operation| {
            operation.details_mut().unwrap().answered_with("2067");
            operation.finish(Outcome::Error("database"));
        },
        Some("2067"),
        Some("2067"),
        error(""),
    );
    check_end(
        |mut operation| {
            operation.details_mut().unwrap().answered_with("");
            operation.finish(Outcome::Error("database"));
        },
        None,
        Some("database"),
        error(""),
    );
    check_end(
        drop,
        None,
        Some("cancelled"),
        error("dropped before the answer"),
    );
    check_end(
        |mut operation| {
            let work = || operation.enter(|| panic!("on purpose"));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
        },
        None,
        Some("panic"),
        error("panicked"),
    );
}

#[test]
fn an_unsampled_operation_is_measured_and_asks_for_its_query_once() {
    let memory = InMemory::with_sampler(Sampler::AlwaysOff);
    let calls = Cell::new(0);
    let query = |_: &DatabaseSettings| {
        calls.set(calls.get() + 1);
        select()
    };
    finished(
        DatabaseRequest {
            endpoint: &Arc::new(orders()),
            query: &query,
            hooks: &DatabaseHooks::default(),
        }
        .start(Context::new(), &database(&memory, |_| {}).resolve()),
    );
    assert_eq!(calls.get(), 1);
    assert!(memory.spans().is_empty());
    assert_eq!(measured(&memory).attributes.len(), 5);
}

#[test]
fn nothing_secret_is_in_what_is_printed() {
    let request = DatabaseRequest {
        endpoint: &Arc::new(orders()),
        query: &|_| select(),
        hooks: &DatabaseHooks::default(),
    };
    assert!(!format!("{request:?}").contains("SELECT"));
}
