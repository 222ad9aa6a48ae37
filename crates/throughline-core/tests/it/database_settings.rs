//! What operations on databases do where something is set or hooked in.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use throughline_core::db_semconv::{
    DatabaseEndpoint, DatabaseHooks, DatabaseRequest, DatabaseSettings, Query, QueryText,
};
use throughline_core::{Installation, Instrumentation, Outcome, install};
use throughline_testing::{Expected, InMemory, MetricKind};

use crate::database::{database, finished, measured, orders, select, start};
use crate::support::{Probe, current_span, in_own_process, probed};

#[test]
fn returned_rows_are_opt_in() {
    let check = |change, recorded: bool| {
        let memory = InMemory::new();
        let endpoint = DatabaseEndpoint::new("sqlite");
        let mut operation = start(&memory, endpoint, &Query::default(), change, Context::new());
        for rows in [3, 0, 4] {
            operation.details_mut().unwrap().returned(rows);
        }
        operation.finish(Outcome::Finished);
        let mut expected = vec![("db.system.name", Expected::from("sqlite"))];
        expected.extend(recorded.then_some(("db.response.returned_rows", 7.into())));
        memory.spans()[0].assert_attributes(&expected);
        let metrics = memory.metrics();
        let mut rows =
            (metrics.iter()).filter(|metric| metric.name == "db.client.response.returned_rows");
        let Some(rows) = rows.next().filter(|_| recorded) else {
            return assert_eq!((metrics.len(), recorded), (1, false));
        };
        assert_eq!((rows.kind, &*rows.unit), (MetricKind::Histogram, "{row}"));
        let [point] = &rows.points[..] else {
            panic!("{rows:?}")
        };
        assert_eq!((point.count, point.value), (Some(1), 7.0));
        assert_eq!(point.attributes.len(), 1);
        assert_eq!((point.bounds.len(), point.bounds[12]), (13, 10_000.0));
    };
    check(|_| {}, false);
    check(|settings| settings.returned_rows = true, true);
}

#[test]
fn an_operation_only_under_a_parent_is_else_measured_alone() {
    let only_under_parent = |settings: &mut DatabaseSettings| settings.only_under_parent = true;
    let memory = InMemory::new();
    let context = Context::new();
    let mut lone = start(&memory, orders(), &select(), only_under_parent, context);
    assert!(!lone.context().span().span_context().is_valid());
    lone.enter(|| assert_eq!(current_span(), "0000000000000000"));
    finished(lone);
    assert!(memory.spans().is_empty());
    assert_eq!(measured(&memory).attributes.len(), 5);

    let parent = probed(&memory, &Probe::default());
    let context = parent.context().clone();
    let below = start(&memory, orders(), &select(), only_under_parent, context);
    finished(below);
    let own = parent.context().span().span_context().span_id();
    assert_eq!(memory.spans()[0].parent_span_id, Some(own));
}

#[test]
fn a_slow_operation_is_marked() {
    let check = |change, slow: Option<f64>| {
        let memory = InMemory::new();
        finished(start(&memory, orders(), &select(), change, Context::new()));
        let span = &memory.spans()[0];
        let Some(threshold) = slow else {
            return assert!(span.events.is_empty());
        };
        let [event] = &span.events[..] else {
            panic!("{span:?}")
        };
        assert_eq!(event.name, "throughline.db.slow");
        assert_eq!(event.time, span.end);
        let attributes: Vec<_> = event.attributes.iter().collect();
        let key = "throughline.db.slow.threshold".to_owned();
        assert_eq!(attributes, [(&key, &threshold.into())]);
    };
    check(|_| {}, None);
    check(
        |settings| settings.slow_threshold = Some(Duration::from_secs(3600)),
        None,
    );
    check(
        |settings| settings.slow_threshold = Some(Duration::from_nanos(1)),
        Some(1e-9),
    );
}

/// What is recorded beside the stable names.
#[track_caller]
fn check_old(endpoint: DatabaseEndpoint, query: &Query, expected: &[(&str, Expected)]) {
    let memory = InMemory::new();
    finished(start(
        &memory,
        endpoint.clone(),
        query,
        |_| {},
        Context::new(),
    ));
    let change = |settings: &mut DatabaseSettings| settings.old_names = true;
    finished(start(&memory, endpoint, query, change, Context::new()));
    let [stable, both] = &memory.spans()[..] else {
        panic!("two spans")
    };
    let mut old = both.clone();
    for (key, value) in &stable.attributes {
        assert_eq!(old.attributes.remove(key).as_ref(), Some(value));
    }
    old.assert_attributes(expected);
    // There was no such metric.
    assert_eq!(memory.metrics()[0].points.len(), 1);
}

