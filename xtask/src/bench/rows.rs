//! What is compared.

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What is done.
    pub(crate) what: &'static str,
    /// What does it.
    pub(crate) by: &'static str,
    /// The words of its path.
    pub(crate) words: String,
    /// Where it records less than the others, or other things.
    pub(crate) remark: &'static str,
}

/// Rows that are compared with each other.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The path over which the rows' instructions and allocations are given, in a row of its own.
    pub(crate) bare: Row,
    /// The path whose time is the unit of the rows' times.
    pub(crate) unit: String,
    pub(crate) rows: Vec<Row>,
    /// Whether instructions and allocations are counted: not where several threads share the work.
    pub(crate) is_counted: bool,
    /// Whether all spans are exported before the next ones are made.
    pub(crate) flushes: bool,
}

/// What stands around the router.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    pub(crate) by: &'static str,
    pub(crate) words: &'static str,
    has_metrics: bool,
    /// Whether it takes part in the comparison of export over the wire.
    pub(crate) exports: bool,
    remark: &'static str,
}

impl Stack {
    const fn new(by: &'static str, words: &'static str, remark: &'static str) -> Self {
        Self {
            by,
            words,
            has_metrics: false,
            exports: true,
            remark,
        }
    }
}

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        exports: false,
        ..Stack::new("a layer that does nothing", "request noop", "")
    },
    Stack {
        has_metrics: true,
        ..Stack::new("**throughline**", "request throughline", "9 attributes")
    },
    Stack::new(
        "axum-tracing-opentelemetry",
        "peer-request axum-tracing-opentelemetry",
        "10 attributes, an empty `url.scheme`, 8 on code and threads; `traceparent` in the response",
    ),
    Stack {
        has_metrics: true,
        ..Stack::new(
            "opentelemetry-instrumentation-tower",
            "peer-request opentelemetry-instrumentation-tower",
            "6 attributes, an empty `url.scheme`; no server address, no protocol version",
        )
    },
    Stack {
        has_metrics: true,
        ..Stack::new(
            "tower-otel",
            "peer-request tower-otel",
            "15 attributes, each header among them, 6 on code and threads; no scheme",
        )
    },
    Stack::new(
        "axum-otel",
        "peer-request axum-otel",
        "9 attributes, an event, 8 on code and threads; no scheme; status Ok, on 500 too",
    ),
    Stack::new(
        "tower-http `TraceLayer`",
        "peer-request trace-layer",
        "ignores `traceparent`; INTERNAL, 3 attributes, 3 events, 8 on code and threads; no status code, no route",
    ),
    Stack {
        exports: false,
        ..Stack::new(
            "fastrace-axum",
            "peer-request fastrace-axum",
            "INTERNAL, 4 attributes as strings; no status on 500; no sampler",
        )
    },
    Stack {
        exports: false,
        ..Stack::new("the floor, by hand", "peer-request floor", "9 attributes")
    },
];

const INPUTS: &[(&str, &str)] = &[
    ("request, sampled parent", "sampled"),
    ("request, unsampled parent", "unsampled"),
    ("request, no parent, `always_off`", "always-off"),
    ("request, no parent, `always_on`", "always-on"),
];

/// All groups. `server` is where a client calls, `collector` the sink's endpoints over HTTP and gRPC.
pub(crate) fn groups(server: &str, collector: (&str, &str)) -> Vec<Group> {
    let mut groups = Vec::new();
    for (what, input) in INPUTS {
        groups.push(requests(what, input));
    }
    groups.extend([work(), children(), lines()]);
    groups.extend(STATEMENTS.iter().map(|(what, word)| statements(what, word)));
    groups.extend(["sampled", "unsampled"].map(|input| calls(input, server)));
    groups.extend(["sampled", "unsampled"].map(queries));
    groups.push(queries_0_8());
    groups.push(exports(collector));
    groups.extend([open(), attributes(), held(), threads()]);
    groups
}

fn row(what: &'static str, by: &'static str, words: impl Into<String>) -> Row {
    Row {
        what,
        by,
        words: words.into(),
        remark: "",
    }
}

const NOTHING: &str = "nothing";
const REQUEST: &str = "request bare sampled";

fn group(bare: Row, rows: Vec<Row>) -> Group {
    Group {
        unit: bare.words.clone(),
        bare,
        rows,
        is_counted: true,
        flushes: false,
    }
}

