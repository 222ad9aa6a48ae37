//! Whether a trace goes on from the official SDK for Python through a service of ours and back into it, in each format.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use throughline_testing::opentelemetry::trace::SpanKind;
use throughline_testing::{Collector, SpanRecord};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::python::Python;
use crate::service::{self, PATIENCE, service};

/// Client and server.
const SCRIPT: &str = include_str!("propagation.py");

/// Calls what it is told to call.
const SERVICE: &str = "trace-context-service";

/// A format, as it is called in `OTEL_PROPAGATORS` on both sides.
struct Format {
    propagators: &'static str,
    /// The value of an entry of baggage, where the format has baggage.
    baggage: Option<&'static str>,
    /// Whether a caller may leave the decision to others.
    may_defer: bool,
}

impl Format {
    const fn new(propagators: &'static str) -> Self {
        Self {
            propagators,
            baggage: None,
            may_defer: false,
        }
    }

    const fn baggage(mut self, value: &'static str) -> Self {
        self.baggage = Some(value);
        self
    }

    const fn may_defer(mut self) -> Self {
        self.may_defer = true;
        self
    }
}

/// No blank in W3C Baggage: Python writes it as `+`, by the rules of HTML's forms, where the recommendation (3.3.1.3) knows
/// percent-encoding alone. To us it is a plus, which Python gets back.
const FORMATS: [Format; 7] = [
    Format::new("tracecontext,baggage").baggage("Zoë=1"),
    Format::new("b3").may_defer(),
    Format::new("b3multi").may_defer(),
    Format::new("b3,baggage").baggage("Zoë=1").may_defer(),
    Format::new("jaeger").baggage("Zoë & co"),
    Format::new("xray").may_defer(),
    // It encodes nothing.
    Format::new("ottrace").baggage("Zoe & co").may_defer(),
];

/// What the client decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Sampled,
    Unsampled,
    /// Nothing: it is our sampler's.
    Undecided,
}

/// A call through our service.
pub(super) struct Case {
    format: &'static Format,
    decision: Decision,
    /// Ours, for what was not decided: of what was, the opposite.
    sampler: &'static str,
    is_sampled: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = match (self.decision, self.is_sampled) {
            (Decision::Sampled, _) => "sampled",
            (Decision::Unsampled, _) => "unsampled",
            (Decision::Undecided, true) => "undecided, on",
            (Decision::Undecided, false) => "undecided, off",
        };
        write!(f, "{:<20}  {decision:<14}", self.format.propagators)
    }
}

impl Case {
    pub(super) fn all() -> Vec<Self> {
        let (on, off) = ("parentbased_always_on", "parentbased_always_off");
        let mut all = Vec::new();
        for format in &FORMATS {
            let mut add = |decision, sampler, is_sampled| {
                all.push(Self {
                    format,
                    decision,
                    sampler,
                    is_sampled,
                });
            };
            add(Decision::Sampled, off, true);
            add(Decision::Unsampled, on, false);
            if format.may_defer {
                add(Decision::Undecided, on, true);
                add(Decision::Undecided, off, false);
            }
        }
        all
    }

    /// Makes the call, and checks what the server and a collector got of it.
    pub(super) async fn check(&self, python: &Python, folder: &Path) -> Result<String> {
        let folder = folder.join("propagation");
        fs::create_dir_all(&folder)?;
        let name = self.to_string();
        let name: Vec<_> = name.split([' ', ',']).filter(|it| !it.is_empty()).collect();
        let stderr = File::create(folder.join(format!("{}.stderr", name.join("-"))))?;
        let collector = Collector::start().await?;
        let (mut ours, url) = self.start(&collector.http_endpoint(), stderr).await?;
        let seen = self.call(&url, python).await?;
        let status = service::stop(SERVICE, &mut ours).await?;
        ensure!(status.success(), "{SERVICE} stopped with {status}");
        // What our service had to send is then there.
        let found = self.compare(&seen, &collector.spans());
        found.map_err(|error| anyhow!("{error}; Python saw {seen}"))
    }

