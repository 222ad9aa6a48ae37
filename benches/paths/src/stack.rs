//! What stands around the router: nothing, next to nothing, or throughline.

use std::io;

use clap::ValueEnum;
use throughline_core::{Installation, install};
use throughline_otlp::otlp::Protocol;
use throughline_tower::ServerLayer;
use tower::layer::util::Identity;

use crate::child::{Tracing, install_tracing};
use crate::request::{Observed, RequestOptions, router};
use crate::sdk;

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Stack {
    /// The router alone.
    Bare,
    /// A layer that does nothing.
    Noop,
    /// Our layer, as `throughline::init()` sets it up.
    Throughline,
    /// Our layer, switched off (`OTEL_SDK_DISABLED`).
    Disabled,
}

impl Stack {
    pub(crate) fn observe(self, options: &RequestOptions) -> io::Result<Observed> {
        let router = router(options);
        Ok(match self {
            Self::Bare => Observed::without_export(router),
            Self::Noop => Observed::without_export(router.layer(Identity::new())),
            Self::Disabled => {
                install(Installation::default());
                Observed::without_export(router.layer(ServerLayer::new()))
            }
            Self::Throughline => {
                let endpoint = options.export.as_deref();
                let collector = endpoint.map(|it| sdk::collector(it, Protocol::HttpProtobuf));
                let tracers = sdk::tracers(options.input, collector.as_ref())?;
                if options.work {
                    install_tracing(Tracing::Lean, &tracers);
                }
                let installation = sdk::installation(&tracers, options.input, options.metrics);
                install(installation);
                Observed::exported_by(router.layer(ServerLayer::new()), tracers)
            }
        })
    }
}
