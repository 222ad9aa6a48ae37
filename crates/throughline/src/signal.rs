//! The signals that stop a service.

use std::time::Duration;

/// Completes when the process is asked to stop: SIGTERM, or Ctrl-C (SIGINT).
///
/// For `axum::serve(…).with_graceful_shutdown(throughline::shutdown_signal())`. Each call returns a future of its own,
/// and every one that has been polled sees the signal. See [`shutdown_deadline`] for the bound that a graceful stop
/// needs.
///
/// # Hazards
///
/// From the first poll on, neither signal ends the process by itself any more, the second Ctrl-C included. Before it,
/// they do, without a shutdown.
///
/// # Panics
///
/// When it is polled outside of a Tokio runtime with I/O.
pub async fn shutdown_signal() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            no_signal("Ctrl-C", &error).await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(error) => no_signal("SIGTERM", &error).await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

/// Completes `grace` after [`shutdown_signal`].
///
/// A graceful stop waits for every request in flight, and one open stream would make it wait for ever. Race the server
/// against this:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::future::IntoFuture;
/// use std::time::Duration;
///
/// let telemetry = throughline::init()?;
/// let runtime = tokio::runtime::Runtime::new()?;
/// runtime.block_on(async {
///     let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
///     let server = axum::serve(listener, axum::Router::new())
///         .with_graceful_shutdown(throughline::shutdown_signal());
///     tokio::select! {
///         served = server.into_future() => served,
///         () = throughline::shutdown_deadline(Duration::from_secs(10)) => Ok(()),
///     }
/// })?;
/// // Drops the requests that are still open, so that their spans end, as cancelled, and are delivered.
/// runtime.shutdown_timeout(Duration::from_secs(1));
/// telemetry.shutdown_blocking()?;
/// # Ok(())
/// # }
/// ```
///
/// The server alone does not drop them: each connection is a task of the runtime. Where the runtime outlives the
/// telemetry, as under `#[tokio::main]`, the spans of these requests are counted as open and are not exported.
///
/// # Panics
///
/// When it is polled outside of a Tokio runtime with I/O and timers.
pub async fn shutdown_deadline(grace: Duration) {
    shutdown_signal().await;
    tokio::time::sleep(grace).await;
}

/// A signal that cannot be listened for never comes.
async fn no_signal(name: &str, error: &std::io::Error) {
    tracing::warn!(target: "throughline", "cannot listen for {name}: {error}");
    std::future::pending::<()>().await;
}
