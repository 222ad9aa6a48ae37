//! A process for each scenario: what `init()` sets up is there once in a process, and variables are not to be changed
//! in one that runs.

use std::any::type_name;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use throughline_testing::Collector;

/// Set in a child.
const IN_CHILD: &str = "THROUGHLINE_TEST_CHILD";

/// The values of `OTEL_EXPORTER_OTLP_PROTOCOL`.
pub(crate) const PROTOCOLS: [&str; 2] = ["http/protobuf", "grpc"];

/// Where a collector speaks a protocol.
pub(crate) fn endpoint(collector: &Collector, protocol: &str) -> String {
    match protocol {
        "grpc" => collector.grpc_endpoint(),
        _ => collector.http_endpoint(),
    }
}

/// A child that takes longer hangs.
const MOST: Duration = Duration::from_secs(60);

/// In the child: runs `scenario`. In the parent: gives the child, to be started with variables.
///
/// The child is this very binary, told to run one test only: the function that the first argument is.
pub(crate) fn of<T>(_: T, scenario: impl FnOnce()) -> Option<Process> {
    if std::env::var_os(IN_CHILD).is_some() {
        scenario();
        return None;
    }
    let (_, name) = type_name::<T>().split_once("::").unwrap();
    Some(Process {
        test: name.to_owned(),
        variables: Vec::new(),
    })
}

/// A scenario, ready to run. Its environment has no variable of OpenTelemetry but those given.
#[derive(Clone)]
pub(crate) struct Process {
    test: String,
    variables: Vec<(String, String)>,
}

impl Process {
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn variables(self, variables: &[(&str, &str)]) -> Self {
        let set = |process: Self, (name, value): &(&str, &str)| process.variable(name, value);
        variables.iter().fold(self, set)
    }

    pub(crate) fn exporting_to(self, collector: &Collector) -> Self {
        self.variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.http_endpoint())
    }

    pub(crate) fn exporting_by(self, protocol: &str, collector: &Collector) -> Self {
        self.variable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .variable(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &endpoint(collector, protocol),
            )
    }

    /// Runs it to its end, which must be a success.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        self.start().wait()
    }

    pub(crate) fn start(self) -> Running {
        let mut command = Command::new(std::env::current_exe().unwrap());
        // Quiet: else the name of the test would stand in front of the first line.
        command.args(["--exact", &self.test, "--nocapture", "--quiet"]);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("OTEL_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        let mut child = command
            .env(IN_CHILD, "1")
            .envs(self.variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Running {
            child,
            stdout,
            stderr,
            seen: Vec::new(),
        }
    }
}

/// The lines of a pipe as they come. The channel closes with the pipe.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            // Nobody listens any more once a test has failed.
            let _ = sender.send(line.unwrap());
        }
    });
    receiver
}

/// A child at work.
pub(crate) struct Running {
    child: Child,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Waits for a line that begins like this and returns the rest of it.
    #[track_caller]
    pub(crate) fn line(&mut self, begin: &str) -> String {
        loop {
            let Ok(line) = self.stdout.recv_timeout(MOST) else {
                panic!("no line begins with {begin:?}: {}", self.all())
            };
            self.seen.push(line);
            if let Some(rest) = self.seen.last().and_then(|line| line.strip_prefix(begin)) {
                return rest.to_owned();
            }
        }
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end, which must be a success.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        loop {
            match self.stdout.recv_timeout(MOST) {
                Ok(line) => self.seen.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end: {}", self.all()),
            }
        }
        let status = self.child.wait().unwrap();
        let ran = self.seen.iter().any(|line| line.contains("1 passed"));
        assert!(
            status.success() && ran,
            "{status}: {}",
            self.all_with(status)
        );
        Output {
            lines: std::mem::take(&mut self.seen),
            errors: self.stderr.iter().collect(),
        }
    }

    fn all(&mut self) -> String {
        let _ = self.child.kill();
        let status = self.child.wait().unwrap();
        self.all_with(status)
    }

    fn all_with(&self, status: ExitStatus) -> String {
        let stderr: Vec<_> = self.stderr.iter().collect();
        format!("{status}\n{}\n{}", self.seen.join("\n"), stderr.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child printed.
pub(crate) struct Output {
    lines: Vec<String>,
    errors: Vec<String>,
}

impl Output {
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The lines on standard error.
    pub(crate) fn errors(&self) -> &[String] {
        &self.errors
    }

    /// The rest of the line that begins like this.
    #[track_caller]
    pub(crate) fn after(&self, begin: &str) -> &str {
        let rest = self.lines.iter().find_map(|line| line.strip_prefix(begin));
        rest.unwrap_or_else(|| panic!("no line begins with {begin:?}: {:#?}", self.lines))
    }

    /// The rest of the line that begins like this is a report with these counts; what the exports took may follow.
    #[track_caller]
    pub(crate) fn check_report(&self, begin: &str, counts: &str) {
        let report = self.after(begin);
        let rest = report.strip_prefix(counts);
        let is_whole = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ';']));
        assert!(is_whole, "{report:?} are not {counts:?}");
    }

    /// The log lines, in JSON.
    pub(crate) fn logged(&self) -> Vec<Value> {
        let json = self.lines.iter().filter(|line| line.starts_with('{'));
        json.map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// How many dropped spans the log warns of, in however many lines.
    pub(crate) fn warned_of(&self) -> u64 {
        let logged = self.logged();
        let dropped = logged.iter().filter(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.starts_with("spans were dropped") && line["level"] == "WARN"
        });
        let counts = dropped.filter_map(|line| line["fields"]["count"].as_u64());
        counts.sum()
    }

    /// The log line with this message.
    #[track_caller]
    pub(crate) fn log_line(&self, message: &str) -> Value {
        let mut logged = self.logged();
        logged.retain(|line| line["message"] == message);
        assert_eq!(logged.len(), 1, "{message:?} in {:#?}", self.lines);
        logged.remove(0)
    }
}
