//! `url.template`.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::StringValue;

/// In the extensions of a request: the template of its URL's path, such as `/users/{id}`.
///
/// It becomes `url.template` on span and metric, and the span's name: `GET /users/{id}`. A client cannot know it, only
/// the application can. It **must** be of low cardinality: what changes from request to request (ids, dates, search
/// words) has a placeholder. Nothing bounds how many there are, and each is a time series of the metric.
///
/// ```
/// use throughline_core::http_semconv::UrlTemplate;
///
/// let request = http::Request::get("http://users.internal/users/7")
///     .extension(UrlTemplate::new("/users/{id}"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate(StringValue);

impl UrlTemplate {
    /// The template of an absolute path: `/users/{id}`, `/users/:id`, `/users?id={id}`. An empty one is none.
    #[must_use]
    pub fn new(template: impl Into<Cow<'static, str>>) -> Self {
        Self(match template.into() {
            Cow::Borrowed(template) => template.into(),
            // Shared by the clones that span and metric need.
            Cow::Owned(template) => Arc::<str>::from(template).into(),
        })
    }

    /// The template, unless it is empty.
    pub(super) fn value(&self) -> Option<&StringValue> {
        Some(&self.0).filter(|template| !template.as_str().is_empty())
    }
}
