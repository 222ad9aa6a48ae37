//! Where signals go: `OTEL_{TRACES,METRICS,LOGS}_EXPORTER`
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#exporter-selection>).

use std::fmt;

use super::env::Env;
use super::signal::Signal;
use crate::error::InitError;

/// Where a signal goes; to several places at the same time, if it has several of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exporter {
    /// `otlp`: to a collector, by OTLP over HTTP with protobuf or over gRPC.
    Otlp,
    /// `otlp/stdout`: to standard output as OTLP in JSON, a line for each export, for programs.
    OtlpStdout,
    /// `console`: to standard output, for people. Log records need none for it: there are the lines.
    Console,
}

/// What the names stand for that are no exporters here, and what to write instead.
const NOT_BUILT: &[(&str, &str)] = &[
    ("jaeger", "Jaeger takes OTLP: use otlp"),
    ("logging", "this is the old name of console: use console"),
    (
        "prometheus",
        "an exporter for Prometheus is not built; Prometheus takes OTLP, and a collector serves what it is sent: use otlp",
    ),
    (
        "zipkin",
        "an exporter for Zipkin is not built; a collector passes on what it is sent: use otlp",
    ),
];

/// The exporters of a signal, each once; none of them for `none`.
pub(super) fn of_signal(env: &Env<'_>, signal: &Signal) -> Result<Vec<Exporter>, InitError> {
    let variable = signal.exporters;
    let refused = |remedy: String| InitError::Variable {
        variable: variable.to_owned(),
        value: env.text(variable).unwrap_or_default(),
        remedy,
    };
    let mut exporters = Vec::new();
    let mut none = false;
    let names = env.list(variable);
    for name in &names {
        match name.to_ascii_lowercase().as_str() {
            "otlp" => exporters.push(Exporter::Otlp),
            "otlp/stdout" => exporters.push(Exporter::OtlpStdout),
            "console" => exporters.push(Exporter::Console),
            "none" => none = true,
            other => return Err(refused(remedy(other, names.len() > 1))),
        }
    }
    if none && !exporters.is_empty() {
        let remedy = "none is for no exporter at all: leave it out, or leave out the others";
        return Err(refused(remedy.to_owned()));
    }
    if exporters.is_empty() && !none {
        exporters.push(Exporter::Otlp);
    }
    Ok(each_once(&exporters))
}

/// Each of them once, in order.
pub(crate) fn each_once(exporters: &[Exporter]) -> Vec<Exporter> {
    let mut once = Vec::new();
    for exporter in exporters {
        if !once.contains(exporter) {
            once.push(*exporter);
        }
    }
    once
}

fn remedy(name: &str, is_one_of_several: bool) -> String {
    let not_built = NOT_BUILT.iter().find(|(known, _)| *known == name);
    let remedy = not_built.map_or("use otlp, otlp/stdout, console or none", |(_, remedy)| {
        remedy
    });
    if is_one_of_several {
        format!("{name:?}: {remedy}")
    } else {
        remedy.to_owned()
    }
}

impl fmt::Display for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Otlp => "otlp",
            Self::OtlpStdout => "otlp/stdout",
            Self::Console => "console",
        })
    }
}
