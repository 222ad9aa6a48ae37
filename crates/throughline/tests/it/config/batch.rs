//! How long things wait.

use std::time::Duration;

use throughline::{Batch, Config};

use super::check_warned;

#[test]
fn the_metric_interval_is_in_milliseconds_above_0() {
    const VARIABLE: &str = "OTEL_METRIC_EXPORT_INTERVAL";
    let check = |value: &str, expected: u64, warnings: &[&str]| {
        let expected = Duration::from_millis(expected);
        check_warned(
            &[(VARIABLE, value)],
            |c| c.metrics.export_interval,
            expected,
            warnings,
        );
    };
    check("", 60_000, &[]);
    check("1", 1, &[]);
    check("5000", 5000, &[]);
    for value in ["0", "-5", "5s", "5.0"] {
        let warning = format!(
            "{VARIABLE}: {value:?} is no number of milliseconds above 0, such as 10000 for 10 seconds; instead: 60000 ms"
        );
        check(value, 60_000, &[&warning]);
    }
}

#[test]
fn batches_are_the_specifications() {
    check_batches("OTEL_BSP", 5000, |config| config.span_batch);
    check_batches("OTEL_BLRP", 1000, |config| config.log_batch);
}

fn check_batches(prefix: &str, default_delay: u64, of: fn(&Config) -> Batch) {
    let check =
        |variables: &[(&str, &str)], expected: (u64, u64, usize, usize), warnings: &[&str]| {
            let batch = |c: &Config| {
                let batch = of(c);
                (
                    batch.schedule_delay.as_millis() as u64,
                    batch.export_timeout.as_millis() as u64,
                    batch.max_queue_size,
                    batch.max_export_batch_size,
                )
            };
            let named: Vec<_> = (variables.iter())
                .map(|(name, value)| (format!("{prefix}_{name}"), *value))
                .collect();
            let named: Vec<_> = named.iter().map(|(n, v)| (n.as_str(), *v)).collect();
            let warnings: Vec<_> = warnings.iter().map(|w| format!("{prefix}_{w}")).collect();
            let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
            check_warned(&named, batch, expected, &warnings);
        };
    const DELAY: &str = "SCHEDULE_DELAY";
    const TIMEOUT: &str = "EXPORT_TIMEOUT";
    const QUEUE: &str = "MAX_QUEUE_SIZE";
    const BATCH: &str = "MAX_EXPORT_BATCH_SIZE";
    let delay = default_delay;
    check(&[], (delay, 30_000, 2048, 512), &[]);
    check(&[(DELAY, "0"), (TIMEOUT, "0")], (0, 0, 2048, 512), &[]);
    check(
        &[(DELAY, "100"), (TIMEOUT, "1000")],
        (100, 1000, 2048, 512),
        &[],
    );
    check(
        &[(QUEUE, "4096"), (BATCH, "1024")],
        (delay, 30_000, 4096, 1024),
        &[],
    );
    check(&[(QUEUE, "100")], (delay, 30_000, 100, 100), &[]);
    check(
        &[(QUEUE, "100"), (BATCH, "200")],
        (delay, 30_000, 100, 100),
        &["MAX_EXPORT_BATCH_SIZE: \"200\" is more than the queue holds; instead: 100"],
    );
    let instead = format!(
        "SCHEDULE_DELAY: \"-1\" is no number of milliseconds, such as 10000 for 10 seconds; instead: {delay} ms"
    );
    check(
        &[(QUEUE, "0"), (DELAY, "-1")],
        (delay, 30_000, 2048, 512),
        &[
            "MAX_QUEUE_SIZE: \"0\" is no number above 0; instead: 2048",
            &instead,
        ],
    );
}