fn requests(what: &'static str, input: &str) -> Group {
    let mut rows = Vec::new();
    for stack in STACKS {
        let words = format!("{} {input}", stack.words);
        rows.push(Row {
            remark: stack.remark,
            ..row(what, stack.by, &words)
        });
        if stack.has_metrics {
            rows.push(Row {
                remark: "with metrics",
                ..row(what, stack.by, words + " --metrics")
            });
        }
    }
    rows.push(Row {
        remark: "`OTEL_SDK_DISABLED`",
        ..row(what, "**throughline**", format!("request disabled {input}"))
    });
    group(row(what, NOTHING, format!("request bare {input}")), rows)
}

fn work() -> Group {
    let what = "request with three `#[instrument]` spans and an event, sampled parent";
    let rows = vec![
        row(
            what,
            "**throughline**",
            "request throughline sampled --work",
        ),
        row(
            what,
            "axum-tracing-opentelemetry",
            "peer-request axum-tracing-opentelemetry sampled --work",
        ),
    ];
    group(row(what, NOTHING, "request bare sampled --work"), rows)
}

fn children() -> Group {
    let mut rows = Vec::new();
    const BY: &[(&str, &str)] = &[
        ("**throughline-core**", "throughline"),
        ("the OpenTelemetry API", "api"),
        ("`#[instrument]`, under `throughline::init()`", "instrument"),
        (
            "`#[instrument]`, under tracing-opentelemetry's defaults",
            "instrument-default",
        ),
    ];
    for (what, input) in [
        ("child span, 2 attributes, sampled", "sampled"),
        ("child span, 2 attributes, unsampled", "unsampled"),
    ] {
        rows.extend(
            BY.iter()
                .map(|(by, word)| row(what, by, format!("child {word} {input}"))),
        );
    }
    rows.push(row(
        "child span, 2 fields",
        "`#[instrument]`, under tracing-subscriber's registry alone",
        "child instrument-registry sampled",
    ));
    let what = "child span with an event, 2 attributes each, sampled";
    rows.extend(
        BY[1..]
            .iter()
            .map(|(by, word)| row(what, by, format!("child {word} sampled --event"))),
    );
    Group {
        unit: REQUEST.to_owned(),
        ..group(row("child span", NOTHING, "child bare sampled"), rows)
    }
}

fn lines() -> Group {
    let rows = vec![
        row(
            "JSON log line, 2 fields, with ids",
            "**throughline-log**",
            "line throughline-json",
        ),
        row(
            "JSON log line, 2 fields, without ids",
            "tracing-subscriber `fmt().json()`",
            "line fmt-json",
        ),
        row(
            "text log line, 2 fields, with ids",
            "**throughline-log**",
            "line throughline-text",
        ),
        row(
            "text log line, 2 fields, without ids",
            "tracing-subscriber `fmt()`",
            "line fmt-text",
        ),
    ];
    Group {
        unit: REQUEST.to_owned(),
        ..group(row("log line", NOTHING, "line bare"), rows)
    }
}

const STATEMENTS: &[(&str, &str)] = &[
    ("sql, one row by its key, 40 bytes", "row"),
    ("sql, two joins, 240 bytes", "join"),
    ("sql, a list of literals, 1 KiB", "list"),
    ("sql, 1 KiB", "kib1"),
    ("sql, 32 KiB", "kib32"),
];

fn statements(what: &'static str, word: &str) -> Group {
    let peer = format!("peer-sql {word}");
    let rows = vec![
        Row {
            remark: "text and summary",
            ..row(
                what,
                "**throughline-core**",
                format!("sql throughline {word}"),
            )
        },
        Row {
            remark: "text and summary, a statement that comes again",
            ..row(
                what,
                "**throughline-core**",
                format!("sql throughline-cached {word}"),
            )
        },
        Row {
            remark: "text alone",
            ..row(what, "sql_lexer", &peer)
        },
    ];
    Group {
        unit: peer,
        ..group(row(what, NOTHING, format!("sql bare {word}")), rows)
    }
}

fn calls(input: &str, server: &str) -> Group {
    let what = match input {
        "sampled" => "reqwest call over loopback, sampled",
        _ => "reqwest call over loopback, unsampled",
    };
    let rows = vec![
        row(
            what,
            "reqwest-middleware alone",
            format!("call noop {input} {server}"),
        ),
        row(
            what,
            "**throughline-reqwest**",
            format!("call throughline {input} {server}"),
        ),
        Row {
            remark: "with metrics",
            ..row(
                what,
                "**throughline-reqwest**",
                format!("call throughline {input} {server} --metrics"),
            )
        },
        Row {
            remark: "OpenTelemetry 0.32, the newest that it knows",
            ..row(
                what,
                "reqwest-tracing",
                format!("peer-call reqwest-tracing {input} {server}"),
            )
        },
    ];
    group(
        row(what, NOTHING, format!("call bare {input} {server}")),
        rows,
    )
}

