//! From a configuration to everything installed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::global;
use opentelemetry_sdk::trace::SpanData;
use throughline_core::propagation::Propagators;
use throughline_core::{Installation, MeterSource, TracerSource};

use crate::config::Config;
use crate::error::InitError;
use crate::layers::Layers;
use crate::resource::Detector;
use crate::signals::Signals;
use crate::subscriber;
use crate::telemetry::Telemetry;

/// Sets up spans, metrics, logs and propagation by the environment's standard `OTEL_*` variables and `RUST_LOG`.
///
/// Call it once, first thing in `main`, inside a runtime or not, and keep what it returns until the end: dropping it
/// shuts telemetry down. Everything it reads, with defaults, is in [`Config`]. What was wrong with the environment and
/// has a default is logged as a warning.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let telemetry = throughline::init()?;
/// // … the application …
/// println!("{}", telemetry.shutdown_blocking()?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`InitError`]. Nothing is set up then, and it may be called again, but for [`InitError::AlreadyInitialized`].
pub fn init() -> Result<Telemetry, InitError> {
    builder().init()
}

/// [`init`], with changes by code.
///
/// ```no_run
/// # fn main() -> Result<(), throughline::InitError> {
/// let telemetry = throughline::builder()
///     .service_name("orders")
///     .configure(|config| config.shutdown_timeout = std::time::Duration::from_secs(2))
///     .init()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn builder() -> Builder {
    Builder {
        service_name: None,
        service_version: None,
        detectors: None,
        changes: Vec::new(),
        redact: None,
    }
}

type Change = Box<dyn FnOnce(&mut Config)>;

/// What changes each span before it goes out.
pub(crate) type Redact = Arc<dyn Fn(&mut SpanData) + Send + Sync>;

/// Changes to the configuration of the environment; made by [`builder`].
///
/// It begins with the environment. For a configuration without it, pass variables of your own to
/// [`Config::from_variables`] and call [`Config::init`].
pub struct Builder {
    service_name: Option<String>,
    service_version: Option<String>,
    detectors: Option<Vec<Detector>>,
    changes: Vec<Change>,
    redact: Option<Redact>,
}

impl Builder {
    /// The service's name where the environment gives none. Default: `unknown_service:` and the executable's name.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// `service.version` where `OTEL_RESOURCE_ATTRIBUTES` gives none. Default: none, since a library cannot know it of the
    /// application; pass `env!("CARGO_PKG_VERSION")`, which is that of the crate it stands in.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), throughline::InitError> {
    /// let telemetry = throughline::builder()
    ///     .service_name("orders")
    ///     .service_version(env!("CARGO_PKG_VERSION"))
    ///     .init()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.service_version = Some(version.into());
        self
    }

    /// What finds the attributes of the resource that are not given, whatever the environment says. Default: what
    /// `OTEL_RUST_RESOURCE_DETECTORS` says, else [`Detector::DEFAULT`]. With none of them, `service.name`,
    /// `telemetry.*` and what is given remain.
    ///
    /// ```no_run
    /// use throughline::Detector;
    ///
    /// # fn main() -> Result<(), throughline::InitError> {
    /// let telemetry = throughline::builder()
    ///     .resource_detectors([Detector::Service, Detector::Kubernetes])
    ///     .init()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn resource_detectors(mut self, detectors: impl IntoIterator<Item = Detector>) -> Self {
        self.detectors = Some(detectors.into_iter().collect());
        self
    }

    /// Whether the same query again and again under one span (N+1) is found and said, whatever the environment says: by an
    /// event on the span, a metric, and a warning that names the query. Default: what `OTEL_RUST_N_PLUS_ONE` says, else false.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), throughline::InitError> {
    /// let telemetry = throughline::builder().find_n_plus_one(true).init()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn find_n_plus_one(self, find: bool) -> Self {
        self.configure(move |config| config.find_n_plus_one = find)
    }

    /// Changes the configuration after the environment was read: what is set here wins. Of several changes, the last.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config) + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Changes each sampled span before it is exported, on the thread that ends it: for values that must not leave the
    /// process. Default: nothing is changed.
    ///
    /// A span whose redaction panics is dropped and counted. Log records are not spans: do not log what is secret.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), throughline::InitError> {
    /// let telemetry = throughline::builder()
    ///     .redact(|span| span.attributes.retain(|attribute| attribute.key.as_str() != "user.email"))
    ///     .init()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn redact(mut self, redact: impl Fn(&mut SpanData) + Send + Sync + 'static) -> Self {
        self.redact = Some(Arc::new(redact));
        self
    }

    /// Reads the environment, makes the changes, sets everything up.
    ///
    /// # Errors
    ///
    /// As [`init`]. A variable that cannot be followed is an error even where a change would replace what it says.
    pub fn init(self) -> Result<Telemetry, InitError> {
        let (telemetry, ()) = self.init_with(|layers| subscriber::install(&layers))?;
        Ok(telemetry)
    }

    /// The same without a `tracing` subscriber: for applications that build their own, with these layers in it. Records of
    /// the `log` crate are the application's, too, and what is wrong with the environment goes to standard error.
    ///
    /// ```no_run
    /// use throughline::tracing_subscriber::layer::SubscriberExt;
    /// use throughline::tracing_subscriber::util::SubscriberInitExt;
    /// use throughline::tracing_subscriber::{layer, registry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (telemetry, layers) = throughline::builder().init_layers()?;
    /// registry()
    ///     .with(layers.spans())
    ///     .with(layers.logs())
    ///     // And one of your own.
    ///     .with(layer::Identity::new())
    ///     .init();
    /// # drop(telemetry);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init), but for [`InitError::SubscriberInstalled`].
    pub fn init_layers(self) -> Result<(Telemetry, Layers), InitError> {
        self.init_with(Ok)
    }

    fn init_with<R>(
        self,
        install: impl FnOnce(Layers) -> Result<R, InitError>,
    ) -> Result<(Telemetry, R), InitError> {
        let mut config = Config::from_env()?;
        if config.service_name.is_none() {
            config.service_name = self.service_name;
        }
        let version = "service.version";
        let is_given = |(key, _): &(String, String)| key == version;
        if let Some(value) = self.service_version
            && !config.resource_attributes.iter().any(is_given)
        {
            config.resource_attributes.push((version.to_owned(), value));
        }
        if let Some(detectors) = self.detectors {
            config.resource_detectors = detectors;
        }
        for change in self.changes {
            change(&mut config);
        }
        config.init_with(self.redact.as_ref(), install)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("service_name", &self.service_name)
            .field("service_version", &self.service_version)
            .field("detectors", &self.detectors)
            .field("changes", &self.changes.len())
            .field("redacts", &self.redact.is_some())
            .finish()
    }
}

