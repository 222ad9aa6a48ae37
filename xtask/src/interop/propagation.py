"""A client and a server with the official SDK, and between them a service that makes the call that it is told to make.

Arguments: the service's URL; what the client decides: sampled, unsampled or undecided; the baggage, as JSON. The propagators
are those of OTEL_PROPAGATORS. Prints what both sides saw, as JSON.
"""

import json
import os
import random
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import ProxyHandler, Request, build_opener

from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import IdGenerator, RandomIdGenerator, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

url, decision, entries = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])

# What carries the decision. No propagator of Python's leaves it out.
DECISIONS = {
    "b3": lambda value: value.rpartition("-")[0],
    "x-b3-sampled": None,
    "X-Amzn-Trace-Id": lambda value: value.rpartition(";")[0],
    "ot-tracer-sampled": None,
}


class ShortIds(IdGenerator):
    """Trace ids that the format of OpenTracing can carry whole: 64 bits, here with a leading zero. They are not marked as
    random: in version 0.66b1 the propagator takes a sampled trace with a random id for one that is not sampled."""

    def generate_span_id(self):
        return RandomIdGenerator().generate_span_id()

    def generate_trace_id(self):
        return random.randrange(1, 1 << 60)


def seen(span):
    context = span.get_span_context()
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
        "is_sampled": context.trace_flags.sampled,
    }


def tracer(sampler=None):
    ids = ShortIds() if os.environ["OTEL_PROPAGATORS"] == "ottrace" else None
    return TracerProvider(sampler=sampler, id_generator=ids).get_tracer("interop")


class Server(BaseHTTPRequestHandler):
    requests = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        context = propagate.extract(self.headers, Context())
        caller = trace.get_current_span(context)
        child = tracer().start_span("server", context)
        self.requests.append(
            {"caller": seen(caller), "child": seen(child), "baggage": dict(baggage.get_all(context))}
        )
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()

span = tracer(ALWAYS_OFF if decision == "unsampled" else ALWAYS_ON).start_span("client")
context = trace.set_span_in_context(span, Context())
for key, value in entries.items():
    context = baggage.set_baggage(key, value, context)
headers = {}
propagate.inject(headers, context)
if decision == "undecided":
    for name in DECISIONS.keys() & headers.keys():
        change = DECISIONS[name]
        value = headers.pop(name)
        if change:
            headers[name] = change(value)

call = [{"url": f"http://127.0.0.1:{server.server_port}/", "arguments": []}]
request = Request(url, json.dumps(call).encode(), {"Content-Type": "application/json", **headers})
with build_opener(ProxyHandler({})).open(request, timeout=20) as response:
    response.read()
server.shutdown()
print(json.dumps({"client": seen(span), "sent": headers, "requests": Server.requests}))