fn queries(input: &str) -> Group {
    let what = match input {
        "sampled" => "query of a row, SQLite in memory, sampled",
        _ => "query of a row, SQLite in memory, unsampled",
    };
    let of = |by: &'static str, words: &str, remark: &'static str| Row {
        remark,
        ..row(what, by, words.replace("INPUT", input))
    };
    let rows = vec![
        of("**throughline-sqlx**", "query throughline INPUT", ""),
        of(
            "**throughline-sqlx**",
            "query throughline INPUT --metrics",
            "with metrics",
        ),
        of(
            "**throughline-sqlx**",
            "query disabled INPUT",
            "`OTEL_SDK_DISABLED`",
        ),
        of(
            "sqlx-otel",
            "peer-query sqlx-otel INPUT",
            "OpenTelemetry 0.32, the newest that it knows; no summary, named `sqlite`",
        ),
        of(
            "sqlx-otel",
            "peer-query sqlx-otel INPUT --metrics",
            "with metrics",
        ),
    ];
    group(row(what, NOTHING, format!("query bare {input}")), rows)
}

fn queries_0_8() -> Group {
    let what = "query of a row, SQLite in memory, sampled, sqlx 0.8";
    let rows = vec![Row {
        remark: "sqlx 0.8, the newest that it knows; no summary",
        ..row(what, "sqlx-tracing", "peer-query sqlx-tracing sampled")
    }];
    group(row(what, NOTHING, "peer-query bare08 sampled"), rows)
}

fn exports((http, grpc): (&str, &str)) -> Group {
    let what = "span with 10 attributes, exported in batches of 512";
    let rows = vec![
        row(
            what,
            "**throughline-otlp**, HTTP",
            format!("export throughline-http {http}"),
        ),
        row(
            what,
            "**throughline-otlp**, gRPC",
            format!("export throughline-grpc {grpc}"),
        ),
        row(
            what,
            "opentelemetry-otlp, HTTP",
            format!("peer-export stock-http {http}"),
        ),
        row(
            what,
            "opentelemetry-otlp, gRPC",
            format!("peer-export stock-grpc {grpc}"),
        ),
    ];
    Group {
        unit: REQUEST.to_owned(),
        flushes: true,
        ..group(
            row(what, "the span alone", format!("export bare {http}")),
            rows,
        )
    }
}

fn open() -> Group {
    let rows = [
        ("request, 1 other open", "1"),
        ("request, 100 others open", "100"),
        ("request, 10,000 others open", "10000"),
    ];
    let rows = rows.map(|(what, open)| {
        let words = format!("request throughline sampled --open {open}");
        row(what, "**throughline**", words)
    });
    let what = "request, no other open";
    group(row(what, NOTHING, REQUEST), rows.into())
}

fn attributes() -> Group {
    let rows = [
        ("request, 1 attribute set by the handler", "1"),
        ("request, 10 attributes set by the handler", "10"),
        ("request, 100 attributes set by the handler", "100"),
    ];
    let rows = rows.map(|(what, attributes)| {
        let words = format!("request throughline sampled --attributes {attributes}");
        row(what, "**throughline**", words)
    });
    let what = "request, no attribute set by the handler";
    group(row(what, NOTHING, REQUEST), rows.into())
}

fn held() -> Group {
    let what = "request that stays open";
    let rows = vec![
        row(
            what,
            "**throughline**",
            "request throughline sampled --hold",
        ),
        row(
            what,
            "axum-tracing-opentelemetry",
            "peer-request axum-tracing-opentelemetry sampled --hold",
        ),
    ];
    group(row(what, NOTHING, "request bare sampled --hold"), rows)
}

fn threads() -> Group {
    let what = "request, sampled parent, two threads";
    let rows = STACKS.iter().map(|stack| {
        let words = format!("{} sampled --threads 2", stack.words);
        row(what, stack.by, words)
    });
    Group {
        is_counted: false,
        ..group(
            row(what, NOTHING, "request bare sampled --threads 2"),
            rows.collect(),
        )
    }
}
