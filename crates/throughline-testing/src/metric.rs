//! One model for metrics, whether the SDK handed them over or an OTLP request brought them.

use std::collections::BTreeMap;

use opentelemetry::Value;
use opentelemetry_sdk::metrics::Temporality;

/// One metric of one instrumentation scope.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricRecord {
    /// The resource's `service.name`.
    pub service: Option<String>,
    /// The name of the instrumentation scope, that is of the meter.
    pub scope: String,
    /// The name.
    pub name: String,
    /// The unit, in UCUM, empty when there is none.
    pub unit: String,
    /// The description, empty when there is none.
    pub description: String,
    /// The kind of instrument.
    pub kind: MetricKind,
    /// Whether the points count from the beginning or from the last export; `None` for a gauge.
    pub temporality: Option<Temporality>,
    /// One point for each set of attributes, sorted by the attributes.
    pub points: Vec<PointRecord>,
}

/// The kind of instrument that a metric comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDownCounter,
    /// A distribution of values, with explicit or exponential buckets.
    Histogram,
    /// The last value.
    Gauge,
}

/// The value of a metric for one set of attributes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PointRecord {
    /// The attributes.
    pub attributes: BTreeMap<String, Value>,
    /// The sum, of a gauge the last value.
    pub value: f64,
    /// Of a histogram, how many values were recorded.
    pub count: Option<u64>,
    /// Of a histogram with explicit buckets, their upper bounds; the last bucket has none.
    pub bounds: Vec<f64>,
    /// Of a histogram with explicit buckets, how many values fell into each.
    pub bucket_counts: Vec<u64>,
}

impl MetricKind {
    pub(crate) fn of_sum(is_monotonic: bool) -> Self {
        if is_monotonic {
            Self::Counter
        } else {
            Self::UpDownCounter
        }
    }
}

/// One record for each service, scope and name, and in it one point for each set of attributes, all of it sorted. Of
/// several records, the later ones replace the points of the earlier ones, or are added to them when they are deltas.
pub(crate) fn merge(records: Vec<MetricRecord>) -> Vec<MetricRecord> {
    let mut merged: BTreeMap<_, MetricRecord> = BTreeMap::new();
    for mut record in records {
        let key = (
            record.service.clone(),
            record.scope.clone(),
            record.name.clone(),
        );
        if let Some(earlier) = merged.remove(&key) {
            record.points = merge_points(earlier.points, record.points, record.temporality);
        }
        record
            .points
            .sort_by_cached_key(|point| by_value(&point.attributes));
        merged.insert(key, record);
    }
    merged.into_values().collect()
}

/// An order of points that does not depend on how a string is held.
fn by_value(attributes: &BTreeMap<String, Value>) -> String {
    let values = attributes
        .iter()
        .map(|(key, value)| format!("{key}={value};"));
    values.collect()
}

fn merge_points(
    mut merged: Vec<PointRecord>,
    later: Vec<PointRecord>,
    temporality: Option<Temporality>,
) -> Vec<PointRecord> {
    for mut point in later {
        let same = merged
            .iter()
            .position(|earlier| earlier.attributes == point.attributes);
        if let Some(index) = same {
            let earlier = merged.swap_remove(index);
            if temporality == Some(Temporality::Delta) {
                point.add(&earlier);
            }
        }
        merged.push(point);
    }
    merged
}

impl PointRecord {
    fn add(&mut self, earlier: &Self) {
        self.value += earlier.value;
        self.count = self.count.zip(earlier.count).map(|(a, b)| a + b);
        for (count, earlier) in self.bucket_counts.iter_mut().zip(&earlier.bucket_counts) {
            *count += earlier;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, temporality: Temporality, points: &[(&str, f64)]) -> MetricRecord {
        let point = |(attribute, value): &(&str, f64)| PointRecord {
            attributes: BTreeMap::from([("a".to_owned(), (*attribute).to_owned().into())]),
            value: *value,
            count: Some(1),
            bounds: vec![1.0],
            bucket_counts: vec![1, 0],
        };
        MetricRecord {
            service: None,
            scope: "scope".to_owned(),
            name: name.to_owned(),
            unit: String::new(),
            description: String::new(),
            kind: MetricKind::Histogram,
            temporality: Some(temporality),
            points: points.iter().map(point).collect(),
        }
    }

    fn check(records: Vec<MetricRecord>, expected: &[&str]) {
        let print = |record: &MetricRecord| {
            let point = |point: &PointRecord| {
                let (key, value) = (&point.attributes["a"], point.value);
                format!("{key}={value} {:?}", point.bucket_counts)
            };
            let points: Vec<_> = record.points.iter().map(point).collect();
            format!("{}: {}", record.name, points.join(", "))
        };
        let merged: Vec<_> = merge(records).iter().map(print).collect();
        assert_eq!(merged, expected);
    }

    #[test]
    fn later_records_replace_cumulative_points_and_add_to_delta_points() {
        use Temporality::{Cumulative, Delta};
        let exports = |temporality| {
            vec![
                record("m", temporality, &[("y", 1.0), ("x", 2.0)]),
                record("m", temporality, &[("x", 5.0)]),
            ]
        };
        check(exports(Cumulative), &["m: x=5 [1, 0], y=1 [1, 0]"]);
        check(exports(Delta), &["m: x=7 [2, 0], y=1 [1, 0]"]);
    }

    #[test]
    fn metrics_are_sorted_by_name() {
        let names = ["b", "c", "a"];
        let records = names.map(|name| record(name, Temporality::Cumulative, &[]));
        check(records.into(), &["a: ", "b: ", "c: "]);
    }
}
