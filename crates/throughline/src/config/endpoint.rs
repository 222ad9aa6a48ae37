//! Where a collector is, and what is commonly mistaken there.

use throughline_core::http::Uri;
use throughline_otlp::otlp::{OtlpConfig, Protocol};

use super::env::Env;
use super::otlp::Setting;
use super::signal::{LOGS, METRICS, Signal, TRACES};

const HTTP: &str = "http://localhost:4318";
const GRPC: &str = "http://localhost:4317";

/// The default without a path, and an example of what an endpoint is.
pub(super) fn default(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => GRPC,
        _ => HTTP,
    }
}

/// The endpoint as it was written; one of gRPC without a scheme gets it from `…_INSECURE`, which is "false" by default
/// (specification, OTLP exporter, "Insecure").
pub(super) fn with_scheme(
    env: &Env<'_>,
    signal: &Signal,
    protocol: Protocol,
    setting: Option<&Setting>,
) -> Option<String> {
    let insecure = env.first(signal.insecure);
    let is_insecure = (insecure.as_ref()).is_some_and(|(variable, _)| env.boolean(variable));
    let (variable, written) = setting?;
    if protocol == Protocol::Grpc && !written.contains("://") {
        let scheme = if is_insecure { "http" } else { "https" };
        let endpoint = format!("{scheme}://{written}");
        if insecure.is_none() {
            doubt_scheme(env, variable, &endpoint);
        }
        return Some(endpoint);
    }
    if let Some((variable, value)) = insecure.filter(|_| is_insecure)
        && is_https(written)
    {
        let problem = "is for a gRPC endpoint without a scheme, and this one has https://";
        env.warn(variable, &value, problem, "TLS");
    }
    Some(written.clone())
}

fn doubt_scheme(env: &Env<'_>, variable: &str, endpoint: &str) {
    let shown = OtlpConfig::new(endpoint).shown_endpoint();
    let written = without_scheme(&shown);
    let problem =
        format!("has no scheme, so TLS is spoken: write http://{written} for none, or {shown}");
    env.doubt(variable, written, &problem);
}

pub(super) fn without_scheme(endpoint: &str) -> &str {
    endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest)
}

/// Whether an endpoint is for TLS.
pub(super) fn is_https(endpoint: &str) -> bool {
    let scheme = endpoint.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// The URL of `path` below `base`; a query stays behind the path.
pub(super) fn below(base: &str, path: &str) -> String {
    let (base, query) = base.split_at(base.find(['?', '#']).unwrap_or(base.len()));
    let base = base.strip_suffix('/').unwrap_or(base);
    format!("{base}/{path}{query}")
}

/// Warns of the other protocol's port.
pub(super) fn doubt_port(env: &Env<'_>, signal: &Signal, config: &OtlpConfig, variable: &str) {
    let uri: Option<Uri> = config.endpoint.parse().ok();
    let port = uri.and_then(|uri| uri.port_u16());
    let protocol = config.protocol;
    let (right, other) = match (protocol, port) {
        (Protocol::HttpProtobuf, Some(4317)) => (4318, Protocol::Grpc),
        (Protocol::Grpc, Some(4318)) => (4317, Protocol::HttpProtobuf),
        _ => return,
    };
    let setting = env.first(signal.protocol).map(|(variable, _)| variable);
    let setting = setting.unwrap_or("OTEL_EXPORTER_OTLP_PROTOCOL");
    let problem = format!(
        "has the port of {other}, and {protocol} is spoken: take port {right}, or set {setting}={other}"
    );
    env.doubt(variable, &config.shown_endpoint(), &problem);
}

/// Warns of a path that will be there twice.
pub(super) fn doubt_path(env: &Env<'_>, config: &OtlpConfig, variable: &str) {
    let shown = config.shown_endpoint();
    let end = shown.trim_end_matches('/');
    let paths = [&TRACES, &METRICS, &LOGS].map(|signal| signal.path);
    if let Some(path) = (paths.iter()).find(|path| end.ends_with(&format!("/{path}"))) {
        let twice = below(&shown, path);
        let problem = format!(
            "has a path of one signal, which all get after it, as in {twice}: leave /{path} out"
        );
        env.doubt(variable, &shown, &problem);
    }
}
