//! A collector that counts spans and forgets them.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use clap::Parser;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use throughline_bench::{bind_to, cpu_nanos};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Accepts traces over OTLP, by HTTP and gRPC, and prints the two ports. On standard input, `spans` is answered by the
/// number of spans so far, and `cpu` by the nanoseconds of processor time; its end ends the program.
#[derive(Parser)]
struct Arguments {
    /// The processor that the program is bound to.
    #[arg(long)]
    cpu: Option<usize>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    bind_to(Arguments::parse().cpu)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(collect())
}

async fn collect() -> Result<(), Box<dyn std::error::Error>> {
    let spans = Spans::default();
    let http = TcpListener::bind("127.0.0.1:0").await?;
    let grpc = TcpListener::bind("127.0.0.1:0").await?;
    println!(
        "{} {}",
        http.local_addr()?.port(),
        grpc.local_addr()?.port()
    );
    io::stdout().flush()?;
    let end = answer(spans.clone());
    let router = Router::new()
        .route("/v1/traces", post(export))
        // A batch is as large as the exporter likes.
        .layer(DefaultBodyLimit::disable())
        .with_state(spans.clone());
    let service = TraceServiceServer::new(spans).max_decoding_message_size(usize::MAX);
    let server = Server::builder().add_service(service);
    // Else the parts of an answer wait for each other's acknowledgement, for 40 ms now and then.
    let grpc = TcpIncoming::from(grpc).with_nodelay(Some(true));
    tokio::select! {
        served = axum::serve(http, router) => Ok(served?),
        served = server.serve_with_incoming(grpc) => Ok(served?),
        _ = end => Ok(()),
    }
}

/// Answers standard input, on a thread of its own, until its end.
fn answer(spans: Spans) -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            match line.as_deref() {
                Ok("cpu") => println!("{}", cpu_nanos()),
                _ => println!("{}", spans.0.load(Ordering::Relaxed)),
            }
            io::stdout().flush().ok();
        }
        ended.send(())
    });
    end
}

/// How many spans there were.
#[derive(Clone, Default)]
struct Spans(Arc<AtomicUsize>);

impl Spans {
    fn count(&self, request: &ExportTraceServiceRequest) {
        let scopes = request
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans);
        let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
        self.0.fetch_add(spans, Ordering::Relaxed);
    }
}

async fn export(State(spans): State<Spans>, body: Bytes) -> impl IntoResponse {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    spans.count(&request);
    let response = ExportTraceServiceResponse::default().encode_to_vec();
    Ok(([(header::CONTENT_TYPE, "application/x-protobuf")], response))
}

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.count(request.get_ref());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
