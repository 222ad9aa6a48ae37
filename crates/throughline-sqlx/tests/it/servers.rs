//! Servers of databases: each with a port and a data folder of its own, for as long as a test needs it.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

/// A server that ends with its last user.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

/// The servers that are in use, so that tests share them.
static POSTGRES: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static MARIADB: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// PostgreSQL, where it is installed. Its user is `postgres`, without a password.
pub(crate) fn postgres() -> Option<Arc<Server>> {
    shared(&POSTGRES, "postgres", |folder, port| {
        let programs = installed("postgres")?.parent()?.to_owned();
        let data = folder.join("data");
        run(as_user("postgres", &programs.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--no-sync", "-D"])
            .arg(&data));
        let mut server = as_user("postgres", &programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(folder);
        server.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        server.args(["-c", "fsync=off"]);
        Some((server, "ready to accept connections"))
    })
}

/// MariaDB, where it is installed. Its user is `root`, without a password.
pub(crate) fn mariadb() -> Option<Arc<Server>> {
    shared(&MARIADB, "mariadbd", |folder, port| {
        let program = installed("mariadbd")?;
        let data = format!("--datadir={}", folder.join("data").display());
        run(as_user("mysql", &installed("mariadb-install-db")?)
            .args(["--no-defaults", "--auth-root-authentication-method=normal"])
            .args(["--skip-test-db", &data]));
        let mut server = as_user("mysql", &program);
        server.args(["--no-defaults", &data, "--bind-address=127.0.0.1"]);
        server.arg(format!("--port={port}"));
        server.arg(format!("--socket={}", folder.join("socket").display()));
        server.arg(format!("--pid-file={}", folder.join("pid").display()));
        Some((server, "ready for connections"))
    })
}

/// Starts a server, or takes the one that runs. Where it is not installed, the test says so and passes.
fn shared(
    running: &Mutex<Weak<Server>>,
    name: &str,
    prepare: impl FnOnce(&Path, u16) -> Option<(Command, &'static str)>,
) -> Option<Arc<Server>> {
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return Some(server);
    }
    if installed(name).is_none() {
        // Past the capture of the test harness.
        let test = thread::current();
        let test = test.name().unwrap_or_default();
        let _ = writeln!(io::stderr(), "SKIPPED: {test}: {name} is not installed");
        return None;
    }
    let server = Arc::new(Server::start(name, prepare)?);
    *running = Arc::downgrade(&server);
    Some(server)
}

impl Server {
    fn start(
        name: &str,
        prepare: impl FnOnce(&Path, u16) -> Option<(Command, &'static str)>,
    ) -> Option<Self> {
        // One that ends removes its folder while the next one has begun.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let (process, started) = (std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let folder = env::temp_dir().join(format!("throughline-{name}-{process}-{started}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        if is_root() {
            let user = if name == "postgres" { name } else { "mysql" };
            run(Command::new("chown").arg(user).arg(&folder));
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let (mut server, ready) = prepare(&folder, port)?;
        drop(free);
        server
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = server.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        while !said
            .last()
            .is_some_and(|line: &String| line.contains(ready))
        {
            let Some(Ok(line)) = lines.next() else {
                panic!("{name} did not start:\n{}", said.join("\n"));
            };
            said.push(line);
        }
        // Read on: a server whose pipe is full would stand still.
        thread::spawn(move || lines.for_each(drop));
        Some(Self {
            process,
            folder,
            port,
        })
    }
}

impl Drop for Server {
    /// Asks it to end, since one that is killed leaves shared memory behind.
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        // SIGTERM lets PostgreSQL wait for its clients, SIGINT does not; MariaDB knows the first alone.
        let is_postgres = self.folder.join("data/PG_VERSION").exists();
        let signal = if is_postgres { "-INT" } else { "-TERM" };
        let asked = Command::new("kill").args([signal, &id]).status();
        if !asked.is_ok_and(|asked| asked.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where a program is: in the path, or where Debian keeps it.
fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    let found = folders.iter().map(|folder| folder.join(name));
    // What is in the path may be a link to where its companions are.
    found
        .filter_map(|program| fs::canonicalize(program).ok())
        .next()
}

/// A command that root runs as another: both servers refuse to run as root, or should.
fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let (reuid, regid) = (format!("--reuid={user}"), format!("--regid={user}"));
    command
        .args([&reuid, &regid, "--clear-groups"])
        .arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
