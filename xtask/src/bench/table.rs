//! The figures as Markdown.

use std::fmt::Write;

use super::flood::Flooded;
use super::loopback::Served;
use super::rows::{Group, Row};
use super::time::Times;
use crate::measure::Cost;

/// The figures of a group, the bare path's first.
pub(crate) struct Measured {
    /// The nanoseconds of the unit of time.
    pub(crate) unit_nanos: f64,
    pub(crate) costs: Vec<Option<Cost>>,
    pub(crate) times: Vec<Times>,
}

/// A row for each path.
pub(crate) fn paths(measured: &[(Group, Measured)]) -> String {
    let mut table = String::from(
        "| what | by | instructions | over nothing | allocations | over nothing | bytes, over nothing | time | \
         processor time | remark |\n|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for (group, measured) in measured {
        let bare = measured.costs.first().copied().flatten();
        let rows = std::iter::once(&group.bare).chain(&group.rows);
        let rows = rows.zip(&measured.costs).zip(&measured.times);
        for (index, ((row, cost), times)) in rows.enumerate() {
            let counts = match (cost, bare) {
                (Some(cost), Some(bare)) => counts(cost, &bare, index > 0),
                _ => "– | – | – | – | –".to_owned(),
            };
            let remark = match group.flushes {
                true => processor_time(times, measured.times.first().filter(|_| index > 0)),
                false => remark(group, row, cost.as_ref(), measured.unit_nanos),
            };
            let Row { what, by, .. } = row;
            let [wall, cpu] = [times.wall, times.cpu].map(|spread| {
                format!(
                    "{:.2} ({:.2}–{:.2})",
                    spread.median, spread.lowest, spread.highest
                )
            });
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "| {what} | {by} | {counts} | {wall} | {cpu} | {remark} |"
            );
        }
    }
    table
}

fn counts(cost: &Cost, bare: &Cost, is_over: bool) -> String {
    let over = |all: f64, bare: f64, digits: usize| match is_over {
        true => decimal(all - bare, digits),
        false => String::new(),
    };
    format!(
        "{} | {} | {} | {} | {}",
        decimal(cost.instructions, 0),
        over(cost.instructions, bare.instructions, 0),
        decimal(cost.allocations, 1),
        over(cost.allocations, bare.allocations, 1),
        over(cost.bytes, bare.bytes, 0),
    )
}

fn remark(group: &Group, row: &Row, cost: Option<&Cost>, unit_nanos: f64) -> String {
    let mut remarks = Vec::new();
    if row.words == group.unit {
        remarks.push(format!("takes {} ns", decimal(unit_nanos, 0)));
    }
    if row.words.ends_with("--hold") {
        let kept = cost.map_or(0.0, |cost| cost.retained);
        remarks.push(format!("keeps {} bytes", decimal(kept, 0)));
    }
    if !row.remark.is_empty() {
        remarks.push(row.remark.to_owned());
    }
    remarks.join(", ")
}

/// In microseconds, since an export is no request: of a span in all, and of its export.
fn processor_time(times: &Times, alone: Option<&Times>) -> String {
    let all = times.cpu_nanos / 1000.0;
    match alone.map(|alone| all - alone.cpu_nanos / 1000.0) {
        Some(export) => format!("{all:.2} µs on a processor, {export:.2} of them the export"),
        None => format!("{all:.2} µs on a processor"),
    }
}

/// A row for each server.
pub(crate) fn loopback(served: &[Served]) -> String {
    let mut table = String::from(
        "| server | spans go | lost | requests/s | of bare | processor time | p50 µs | p99 µs | p99.9 µs |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for server in served {
        let (export, lost) = match server.lost {
            Some(lost) => ("to a collector", format!("{:.1}%", lost * 100.0)),
            None => ("nowhere", String::new()),
        };
        let [p50, p99, p999] = server.latencies.map(|micros| decimal(micros, 0));
        let _ = writeln!(
            table,
            "| {} | {export} | {lost} | {} | {:.3} ({:.3}–{:.3}) | {:.2} | {p50} | {p99} | {p999} |",
            server.by,
            decimal(server.requests_per_second, 0),
            server.rate.median,
            server.rate.lowest,
            server.rate.highest,
            server.cpu,
        );
    }
    table
}

/// A row for each collector.
pub(crate) fn flood(flooded: &[Flooded]) -> String {
    let mut table = String::from(
        "| a collector that | by | spans/s | exported | dropped | most queued | memory grows by | processor time of \
         a span | of its collection |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for it in flooded {
        let micros = |nanos: f64| format!("{:.2} µs", nanos / 1000.0);
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {:.1} MiB | {} | {} |",
            it.collector,
            it.protocol,
            decimal(it.per_second, 0),
            decimal(it.exported, 0),
            decimal(it.dropped, 0),
            decimal(it.queued, 0),
            it.growth / 1024.0 / 1024.0,
            micros(it.cpu),
            it.collector_cpu.map(micros).unwrap_or_default(),
        );
    }
    table
}

/// A number with so many decimals, thousands parted, and `0` for what rounds to it.
fn decimal(number: f64, digits: usize) -> String {
    let written = format!("{:.digits$}", number.abs());
    let (whole, rest) = written.split_at(written.find('.').unwrap_or(written.len()));
    let rest = if rest.chars().all(|digit| ".0".contains(digit)) {
        ""
    } else {
        rest
    };
    let mut parted = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    let is_zero = parted == "0" && rest.is_empty();
    let sign = if number < 0.0 && !is_zero { "-" } else { "" };
    format!("{sign}{parted}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        let cases = [
            (0.0, 0, "0"),
            (-0.4, 0, "0"),
            (999.0, 0, "999"),
            (1234567.0, 0, "1,234,567"),
            (-1234.0, 0, "-1,234"),
            (12.0, 1, "12"),
            (12.25, 1, "12.2"),
        ];
        for (number, digits, expected) in cases {
            assert_eq!(decimal(number, digits), expected);
        }
    }
}
