//! How the spans that are printed together are arranged.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use proptest::collection::vec;
use proptest::prelude::*;
use throughline_otlp::console;

use crate::support::{Output, block_on};

/// The numbers of the trace, of the span and of its parent (0 is none), and the millisecond of its start.
type Row = (u128, u64, u64, u64);

/// A span of one millisecond that is named by its place in the batch.
fn span(place: usize, (trace, id, parent, start): Row) -> SpanData {
    let start = SystemTime::UNIX_EPOCH + Duration::from_millis(start);
    SpanData {
        span_context: SpanContext::new(
            trace.into(),
            id.into(),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: parent.into(),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: format!("span-{place}").into(),
        start_time: start,
        end_time: start + Duration::from_millis(1),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

fn printed(rows: &[Row]) -> String {
    let output = Output::default();
    let batch = rows
        .iter()
        .enumerate()
        .map(|(place, row)| span(place, *row));
    block_on(console::SpanExporter::new(output.clone()).export(batch.collect())).unwrap();
    output.text()
}

#[test]
fn children_stand_below_their_parents_and_spans_of_a_trace_together() {
    #[track_caller]
    fn check(rows: &[Row], expected: &[&str]) {
        let text = printed(rows)
            .replace("00000000", "")
            .replace(" unknown_service", "");
        let lines = text
            .lines()
            .map(|line| line.replace(" [Internal] 1.0ms", ""));
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }
    check(
        &[(1, 1, 0, 0)],
        &["trace 00000001", "└─ span-0 span=00000001"],
    );
    // Ended first, started last.
    check(
        &[(1, 3, 1, 7), (1, 4, 2, 3), (1, 2, 1, 2), (1, 1, 0, 1)],
        &[
            "trace 00000001",
            "└─ span-3 span=00000001",
            "   ├─ span-2 at +1.0ms span=00000002",
            "   │  └─ span-1 at +2.0ms span=00000004",
            "   └─ span-0 at +6.0ms span=00000003",
        ],
    );
    // Two requests at a time.
    check(
        &[(2, 2, 1, 4), (1, 2, 1, 3), (1, 1, 0, 2), (2, 1, 0, 1)],
        &[
            "trace 00000002",
            "└─ span-3 span=00000001",
            "   └─ span-0 at +3.0ms span=00000002",
            "trace 00000001",
            "└─ span-2 span=00000001",
            "   └─ span-1 at +1.0ms span=00000002",
        ],
    );
    // A parent that is elsewhere, and one that has not ended.
    check(
        &[(1, 2, 9, 0), (1, 3, 2, 1), (1, 4, 8, 5)],
        &[
            "trace 00000001",
            "├─ span-0 span=00000002 parent=00000009",
            "│  └─ span-1 at +1.0ms span=00000003",
            "└─ span-2 at +5.0ms span=00000004 parent=00000008",
        ],
    );
    // The same id in another trace is another span.
    check(
        &[(1, 1, 0, 0), (2, 2, 1, 1)],
        &[
            "trace 00000001",
            "└─ span-0 span=00000001",
            "trace 00000002",
            "└─ span-1 span=00000002 parent=00000001",
        ],
    );
    // Its own parent; a circle of two with a span below; an id that is there twice; ids that are none.
    check(
        &[(1, 1, 1, 0)],
        &["trace 00000001", "└─ span-0 span=00000001 parent=00000001"],
    );
    check(
        &[(1, 1, 2, 0), (1, 2, 1, 1), (1, 3, 2, 2)],
        &[
            "trace 00000001",
            "└─ span-0 span=00000001 parent=00000002",
            "   └─ span-1 at +1.0ms span=00000002",
            "      └─ span-2 at +2.0ms span=00000003",
        ],
    );
    check(
        &[(1, 1, 0, 0), (1, 1, 0, 1), (1, 2, 1, 2)],
        &[
            "trace 00000001",
            "├─ span-0 span=00000001",
            "│  └─ span-2 at +2.0ms span=00000002",
            "└─ span-1 at +1.0ms span=00000001",
        ],
    );
    check(
        &[(1, 0, 0, 0), (1, 0, 0, 1)],
        &[
            "trace 00000001",
            "├─ span-0 span=",
            "└─ span-1 at +1.0ms span=",
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ids that are often there twice, missing or in a circle.
    #[test]
    fn whatever_the_ids_each_span_is_printed_once_and_below_its_parent_if_it_can_be(
        rows in vec((1..3_u128, 1..12_u64, 0..14_u64, 0..6_u64), 0..24),
    ) {
        let text = printed(&rows);
        // What is above the line: of each level the last span.
        let mut above: Vec<usize> = Vec::new();
        let mut level_before = HashMap::new();
        let mut times = vec![0; rows.len()];
        for line in text.lines().filter(|line| !line.starts_with("trace ")) {
            let (indentation, rest) = line.split_once("─ ").unwrap();
            let place = rest["span-".len()..].split(' ').next().unwrap().parse::<usize>().unwrap();
            let (trace, _, parent, start) = rows[place];
            times[place] += 1;
            let level = indentation.chars().count() / 3;
            above.truncate(level);
            match above.last() {
                Some(&upper) => {
                    prop_assert_eq!((trace, parent), (rows[upper].0, rows[upper].1), "{}", text);
                    prop_assert!(!line.contains("parent="), "{}", text);
                }
                None => {
                    prop_assert!(parent == 0 || is_missing(&rows, place) || is_in_circle(&rows, place), "{}", text);
                    prop_assert_eq!(line.contains("parent="), parent != 0, "{}", text);
                }
            }
            let siblings = (trace, above.last().copied());
            let before = level_before.insert(siblings, start);
            prop_assert!(before <= Some(start), "{}", text);
            above.push(place);
        }
        prop_assert_eq!(times, vec![1; rows.len()], "{}", text);
    }
}

fn parent_of(rows: &[Row], place: usize) -> Option<usize> {
    let (trace, _, parent, _) = rows[place];
    let of_that_id =
        (0..rows.len()).filter(|other| (rows[*other].0, rows[*other].1) == (trace, parent));
    // The sort is stable, and of spans that started together the first one counts.
    of_that_id.min_by_key(|other| rows[*other].3)
}

fn is_missing(rows: &[Row], place: usize) -> bool {
    parent_of(rows, place).is_none()
}

fn is_in_circle(rows: &[Row], place: usize) -> bool {
    let mut ancestors = std::iter::successors(parent_of(rows, place), |at| parent_of(rows, *at));
    ancestors
        .by_ref()
        .take(rows.len())
        .any(|ancestor| ancestor == place)
}

/// A stack would overflow, an indentation without a bound would print gigabytes, a search for circles from every span
/// would not end.
#[test]
fn a_hundred_thousand_levels_are_printed_in_as_many_lines() {
    const LEVELS: u64 = 100_000;
    #[track_caller]
    fn check(topmost: u64) {
        let rows: Vec<Row> = (1..=LEVELS)
            .map(|id| (1, id, if id == 1 { topmost } else { id - 1 }, id))
            .collect();
        let text = printed(&rows);
        assert_eq!(text.lines().count() as u64, 1 + LEVELS);
        assert!(text.lines().all(|line| line.len() < 400));
        // The parent that is above the first of them is not seen to be above the last.
        let lines: Vec<_> = text.lines().collect();
        assert!(!lines[2].contains("parent="), "{}", lines[2]);
        assert!(lines[99_999].contains("parent="), "{}", lines[99_999]);
    }
    check(0);
    check(LEVELS);
}