    async fn start(&self, endpoint: &str, stderr: File) -> Result<(Child, String)> {
        let mut ours = service(SERVICE, endpoint)?
            .env("OTEL_PROPAGATORS", self.format.propagators)
            .env("OTEL_TRACES_SAMPLER", self.sampler)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot start {SERVICE}"))?;
        let stdout = ours.stdout.take();
        let stdout = stdout.context("a process without standard output")?;
        let mut url = String::new();
        let read = timeout(PATIENCE, BufReader::new(stdout).read_line(&mut url)).await;
        read.with_context(|| format!("{SERVICE} did not listen in time"))??;
        Ok((ours, url.trim().to_owned()))
    }

    /// What both sides saw.
    async fn call(&self, url: &str, python: &Python) -> Result<Value> {
        let decision = match self.decision {
            Decision::Sampled => "sampled",
            Decision::Unsampled => "unsampled",
            Decision::Undecided => "undecided",
        };
        let mut command = Command::new(&python.program);
        service::remove_variables(&mut command);
        let output = command
            .args(["-c", SCRIPT, url, decision, &self.baggage().to_string()])
            .env("OTEL_PROPAGATORS", self.format.propagators)
            .kill_on_drop(true)
            .output();
        let output = output.await.context("cannot run Python")?;
        if !output.status.success() {
            let printed = String::from_utf8_lossy(&output.stderr);
            bail!("Python failed ({}):\n{printed}", output.status);
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn baggage(&self) -> Value {
        match self.format.baggage {
            Some(value) => json!({"tenant": value}),
            None => json!({}),
        }
    }

    fn compare(&self, seen: &Value, ours: &[SpanRecord]) -> Result<String> {
        let client = &seen["client"];
        let requests = seen["requests"].as_array().map_or(&[][..], Vec::as_slice);
        let [request] = requests else {
            bail!("the server got {} requests", requests.len());
        };
        let (caller, child) = (&request["caller"], &request["child"]);
        let is_sampled = self.is_sampled;
        for (what, span) in [("the server's caller", caller), ("its span", child)] {
            ensure!(
                span["trace_id"] == client["trace_id"],
                "{what} is in another trace"
            );
            ensure!(
                span["is_sampled"] == is_sampled,
                "{what} is not as sampled as expected ({is_sampled})"
            );
        }
        ensure!(
            request["baggage"] == self.baggage(),
            "there is other baggage"
        );
        self.compare_ours(client, caller, ours)?;
        let baggage = match self.format.baggage {
            Some(value) => format!(", baggage {value:?}"),
            None => String::new(),
        };
        let between = ours.len();
        Ok(format!("{between} spans in between{baggage}"))
    }

    /// Our service's two spans stand between the client's and the server's, or nowhere.
    fn compare_ours(&self, client: &Value, caller: &Value, ours: &[SpanRecord]) -> Result<()> {
        if !self.is_sampled {
            ensure!(ours.is_empty(), "spans were exported: {ours:?}");
            let is_ours = caller["span_id"] != client["span_id"];
            ensure!(is_ours, "the server's caller is not our service");
            return Ok(());
        }
        let of_kind = |kind| ours.iter().find(|span| span.kind == kind);
        let (server, call) = (of_kind(SpanKind::Server), of_kind(SpanKind::Client));
        let (2, Some(server), Some(call)) = (ours.len(), server, call) else {
            bail!("these are not our two spans: {ours:?}");
        };
        let parents = [server, call].map(|span| span.parent_span_id.map(|id| id.to_string()));
        ensure!(
            parents[0].as_deref() == client["span_id"].as_str() && server.parent_is_remote,
            "the parent of our server's span is not the client"
        );
        ensure!(
            parents[1] == Some(server.span_id.to_string()),
            "the parent of our call is not our server's span"
        );
        ensure!(
            caller["span_id"] == call.span_id.to_string(),
            "the server's caller is not our call"
        );
        let is_of_the_trace = |span: &SpanRecord| client["trace_id"] == span.trace_id.to_string();
        ensure!(
            is_of_the_trace(server) && is_of_the_trace(call),
            "our spans are in another trace"
        );
        Ok(())
    }
}
