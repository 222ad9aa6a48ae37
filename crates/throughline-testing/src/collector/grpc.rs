//! OTLP over gRPC.

use std::sync::Arc;

use axum::Router;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};

use super::intercept::BODY_LIMIT;
use super::signal::Signal;
use super::store::Store;

pub(super) fn router(store: Arc<Store>) -> Router {
    let traces = TraceServiceServer::from_arc(Arc::new(Service(Arc::clone(&store))));
    let metrics = MetricsServiceServer::from_arc(Arc::new(Service(Arc::clone(&store))));
    let logs = LogsServiceServer::from_arc(Arc::new(Service(store)));
    // The limit holds for a message before and after it is decompressed.
    Routes::new(
        traces
            .max_decoding_message_size(BODY_LIMIT)
            .accept_compressed(CompressionEncoding::Gzip),
    )
    .add_service(
        metrics
            .max_decoding_message_size(BODY_LIMIT)
            .accept_compressed(CompressionEncoding::Gzip),
    )
    .add_service(
        logs.max_decoding_message_size(BODY_LIMIT)
            .accept_compressed(CompressionEncoding::Gzip),
    )
    .into_axum_router()
}

#[derive(Debug)]
struct Service(Arc<Store>);

impl Service {
    fn accept<S: Signal>(&self, request: Request<S>) -> Result<Response<S::Response>, Status> {
        let behavior = request.extensions().get().copied().unwrap_or_default();
        let response = self.0.accept(request.into_inner(), behavior);
        Ok(Response::new(response))
    }
}

#[async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.accept(request)
    }
}

#[async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.accept(request)
    }
}

#[async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.accept(request)
    }
}
