//! Servers of Redis: each with a port and a folder of its own, for as long as a test needs it.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use redis::{Client, Connection};

const PROGRAM: &str = "redis-server";

/// A server that ends with its last user.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    options: Vec<String>,
    pub(crate) port: u16,
}

/// The server that is in use, so that tests share it. They use keys of their own.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// A server, where it is installed: a new one, or the one that runs.
pub(crate) fn server() -> Option<Arc<Server>> {
    let mut running = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return Some(server);
    }
    let server = Arc::new(own_server()?);
    *running = Arc::downgrade(&server);
    Some(server)
}

/// A server that no other test uses.
pub(crate) fn own_server() -> Option<Server> {
    is_installed().then(|| Server::start(&[]))
}

/// Where it is not installed, the test says so and passes.
fn is_installed() -> bool {
    let version = Command::new(PROGRAM).arg("--version").output();
    let is_installed = version.is_ok_and(|version| version.status.success());
    if !is_installed {
        // Past the capture of the test harness.
        let test = thread::current();
        let test = test.name().unwrap_or_default();
        let _ = writeln!(io::stderr(), "SKIPPED: {test}: {PROGRAM} is not installed");
    }
    is_installed
}

impl Server {
    fn start(more: &[String]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("throughline-redis-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let port = free_port();
        let mut options: Vec<String> = [
            "--bind 127.0.0.1",
            "--save",
            "--appendonly no",
            "--enable-debug-command yes",
            "--unixsocket socket",
        ]
        .map(str::to_owned)
        .into();
        options.push(format!("--port {port}"));
        options.push(format!("--dir {}", folder.display()));
        options.extend_from_slice(more);
        Self {
            process: run(&options, &folder),
            folder,
            options,
            port,
        }
    }

    /// A client of a database.
    pub(crate) fn client(&self, database: u8) -> Client {
        let url = format!("redis://127.0.0.1:{}/{database}", self.port);
        Client::open(url).unwrap()
    }

    /// A client by its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The server as a span's name has it.
    pub(crate) fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again, at its port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = run(&self.options, &self.folder);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// Starts a server and waits until it is ready.
fn run(options: &[String], folder: &PathBuf) -> Child {
    let mut server = Command::new(PROGRAM);
    for option in options {
        let (name, value) = option.split_once(' ').unwrap_or((option, ""));
        server.arg(name).arg(value);
    }
    server.current_dir(folder).stdout(Stdio::piped());
    let mut process = server.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while !(said.last()).is_some_and(|line: &String| line.contains("Ready to accept")) {
        let Some(Ok(line)) = lines.next() else {
            panic!("{PROGRAM} did not start:\n{}", said.join("\n"));
        };
        said.push(line);
    }
    // Read on: a server whose pipe is full would stand still.
    thread::spawn(move || lines.for_each(drop));
    process
}

/// Three nodes, which share the slots.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

/// A cluster that no other test uses.
pub(crate) fn cluster() -> Option<Cluster> {
    if !is_installed() {
        return None;
    }
    let start = |_| {
        let bus = free_port();
        let options = ["--cluster-enabled yes", "--cluster-node-timeout 1000"];
        let mut options = options.map(str::to_owned).to_vec();
        options.push(format!("--cluster-port {bus}"));
        (Server::start(&options), bus)
    };
    let nodes: Vec<_> = (0..3).map(start).collect();
    let mut connections: Vec<Connection> = (nodes.iter())
        .map(|(node, _)| node.client(0).get_connection().unwrap())
        .collect();
    let ends = [0, 5461, 10923, 16384];
    for (index, connection) in connections.iter_mut().enumerate() {
        let cluster = |command: &str| {
            let mut cluster = redis::cmd("CLUSTER");
            cluster.arg(command);
            cluster
        };
        let epoch = cluster("SET-CONFIG-EPOCH").arg(index + 1).exec(connection);
        epoch.unwrap();
        let (first, last) = (ends[index], ends[index + 1] - 1);
        let slots = cluster("ADDSLOTSRANGE")
            .arg(first)
            .arg(last)
            .exec(connection);
        slots.unwrap();
        let (node, bus) = &nodes[0];
        if index > 0 {
            let mut meet = cluster("MEET");
            meet.arg("127.0.0.1")
                .arg(node.port)
                .arg(bus)
                .exec(connection)
                .unwrap();
        }
    }
    for connection in &mut connections {
        let knows_all = |info: &str| {
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        while !knows_all(&cluster_info(connection)) {
            thread::sleep(Duration::from_millis(10));
        }
    }
    let nodes = nodes.into_iter().map(|(node, _)| node).collect();
    Some(Cluster { nodes })
}

pub(crate) fn cluster_info(connection: &mut Connection) -> String {
    redis::cmd("CLUSTER").arg("INFO").query(connection).unwrap()
}

impl Cluster {
    pub(crate) fn urls(&self) -> Vec<String> {
        let url = |node: &Server| format!("redis://127.0.0.1:{}", node.port);
        self.nodes.iter().map(url).collect()
    }
}
