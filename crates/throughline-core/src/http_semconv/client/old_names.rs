//! The names before the conventions were stable:
//! <https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/>.

use opentelemetry::{KeyValue, Value};

use crate::http_semconv::{
    METHOD, METHOD_ORIGINAL, OTHER, PROTOCOL_VERSION, SERVER_PORT, URL_FULL, default_port,
};

/// What `attributes` of a client were called, with the values that they had then. Captured headers
/// [tell their own](crate::http_semconv::CapturedHeaders).
pub(super) fn old_names(attributes: &[KeyValue], scheme: Option<&str>) -> Vec<KeyValue> {
    let mut old: Vec<_> = (attributes.iter())
        .filter_map(|attribute| old_name(attribute, scheme))
        .collect();
    let is_http = |attribute: &KeyValue| attribute.key == PROTOCOL_VERSION;
    if attributes.iter().any(is_http) {
        old.push(KeyValue::new("net.protocol.name", "http"));
    }
    // The method was not bounded: as it was sent, it takes the place of `_OTHER`.
    if attributes
        .iter()
        .any(|attribute| attribute.key == METHOD_ORIGINAL)
    {
        old.retain(|attribute| {
            attribute.key.as_str() != "http.method" || attribute.value.as_str() != OTHER
        });
    }
    old
}

fn old_name(attribute: &KeyValue, scheme: Option<&str>) -> Option<KeyValue> {
    let KeyValue { key, value, .. } = attribute;
    let name = match key.as_str() {
        _ if *key == METHOD || *key == METHOD_ORIGINAL => "http.method",
        _ if *key == URL_FULL => "http.url",
        _ if *key == SERVER_PORT && is_default(value, scheme) => return None,
        _ if *key == PROTOCOL_VERSION => {
            return Some(KeyValue::new("net.protocol.version", old_version(value)));
        }
        "server.port" => "net.peer.port",
        "server.address" => "net.peer.name",
        "http.response.status_code" => "http.status_code",
        "http.request.resend_count" => "http.resend_count",
        "http.request.body.size" => "http.request_content_length",
        "http.response.body.size" => "http.response_content_length",
        "network.peer.address" => "net.sock.peer.addr",
        "network.peer.port" => "net.sock.peer.port",
        _ => return None,
    };
    Some(KeyValue::new(name, value.clone()))
}

/// The port was recorded where it was not that of the scheme.
fn is_default(port: &Value, scheme: Option<&str>) -> bool {
    let default = scheme.and_then(default_port).map(i64::from);
    matches!(port, Value::I64(port) if Some(*port) == default)
}

fn old_version(version: &Value) -> Value {
    match version.as_str().as_ref() {
        "2" => "2.0".into(),
        "3" => "3.0".into(),
        _ => version.clone(),
    }
}