#[test]
fn old_names_are_opt_in() {
    let text = "SELECT * FROM orders WHERE id = $1";
    let endpoint = orders().schema("shop").user("app");
    check_old(
        endpoint,
        &select(),
        &[
            ("db.system", "postgresql".into()),
            ("db.name", "orders".into()),
            ("db.user", "app".into()),
            ("db.statement", text.into()),
            ("db.operation", "SELECT".into()),
            ("db.sql.table", "orders".into()),
        ],
    );
    let join = Query {
        summary: Some("SELECT orders items".into()),
        ..Query::default()
    };
    let system = [("db.system", "sqlite".into())];
    check_old(DatabaseEndpoint::new("sqlite"), &join, &system);
    let get = Query {
        operation: Some("GET".into()),
        ..Query::default()
    };
    check_old(
        DatabaseEndpoint::new("redis").namespace("15"),
        &get,
        &[
            ("db.system", "redis".into()),
            ("db.redis.database_index", 15.into()),
            ("db.operation", "GET".into()),
        ],
    );
    let own = Query {
        operation: Some("INSERT".into()),
        collection: Some("items".into()),
        ..select()
    };
    check_old(
        DatabaseEndpoint::new("mysql").namespace("7"),
        &own,
        &[
            ("db.system", "mysql".into()),
            ("db.name", "7".into()),
            ("db.statement", text.into()),
            ("db.operation", "INSERT".into()),
            ("db.sql.table", "items".into()),
        ],
    );
}

#[test]
fn a_schema_belongs_to_its_database() {
    let namespace = |endpoint: DatabaseEndpoint| endpoint.pool_name();
    let system = || DatabaseEndpoint::new("postgresql");
    let orders = || system().namespace("orders");
    assert_eq!(namespace(orders().schema("shop")), "orders|shop");
    assert_eq!(namespace(orders().schema("")), "orders");
    assert_eq!(namespace(system().schema("shop")), "shop");
    assert_eq!(namespace(system().schema("")), "postgresql");
    assert_eq!(namespace(orders().schema("shop").namespace("a")), "a");
}

/// Starts and ends a query with these hooks.
fn hooked(memory: &InMemory, hooks: &DatabaseHooks) {
    let request = DatabaseRequest {
        endpoint: &Arc::new(orders()),
        query: &|_| select(),
        hooks,
    };
    let mut operation = request.start(Context::new(), &database(memory, |_| {}).resolve());
    if let Some(call) = operation.details_mut() {
        call.answered_with("23505");
        call.returned(2);
    }
    operation.finish(Outcome::Error("database"));
}

#[test]
fn what_a_filter_leaves_out_leaves_nothing() {
    for (passes, panics) in [(true, false), (false, false), (true, true)] {
        let memory = InMemory::new();
        let mut hooks = DatabaseHooks::default();
        hooks.set_filter(move |query| {
            assert!(!panics, "on purpose");
            assert_eq!(*query, select());
            passes
        });
        hooked(&memory, &hooks);
        let recorded = usize::from(passes);
        assert_eq!(
            (memory.spans().len(), memory.metrics().len()),
            (recorded, recorded)
        );
    }
}

#[test]
fn hooks_name_and_add_and_see_the_end() {
    let memory = InMemory::new();
    let seen = Arc::new(Mutex::new(String::new()));
    let mut hooks = DatabaseHooks::default();
    hooks.set_on_start(|query, span| {
        assert_eq!(*query, select());
        span.set_name("load order");
        span.set_attributes([KeyValue::new("shop.id", 7)]);
        span.add_event("begun", Vec::new());
    });
    let noted = Arc::clone(&seen);
    hooks.set_on_finish(move |finish, span| {
        let elapsed = finish.elapsed;
        assert!(elapsed > Duration::ZERO);
        span.set_attributes([KeyValue::new("shop.failed", true)]);
        *noted.lock().unwrap() = format!(
            "{:?} {:?} {:?} {:?}",
            finish.outcome, finish.status_code, finish.error_type, finish.returned_rows
        );
    });
    hooked(&memory, &hooks);
    let span = &memory.spans()[0];
    assert_eq!(span.name, "load order");
    assert_eq!(span.attribute("shop.id"), Some(&7.into()));
    assert_eq!(span.attribute("shop.failed"), Some(&true.into()));
    assert_eq!(span.events[0].name, "begun");
    assert_eq!(
        *seen.lock().unwrap(),
        r#"Error("database") Some("23505") Some("23505") Some(2)"#
    );

    hooks.set_on_start(|_, _| panic!("on purpose"));
    hooks.set_on_finish(|_, _| panic!("on purpose"));
    hooked(&memory, &hooks);
    assert_eq!(memory.spans()[1].error_type(), Some("23505"));
    assert_eq!(memory.metrics()[0].points[0].count, Some(2));
}

#[test]
fn settings_are_installed_for_all_and_changed_for_one() {
    in_own_process(
        "database_settings::settings_are_installed_for_all_and_changed_for_one",
        || {
            let mut installation = Installation::default();
            let settings = Arc::make_mut(&mut installation.database);
            settings.query_text = QueryText::Sanitized;
            settings.returned_rows = true;
            install(installation);
            let mut one = Instrumentation::<throughline_core::db_semconv::DatabaseMetrics>::new(
                "test", "1.2.3",
            );
            one.change_database(|settings| settings.query_text = QueryText::Off);
            let resolved = one.resolve();
            let settings = resolved.database();
            assert_eq!(settings.query_text, QueryText::Off);
            assert!(settings.returned_rows && !settings.old_names);
        },
    );
}
