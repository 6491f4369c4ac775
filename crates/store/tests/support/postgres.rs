//! A PostgreSQL of the tests' own: started once for each test binary on a free port, in a temporary directory, and
//! gone when the binary ends, however it ends. Standard library only, so that any test crate can include this file
//! by `#[path]`.
//!
//! The programs are looked for in `PG_BIN`, then where Debian keeps them, then in `PATH`. Without them the tests that
//! need them are skipped and say so; with `CI=true` they fail.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const USER: &str = "countersign";
const PASSWORD: &str = "pg-test-password";

/// The shell lives as long as its input is open, which is as long as the test binary lives; then it stops the server
/// and removes its directory.
const KEEPER: &str = r#"
set -e
dir=$1 bin=$2 port=$3
umask 077
mkdir "$dir"
cd "$dir"
printf '%s' "$4" >password
"$bin/initdb" -D data -U "$5" --auth=scram-sha-256 --pwfile=password -E UTF8 --no-locale --no-sync >initdb.log 2>&1 ||
    { echo "initdb: $(tail -n 3 initdb.log | tr '\n' ' ')"; rm -rf "$dir"; exit 1; }
"$bin/postgres" -D data -c listen_addresses=127.0.0.1 -c "port=$port" -c "unix_socket_directories=$dir" \
    -c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=32MB >log 2>&1 &
server=$!
echo started
cat >/dev/null || true
kill -INT "$server" 2>/dev/null || true
wait "$server" || true
cd /
rm -rf "$dir"
"#;

/// A running server.
pub struct Server {
    bin: PathBuf,
    port: u16,
    // Its input keeps the server alive; it is never dropped, because statics are not.
    _keeper: Child,
}

/// The server of this test binary; `None` when there is no PostgreSQL on this machine.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref()
}

impl Server {
    /// The URL of a new, empty database.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}")).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.url(&name)
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL with `psql` in the maintenance database.
    pub fn run(&self, sql: &str) -> Result<(), String> {
        let beside = self.bin.join("psql");
        let psql = if beside.exists() { beside } else { PathBuf::from("psql") };
        let output = Command::new(psql)
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER, "-d", "postgres"])
            .args(["-p", &self.port.to_string(), "-c", sql])
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("psql: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

fn start() -> Option<Server> {
    let Some(bin) = programs() else {
        return missing("no initdb and postgres in PG_BIN, /usr/lib/postgresql/*/bin or PATH");
    };
    // Between choosing a free port and using it somebody else may take it.
    let mut why = String::new();
    for _ in 0..3 {
        match start_in(&bin) {
            Ok(server) => return Some(server),
            Err(error) => why = error,
        }
    }
    missing(&why)
}

/// Says what is skipped, or fails where nothing may be skipped.
fn missing(why: &str) -> Option<Server> {
    assert!(variable("CI").as_deref() != Some("true"), "PostgreSQL is needed in CI: {why}");
    let mut errors = std::io::stderr();
    let _ = writeln!(errors, "SKIPPED: the tests on PostgreSQL ({why}; Debian: apt-get install postgresql)");
    None
}

fn start_in(bin: &Path) -> Result<Server, String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let port = free_port()?;
    let unique = format!("countersign-pg-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let dir = std::env::temp_dir().join(unique);
    let mut keeper = unprivileged()
        .args(["sh", "-c", KEEPER, "keeper"])
        .args([&dir, bin])
        .args([port.to_string().as_str(), PASSWORD, USER])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("could not start a shell: {error}"))?;
    let mut said = String::new();
    let mut output = BufReader::new(keeper.stdout.take().ok_or("no output")?);
    output.read_line(&mut said).map_err(|error| error.to_string())?;
    if said.trim() != "started" {
        let _ = output.read_to_string(&mut said);
        let _ = keeper.wait();
        return Err(format!("could not start PostgreSQL: {}", said.trim()));
    }
    let server = Server { bin: bin.to_owned(), port, _keeper: keeper };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match server.run("SELECT 1") {
            Ok(()) => return Ok(server),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// PostgreSQL refuses to run as root: then it runs as another user.
fn unprivileged() -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        return Command::new("env");
    }
    let known =
        |name: &&str| Command::new("id").arg(name).output().is_ok_and(|output| output.status.success());
    let user = ["postgres", "nobody"].into_iter().find(known).unwrap_or("nobody");
    let group = Command::new("id").args(["-g", user]).output();
    let group =
        group.map_or_else(|_| "65534".into(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", group.trim(), "--clear-groups"]);
    command
}

/// The directory that holds initdb and postgres.
fn programs() -> Option<PathBuf> {
    let chosen = variable("PG_BIN").map(PathBuf::from);
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    let path = variable("PATH").unwrap_or_default();
    chosen
        .into_iter()
        .chain(debian.into_iter().rev())
        .chain(std::env::split_paths(&path))
        .find(|dir| dir.join("initdb").exists() && dir.join("postgres").exists())
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration to read it from")]
    std::env::var(name).ok()
}
