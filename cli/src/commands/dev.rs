//! `seatgrid dev`: a cluster of three nodes on this machine, with trips to try it on.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use client_sdk::layout::Layout;
use client_sdk::{Client, OpenTrip, Options};
use proto::ids::TripId;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::failure::{Exit, Failure};

/// How long the nodes may take to elect their leaders at the first start.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a node may take to drain before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A node that died is started again after so long.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Sample trips: id, title, layout, stops.
const SAMPLES: [(&str, &str, &str, &[&str]); 3] = [
    (
        "coach-101",
        "Coach 101 to the coast",
        include_str!("../../../samples/layouts/coach-50.json"),
        &["Central", "Riverside", "Coast"],
    ),
    (
        "night-7",
        "Night train 7",
        include_str!("../../../samples/layouts/night-train-sleeper.json"),
        &["North", "Lakes", "Forest", "Hills", "South"],
    ),
    (
        "concert-1",
        "Evening concert",
        include_str!("../../../samples/layouts/hall-1000.json"),
        &["doors", "end"],
    ),
];

/// Run three nodes on this machine, with sample trips. Ctrl-C stops them; the data stays.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the data and logs of all nodes lie.
    #[arg(long, default_value = "seatgrid-data")]
    dir: PathBuf,
    /// Nodes to run.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    nodes: u16,
    /// Shards of a new cluster. Few suit a small machine: more commands share a flush.
    #[arg(long, default_value_t = 3)]
    shards: u32,
    /// The first node's port for clients; others follow. Peers use 100 more, admin 200 more.
    #[arg(long, default_value_t = 7001)]
    port: u16,
    /// Do not open sample trips.
    #[arg(long)]
    no_samples: bool,
    /// Take orders of faults, with a token that is written to `faults.token` there: see `seatgrid fault`.
    #[arg(long)]
    faults: bool,
    /// Memory that each node takes at its start, in MiB: more is faster in a rush.
    #[arg(long, default_value_t = 64)]
    reserve_mib: u32,
    /// Leave a node that died dead.
    #[arg(long)]
    no_restart: bool,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let config = write_config(&args)?;
    let mut nodes = JoinSet::new();
    // The nodes share the machine: more threads than cores would only take turns.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = (cores / usize::from(args.nodes)).max(1);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    for id in 1..=args.nodes {
        let (config, dir) = (config.clone(), args.dir.clone());
        let runner = Runner { id, workers, reserve_mib: args.reserve_mib, config, dir };
        nodes.spawn(runner.keep_running(!args.no_restart, stopped.clone()));
    }
    let finished = tokio::select! {
        served = serve(&args) => served,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    eprintln!("stopping");
    // The runners cannot have gone: they end when they see this.
    let _ = stop.send(true);
    while nodes.join_next().await.is_some() {}
    finished
}

/// Waits for leaders, opens the samples, says where everything is, and then waits for ever.
async fn serve(args: &Args) -> Result<(), Failure> {
    let endpoints: Vec<String> =
        (0..args.nodes).map(|n| format!("http://127.0.0.1:{}", args.port + n)).collect();
    let options = Options::default().deadline(READY_TIMEOUT);
    let client = Client::connect(&endpoints, options).await?;
    if !args.no_samples {
        open_samples(&client).await?;
    }
    println!("A cluster of {} nodes is up. Its data is in {}.\n", args.nodes, args.dir.display());
    for (id, endpoint) in (1..).zip(&endpoints) {
        let log = log_path(&args.dir, id);
        let admin = args.port + 199 + id;
        println!(
            "  node {id}  {endpoint}  metrics http://127.0.0.1:{admin}/metrics  {}",
            log.display()
        );
    }
    if !args.no_samples {
        println!("\n  trips    {}", SAMPLES.map(|(id, ..)| id).join("  "));
    }
    println!("\nTry it in another terminal:\n");
    println!("  seatgrid trip show coach-101");
    println!("  seatgrid hold coach-101 1A 1B --buyer alice");
    println!("\nCtrl-C stops the nodes and keeps the data.");
    std::future::pending().await
}

