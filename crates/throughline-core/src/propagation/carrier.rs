//! The carriers: HTTP headers directly, and OpenTelemetry's text maps.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};

/// The fields of our propagators, those of the default first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    TraceParent,
    TraceState,
    Baggage,
    B3,
    B3TraceId,
    B3SpanId,
    B3Sampled,
    B3Flags,
    B3ParentSpanId,
    Jaeger,
    XRay,
    OtTraceId,
    OtSpanId,
    OtSampled,
}

/// How many of them are looked for in all headers at once.
const SCANNED: usize = 3;

static NAMES: [HeaderName; 14] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("b3"),
    HeaderName::from_static("x-b3-traceid"),
    HeaderName::from_static("x-b3-spanid"),
    HeaderName::from_static("x-b3-sampled"),
    HeaderName::from_static("x-b3-flags"),
    HeaderName::from_static("x-b3-parentspanid"),
    HeaderName::from_static("uber-trace-id"),
    HeaderName::from_static("x-amzn-trace-id"),
    HeaderName::from_static("ot-tracer-traceid"),
    HeaderName::from_static("ot-tracer-spanid"),
    HeaderName::from_static("ot-tracer-sampled"),
];

impl Field {
    pub(super) fn name(self) -> &'static HeaderName {
        &NAMES[self as usize]
    }

    /// The scanned field of this name.
    fn of(name: &str) -> Option<Self> {
        match name {
            "traceparent" => Some(Self::TraceParent),
            "tracestate" => Some(Self::TraceState),
            "baggage" => Some(Self::Baggage),
            _ => None,
        }
    }
}

/// What propagators read from.
pub(super) trait ReadCarrier {
    /// The value of a field that is there exactly once.
    fn only(&self, field: Field) -> Option<&[u8]>;
    /// All the values of a field, in order; none where it is absent.
    fn values(&self, field: Field) -> Option<impl Iterator<Item = &[u8]>>;
    /// The fields whose names begin with `prefix`: the rest of the name, and the first value.
    fn prefixed(&self, prefix: &str) -> impl Iterator<Item = (&str, &[u8])>;

    /// The first value of a field.
    fn first(&self, field: Field) -> Option<&[u8]> {
        self.values(field)?.next()
    }
}

/// What propagators write to.
pub(super) trait WriteCarrier {
    /// Sets a field, over all its values. A value that the carrier cannot hold is left out.
    fn set(&mut self, field: Field, value: &str);
    /// The same for a field whose name is `prefix` and `key`, where that is a name.
    fn set_prefixed(&mut self, prefix: &str, key: &str, value: &str);
    /// Removes a field, where the carrier can.
    fn remove(&mut self, field: Field);
}

/// HTTP headers, to read from.
///
/// Gone through once for the fields of the default: that costs less than a hashed look-up a field, until there are dozens of
/// headers. The others are looked up, so that they cost those nothing who do not use them.
pub(super) struct HeaderCarrier<'a> {
    headers: &'a HeaderMap,
    found: [Found<'a>; SCANNED],
}

#[derive(Clone, Copy)]
enum Found<'a> {
    Nothing,
    One(&'a HeaderValue),
    Several,
}

impl<'a> HeaderCarrier<'a> {
    pub(super) fn new(headers: &'a HeaderMap) -> Self {
        let mut found = [Found::Nothing; SCANNED];
        for (name, value) in headers {
            if let Some(field) = Field::of(name.as_str()) {
                let found = &mut found[field as usize];
                *found = match found {
                    Found::Nothing => Found::One(value),
                    _ => Found::Several,
                };
            }
        }
        Self { headers, found }
    }
}

impl ReadCarrier for HeaderCarrier<'_> {
    #[inline]
    fn only(&self, field: Field) -> Option<&[u8]> {
        match self.found.get(field as usize) {
            Some(Found::One(value)) => Some(value.as_bytes()),
            Some(Found::Nothing | Found::Several) => None,
            None => only_one(self.values(field)?),
        }
    }

    #[inline]
    fn values(&self, field: Field) -> Option<impl Iterator<Item = &[u8]>> {
        match self.found.get(field as usize) {
            Some(Found::Nothing) => return None,
            None if !self.headers.contains_key(field.name()) => return None,
            _ => {}
        }
        let values = self.headers.get_all(field.name());
        Some(values.into_iter().map(HeaderValue::as_bytes))
    }

    fn prefixed(&self, prefix: &str) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.keys().filter_map(move |name| {
            let rest = name.as_str().strip_prefix(prefix)?;
            Some((rest, self.headers.get(name)?.as_bytes()))
        })
    }
}

fn only_one<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    values.next().filter(|_| values.next().is_none())
}

/// Removes the headers whose names begin with `prefix`.
pub(super) fn remove_prefixed(headers: &mut HeaderMap, prefix: &str) {
    let names = (headers.keys()).filter(|name| name.as_str().starts_with(prefix));
    for name in names.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// HTTP headers, for a foreign propagator to read from.
pub(super) struct HeaderExtractor<'a>(pub(super) &'a HeaderMap);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values = self.0.get_all(key).iter().filter_map(|v| v.to_str().ok());
        Some(values.collect::<Vec<_>>()).filter(|values| !values.is_empty())
    }
}

impl WriteCarrier for HeaderMap {
    fn set(&mut self, field: Field, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.insert(field.name(), value);
        }
    }

    fn set_prefixed(&mut self, prefix: &str, key: &str, value: &str) {
        let name = HeaderName::try_from(format!("{prefix}{key}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            self.insert(name, value);
        }
    }

    fn remove(&mut self, field: Field) {
        HeaderMap::remove(self, field.name());
    }
}

/// HTTP headers, for a foreign propagator to write to.
pub(super) struct HeaderInjector<'a>(pub(super) &'a mut HeaderMap);

impl Injector for HeaderInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// An OpenTelemetry text map, to read from.
pub(super) struct ExtractorCarrier<'a>(pub(super) &'a dyn Extractor);

impl ReadCarrier for ExtractorCarrier<'_> {
    fn only(&self, field: Field) -> Option<&[u8]> {
        only_one(self.values(field)?)
    }

    fn values(&self, field: Field) -> Option<impl Iterator<Item = &[u8]>> {
        let values = self.0.get_all(field.name().as_str())?;
        Some(values.into_iter().map(str::as_bytes))
    }

    fn prefixed(&self, prefix: &str) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.keys().into_iter().filter_map(move |name| {
            let (start, rest) = name.split_at_checked(prefix.len())?;
            let value = (start.eq_ignore_ascii_case(prefix)).then(|| self.0.get(name))??;
            Some((rest, value.as_bytes()))
        })
    }
}

/// An OpenTelemetry text map, to write to.
pub(super) struct InjectorCarrier<'a>(pub(super) &'a mut dyn Injector);

impl WriteCarrier for InjectorCarrier<'_> {
    fn set(&mut self, field: Field, value: &str) {
        self.0.set(field.name().as_str(), value.to_owned());
    }

    fn set_prefixed(&mut self, prefix: &str, key: &str, value: &str) {
        let name = format!("{prefix}{key}");
        if HeaderName::try_from(name.as_str()).is_ok() {
            self.0.set(&name, value.to_owned());
        }
    }

    fn remove(&mut self, _: Field) {}
}
