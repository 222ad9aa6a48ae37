//! The signals that stop a service.

use std::time::Duration;

/// Completes when the process is asked to stop: SIGTERM, or Ctrl-C (SIGINT).
///
/// For `axum::serve(…).with_graceful_shutdown(throughline::shutdown_signal())`. Each call returns a future of its own;
/// all of them see the signal. Must be awaited in a Tokio runtime. See [`shutdown_deadline`] for the bound that a
/// graceful stop needs.
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
/// # async fn serve(listener: tokio::net::TcpListener, app: axum::Router) -> std::io::Result<()> {
/// use std::future::IntoFuture;
/// use std::time::Duration;
///
/// let server = axum::serve(listener, app)
///     .with_graceful_shutdown(throughline::shutdown_signal());
/// tokio::select! {
///     served = server.into_future() => served,
///     () = throughline::shutdown_deadline(Duration::from_secs(10)) => Ok(()),
/// }
/// # }
/// ```
///
/// What is still open then is dropped with the server, and its spans end as cancelled.
pub async fn shutdown_deadline(grace: Duration) {
    shutdown_signal().await;
    tokio::time::sleep(grace).await;
}

/// A signal that cannot be listened for never comes.
async fn no_signal(name: &str, error: &std::io::Error) {
    tracing::warn!(target: "throughline", "cannot listen for {name}: {error}");
    std::future::pending::<()>().await;
}