async fn open_samples(client: &Client) -> Result<(), Failure> {
    for (id, title, layout, stops) in SAMPLES {
        let trip = TripId::new(id).map_err(|e| Failure::new(e.to_string()))?;
        let layout = Layout::parse(id, layout)?;
        let open = OpenTrip::new(&trip, &layout).title(title).stop_names(stops.iter().copied());
        client.open_trip(open).await?;
    }
    Ok(())
}

/// The configuration of a new cluster; that of an old one stays as it is.
fn write_config(args: &Args) -> Result<PathBuf, Failure> {
    let path = args.dir.join("cluster.toml");
    let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", path.display()));
    let mut text = format!("[cluster]\nid = \"dev\"\nshards = {}\n", args.shards);
    for n in 0..args.nodes {
        let (client, peer, admin) = (args.port + n, args.port + 100 + n, args.port + 200 + n);
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n[[cluster.nodes]]\nid = {}\nclient = \"127.0.0.1:{client}\"\n\
             peer = \"127.0.0.1:{peer}\"\nadmin = \"127.0.0.1:{admin}\"\n",
            n + 1
        );
    }
    if args.faults {
        let token = args.dir.join("faults.token");
        let _ = write!(text, "\n[faults]\nenabled = true\ntoken_file = {:?}\n", token.display());
        write_token(&token)?;
    }
    match fs::read_to_string(&path) {
        Ok(found) if found == text => Ok(path),
        Ok(_) => {
            let why = format!("{} is of a cluster with other settings", path.display());
            let failure = Failure::with_exit(Exit::Usage, why);
            Err(failure.hint("start it with the same settings, or choose another --dir"))
        }
        Err(_) => {
            fs::create_dir_all(&args.dir).map_err(failed)?;
            fs::write(&path, text).map_err(failed)?;
            Ok(path)
        }
    }
}

/// A token that nobody guesses; one that is there stays.
fn write_token(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let written = fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| fs::write(path, format!("{:032x}\n", rand::random::<u128>())))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)));
    written.map_err(|e| Failure::new(format!("{}: {e}", path.display())))
}

fn log_path(dir: &Path, id: u16) -> PathBuf {
    dir.join(format!("node-{id}.log"))
}

/// Completes when the nodes are to stop, or when nobody is left who could say so.
async fn told(stopped: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = stopped.wait_for(|&stopped| stopped).await;
}

/// Runs one node as a process of its own.
struct Runner {
    id: u16,
    workers: usize,
    reserve_mib: u32,
    config: PathBuf,
    dir: PathBuf,
}

impl Runner {
    async fn keep_running(self, restart: bool, mut stopped: tokio::sync::watch::Receiver<bool>) {
        loop {
            let mut child = match self.spawn() {
                Ok(child) => child,
                Err(error) => return eprintln!("node {} cannot be started: {error}", self.id),
            };
            // Waiting for a child closes its standard input: the pipe is kept apart.
            let stdin = child.stdin.take();
            let ended = tokio::select! {
                ended = child.wait() => Some(ended),
                () = told(&mut stopped) => None,
            };
            let Some(ended) = ended else {
                drop(stdin);
                return self.stop(child).await;
            };
            let how = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
            let log = log_path(&self.dir, self.id);
            eprintln!("node {} ended: {how}; its log is {}", self.id, log.display());
            if !restart {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(RESTART_PAUSE) => eprintln!("node {} starts again", self.id),
                () = told(&mut stopped) => return,
            }
        }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let log =
            fs::File::options().create(true).append(true).open(log_path(&self.dir, self.id))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["node", "--until-stdin-ends", "--workers", &self.workers.to_string()])
            .args(["--reserve-mib", &self.reserve_mib.to_string()])
            .args(["--id", &self.id.to_string(), "--config"])
            .arg(&self.config)
            .arg("--data-dir")
            .arg(self.dir.join(format!("node-{}", self.id)))
            // A pipe that ends with this process, however it ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        if let Some(pid) = child.id() {
            fs::write(self.dir.join(format!("node-{}.pid", self.id)), format!("{pid}\n"))?;
        }
        Ok(child)
    }

    /// Waits for a node whose standard input has ended: that tells it to drain.
    async fn stop(&self, mut child: Child) {
        if tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            eprintln!("node {} does not end and is killed", self.id);
            // A process that has ended by now does not need it.
            let _ = child.kill().await;
        }
    }
}
