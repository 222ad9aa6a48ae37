"""An OTLP receiver on Google's protobuf and gRPC, for gRPC and for HTTP with protobuf bodies, identity or gzip.

What it accepts goes on to another receiver, by HTTP. It refuses what the official schema does not know: the field would
be lost on every other receiver, too.

    receiver.py GRPC_PORT HTTP_PORT FORWARD_URL
"""

import gzip
import signal
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc

HOST = "127.0.0.1"
PROTOBUF = "application/x-protobuf"
# The path of each signal over HTTP: its request and its response.
SIGNALS = {
    "/v1/traces": (trace.ExportTraceServiceRequest, trace.ExportTraceServiceResponse),
    "/v1/metrics": (metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse),
    "/v1/logs": (logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse),
}


class Refused(Exception):
    """Why a request is not accepted."""


def accept(path, request, how):
    size = request.ByteSize()
    request.DiscardUnknownFields()
    if request.ByteSize() != size:
        raise Refused("the request has fields that the schema does not know")
    body = request.SerializeToString()
    forwarded = urllib.request.Request(forward_url + path, body, {"content-type": PROTOBUF})
    opener.open(forwarded, timeout=5).close()
    print(f"{how} {path}: {size} bytes", flush=True)


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            self.answer(200, self.accepted(body))
        except (Refused, DecodeError, OSError) as error:
            print(f"http {self.path}: {error}", flush=True)
            self.answer(400, str(error).encode())

    def accepted(self, body):
        if self.path not in SIGNALS:
            raise Refused("no such path")
        if self.headers["content-type"] != PROTOBUF:
            raise Refused(f"content-type {self.headers['content-type']}")
        encoding = self.headers["content-encoding"] or "identity"
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding != "identity":
            raise Refused(f"content-encoding {encoding}")
        request, response = SIGNALS[self.path]
        accept(self.path, request.FromString(body), "http")
        return response().SerializeToString()

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", PROTOBUF)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Grpc:
    """The service of one signal; each of them has only the method Export."""

    def __init__(self, path):
        self.path = path

    def Export(self, request, context):
        try:
            accept(self.path, request, "grpc")
        except (Refused, OSError) as error:
            print(f"grpc {self.path}: {error}", flush=True)
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return SIGNALS[self.path][1]()


grpc_port, http_port, forward_url = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
grpc_server = grpc.server(ThreadPoolExecutor(4))
trace_grpc.add_TraceServiceServicer_to_server(Grpc("/v1/traces"), grpc_server)
metrics_grpc.add_MetricsServiceServicer_to_server(Grpc("/v1/metrics"), grpc_server)
logs_grpc.add_LogsServiceServicer_to_server(Grpc("/v1/logs"), grpc_server)
grpc_server.add_insecure_port(f"{HOST}:{grpc_port}")
http_server = ThreadingHTTPServer((HOST, int(http_port)), Http)

stopped = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopped.set())
grpc_server.start()
threading.Thread(target=http_server.serve_forever, daemon=True).start()
stopped.wait()
grpc_server.stop(grace=2).wait()
http_server.shutdown()
