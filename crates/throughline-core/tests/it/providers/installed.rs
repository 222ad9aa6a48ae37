//! Providers that are installed, global, or given to one instrumentation.

use opentelemetry::global;
use throughline_core::{Installation, TracerSource, install};
use throughline_testing::InMemory;

use super::{check_passed_on, check_recorded, installation, remote, requests, unset};
use crate::support::{SPAN, TRACE, in_own_process, serve, server};

#[test]
fn what_was_built_before_the_global_providers_uses_them_afterwards() {
    in_own_process(
        "providers::installed::what_was_built_before_the_global_providers_uses_them_afterwards",
        || {
            let server = unset();
            check_passed_on(&server);
            let memory = InMemory::new();
            global::set_tracer_provider(memory.tracer_provider());
            global::set_meter_provider(memory.meter_provider());
            check_recorded(&server, &memory, 1, 1);
            check_recorded(&server, &memory, 2, 2);
            check_recorded(&server.clone(), &memory, 3, 3);
            let span = memory.spans().remove(0);
            assert_eq!(span.trace_id.to_string(), TRACE);
            assert_eq!(span.parent_span_id.unwrap().to_string(), SPAN);
            assert!(span.parent_is_remote);
            assert_eq!(span.scope, "test-server");
        },
    );
}

#[test]
fn global_meters_are_found_before_any_tracer_is() {
    in_own_process(
        "providers::installed::global_meters_are_found_before_any_tracer_is",
        || {
            let server = unset();
            let (first, second) = (InMemory::new(), InMemory::new());
            check_recorded(&server, &first, 0, 0);
            global::set_meter_provider(first.meter_provider());
            check_recorded(&server, &first, 0, 1);
            check_recorded(&server, &first, 0, 2);
            global::set_meter_provider(second.meter_provider());
            check_recorded(&server, &second, 0, 1);
            assert_eq!(requests(&first), 2);
            check_passed_on(&server);
        },
    );
}

#[test]
fn an_installation_is_picked_up_by_what_exists_already() {
    in_own_process(
        "providers::installed::an_installation_is_picked_up_by_what_exists_already",
        || {
            let [globals, first, second] = [(); 3].map(|()| InMemory::new());
            let server = unset();
            check_passed_on(&server);
            global::set_tracer_provider(globals.tracer_provider());
            global::set_meter_provider(globals.meter_provider());
            check_recorded(&server, &globals, 1, 1);
            install(installation(&first));
            check_recorded(&server, &first, 1, 1);
            check_recorded(&server.clone(), &first, 2, 2);
            install(installation(&second));
            check_recorded(&server, &second, 1, 1);
            // Nothing installed is nothing recorded, and not the globals again.
            install(Installation::default());
            check_recorded(&server, &second, 1, 1);
            check_passed_on(&server);
            let counts = [&globals, &first, &second].map(|memory| memory.spans().len());
            assert_eq!(counts, [1, 2, 1]);
        },
    );
}

#[test]
fn providers_that_are_given_do_not_see_others() {
    in_own_process(
        "providers::installed::providers_that_are_given_do_not_see_others",
        || {
            let [globals, installed, own] = [(); 3].map(|()| InMemory::new());
            let server = server(&own);
            check_recorded(&server, &own, 1, 1);
            global::set_tracer_provider(globals.tracer_provider());
            global::set_meter_provider(globals.meter_provider());
            check_recorded(&server, &own, 2, 2);
            install(installation(&installed));
            check_recorded(&server, &own, 3, 3);
            check_recorded(&server.clone(), &own, 4, 4);
            for other in [&globals, &installed] {
                assert_eq!(other.spans().len(), 0);
                assert_eq!(other.metrics(), []);
            }
            // What was not given is looked for as ever.
            let mut mixed = unset();
            mixed.set_tracers(TracerSource::new(own.tracer_provider()));
            drop(serve(&mixed, &remote("01")));
            assert_eq!((own.spans().len(), requests(&own)), (5, 4));
            assert_eq!((installed.spans().len(), requests(&installed)), (0, 1));
        },
    );
}