/// Whether this process is set up.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// Says what is wrong in any case: the log filter is the application's, and may be what is wrong.
fn warn(what: &dyn fmt::Display) {
    if tracing::enabled!(target: "throughline", tracing::Level::WARN) {
        tracing::warn!(target: "throughline", "{what}");
    } else {
        eprintln!("throughline: {what}");
    }
}

impl Config {
    /// Sets everything up as this configuration says, and logs its [`warnings`](Self::warnings) and, in one line at level
    /// info, what is set up.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), throughline::InitError> {
    /// let config = throughline::Config::from_env()?;
    /// println!("{config}");
    /// let telemetry = config.init()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`init`].
    pub fn init(self) -> Result<Telemetry, InitError> {
        let (telemetry, ()) = self.init_with(None, |layers| subscriber::install(&layers))?;
        Ok(telemetry)
    }

    fn init_with<R>(
        self,
        redact: Option<&Redact>,
        install: impl FnOnce(Layers) -> Result<R, InitError>,
    ) -> Result<(Telemetry, R), InitError> {
        if INITIALIZED.swap(true, Ordering::SeqCst) {
            return Err(InitError::AlreadyInitialized);
        }
        let telemetry = self
            .set_up(redact, install)
            .inspect_err(|_| INITIALIZED.store(false, Ordering::SeqCst))?;
        for warning in self.warnings.iter().chain(&self.without_a_name()) {
            warn(warning);
        }
        if let Some(versions) = option_env!("THROUGHLINE_OPENTELEMETRY_VERSIONS") {
            warn(&format_args!(
                "Cargo.lock has opentelemetry in the versions {versions}: spans, metrics and contexts of another one than \
                 throughline's are lost; find who needs it by `cargo tree --invert --package opentelemetry@VERSION`"
            ));
        }
        self.announce();
        Ok(telemetry)
    }

    fn set_up<R>(
        &self,
        redact: Option<&Redact>,
        install: impl FnOnce(Layers) -> Result<R, InitError>,
    ) -> Result<(Telemetry, R), InitError> {
        let signals = if self.disabled {
            Signals::default()
        } else {
            Signals::build(self, redact)?
        };
        let installed = install(Layers::new(self, &signals)?)?;
        // Meters first: instrumentations that find a tracer look no further.
        if let Some(meters) = &signals.meters {
            global::set_meter_provider(meters.clone());
            for pipeline in &signals.spans {
                pipeline.observe(meters);
            }
            for pipeline in &signals.logs {
                pipeline.observe(meters);
            }
        }
        if let Some(tracers) = &signals.tracers {
            global::set_tracer_provider(tracers.clone());
        }
        let propagators = Propagators::new(self.propagators.iter().copied());
        global::set_text_map_propagator(propagators.clone());
        let mut installation = Installation::default();
        installation.propagators = propagators;
        installation.http = Arc::new(self.http.clone());
        installation.database = Arc::new(self.database.clone());
        installation.tracers = (signals.tracers.clone())
            .map(|tracers| TracerSource::new(tracers).with_sampler_hint(self.sampler.hint()));
        installation.meters = (signals.meters.clone())
            .map(|meters| MeterSource::new(meters).with_bound_instruments());
        throughline_core::install(installation);
        let telemetry = Telemetry::new(signals, self.shutdown_timeout);
        Ok((telemetry, installed))
    }
}
