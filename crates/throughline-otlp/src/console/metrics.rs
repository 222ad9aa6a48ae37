use std::fmt::{self, Debug, Write as _};
use std::io::{self, Write};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::writer::{Writer, print_attributes};

/// Prints each data point as one line, cumulative since the start of the process:
///
/// ```text
/// http.server.active_requests {request} 1 http.request.method="GET"
/// http.server.request.duration s count=2 sum=0.3 min=0.1 max=0.2 http.request.method="GET"
/// ```
///
/// ```
/// use opentelemetry_sdk::metrics::PeriodicReader;
///
/// let reader = PeriodicReader::builder(throughline_otlp::console::MetricExporter::stdout()).build();
/// ```
#[derive(Debug)]
pub struct MetricExporter {
    writer: Writer,
}

impl MetricExporter {
    /// Prints to the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Prints to any other output.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            writer: Writer::new(out),
        }
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut text = String::new();
        for metric in metrics.scope_metrics().flat_map(ScopeMetrics::metrics) {
            // Writing to a string does not fail.
            let _ = print(&mut text, metric);
        }
        self.writer.write(&text)
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn print(text: &mut String, metric: &Metric) -> fmt::Result {
    let name = format!("{} {}", metric.name(), metric.unit());
    let name = name.trim_end().escape_debug().to_string();
    match metric.data() {
        AggregatedMetrics::F64(data) => print_points(text, &name, data),
        AggregatedMetrics::I64(data) => print_points(text, &name, data),
        AggregatedMetrics::U64(data) => print_points(text, &name, data),
    }
}

fn print_points<T: Copy + Debug>(
    text: &mut String,
    name: &str,
    data: &MetricData<T>,
) -> fmt::Result {
    match data {
        MetricData::Gauge(gauge) => gauge.data_points().try_for_each(|point| {
            let value = format_args!("{:?}", point.value());
            print_point(text, name, value, point.attributes())
        }),
        MetricData::Sum(sum) => sum.data_points().try_for_each(|point| {
            let value = format_args!("{:?}", point.value());
            print_point(text, name, value, point.attributes())
        }),
        MetricData::Histogram(histogram) => histogram.data_points().try_for_each(|point| {
            let summary = Summary(point.count(), point.sum(), point.min(), point.max());
            print_point(text, name, format_args!("{summary}"), point.attributes())
        }),
        MetricData::ExponentialHistogram(histogram) => {
            histogram.data_points().try_for_each(|point| {
                let count = point.count() as u64;
                let summary = Summary(count, point.sum(), point.min(), point.max());
                print_point(text, name, format_args!("{summary}"), point.attributes())
            })
        }
    }
}

fn print_point<'a>(
    text: &mut String,
    name: &str,
    value: fmt::Arguments<'_>,
    attributes: impl Iterator<Item = &'a KeyValue>,
) -> fmt::Result {
    write!(text, "{name} {value}")?;
    print_attributes(text, attributes)?;
    text.write_char('\n')
}

/// Count, sum, least and greatest value of a histogram.
struct Summary<T>(u64, T, Option<T>, Option<T>);

impl<T: Debug> fmt::Display for Summary<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count={} sum={:?}", self.0, self.1)?;
        for (name, value) in [("min", &self.2), ("max", &self.3)] {
            if let Some(value) = value {
                write!(f, " {name}={value:?}")?;
            }
        }
        Ok(())
    }
}
