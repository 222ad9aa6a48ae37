//! The carriers: HTTP headers directly, and OpenTelemetry's text maps.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};

/// The fields of our propagators.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    TraceParent,
    TraceState,
    Baggage,
}

static NAMES: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];

impl Field {
    fn name(self) -> &'static HeaderName {
        &NAMES[self as usize]
    }

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
}

/// What propagators write to.
pub(super) trait WriteCarrier {
    /// Sets a field, over all its values. A value that the carrier cannot hold is left out.
    fn set(&mut self, field: Field, value: &str);
    /// Removes a field, where the carrier can.
    fn remove(&mut self, field: Field);
}

/// HTTP headers, to read from.
///
/// Gone through once: that costs less than a hashed look-up a field, until there are dozens of headers.
pub(super) struct HeaderCarrier<'a> {
    headers: &'a HeaderMap,
    found: [Found<'a>; NAMES.len()],
}

#[derive(Clone, Copy)]
enum Found<'a> {
    Nothing,
    One(&'a HeaderValue),
    Several,
}

impl<'a> HeaderCarrier<'a> {
    pub(super) fn new(headers: &'a HeaderMap) -> Self {
        let mut found = [Found::Nothing; NAMES.len()];
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
        match self.found[field as usize] {
            Found::One(value) => Some(value.as_bytes()),
            Found::Nothing | Found::Several => None,
        }
    }

    #[inline]
    fn values(&self, field: Field) -> Option<impl Iterator<Item = &[u8]>> {
        if let Found::Nothing = self.found[field as usize] {
            return None;
        }
        let values = self.headers.get_all(field.name());
        Some(values.into_iter().map(HeaderValue::as_bytes))
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
        let mut values = self.values(field)?;
        values.next().filter(|_| values.next().is_none())
    }

    fn values(&self, field: Field) -> Option<impl Iterator<Item = &[u8]>> {
        let values = self.0.get_all(field.name().as_str())?;
        Some(values.into_iter().map(str::as_bytes))
    }
}

/// An OpenTelemetry text map, to write to.
pub(super) struct InjectorCarrier<'a>(pub(super) &'a mut dyn Injector);

impl WriteCarrier for InjectorCarrier<'_> {
    fn set(&mut self, field: Field, value: &str) {
        self.0.set(field.name().as_str(), value.to_owned());
    }

    fn remove(&mut self, _: Field) {}
}
