//! PostgreSQL: a row for every seat, or for every leg of a seat.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tempfile::TempDir;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::Missing;
use super::server::{POLL, START_TIMEOUT, Server, free_address};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, LEGS_PER_HOLD, Step, Workload};

/// Connections that a server takes.
const MAX_CONNECTIONS: u32 = 1_100;

/// How a hold is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A transaction: `SELECT … FOR UPDATE` of the free seats, `UPDATE`, `COMMIT`. One at a time on a
    /// connection.
    ForUpdate,
    /// One statement that updates all of the seats, or none.
    OneStatement,
}

/// A PostgreSQL that runs.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    address: SocketAddr,
    folder: TempDir,
}

impl Postgres {
    /// Starts a PostgreSQL on a port and in a folder of its own. `synchronous`: it flushes before an answer.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start(synchronous: bool) -> Result<Self, Missing> {
        let missing = Missing::NotInstalled { program: "initdb", package: "postgresql" };
        let programs = newest_programs().ok_or(missing)?;
        let started = Self::try_start(&programs, synchronous).await;
        started.map_err(|why| Missing::NotStarted { program: "postgres", why })
    }

    async fn try_start(programs: &Path, synchronous: bool) -> io::Result<Self> {
        let (folder, address) = (tempfile::tempdir()?, free_address()?);
        let user = unprivileged_user()?;
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let data = folder.path().join("data");
        let mut init = Command::new(programs.join("initdb"));
        init.args(["--no-sync", "--auth", "trust", "--username", "bench", "--pgdata"]).arg(&data);
        let made = as_user(&mut init, user).current_dir(folder.path()).output()?;
        if !made.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        let mut command = Command::new(programs.join("postgres"));
        let synchronous = if synchronous { "on" } else { "off" };
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", address.port()),
            format!("max_connections={MAX_CONNECTIONS}"),
            format!("unix_socket_directories={}", folder.path().display()),
            format!("synchronous_commit={synchronous}"),
            "shared_buffers=1GB".to_owned(),
        ];
        command.arg("-D").arg(&data).args(settings.iter().flat_map(|setting| ["-c", setting]));
        let mut server = Server::start(as_user(&mut command, user), folder.path())?;
        server.listens(address).await?;
        let started = Self { server, address, folder };
        started.is_ready().await?;
        Ok(started)
    }

    /// Its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    /// Where its data lie.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        vec![self.folder.path().to_owned()]
    }

    /// Puts everything on sale, and nothing else.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn fill(&self, workload: &Workload) -> io::Result<()> {
        let (trips, seats, legs) = (workload.trips, workload.seats, workload.legs);
        let client = self.connect().await?;
        // A trip of one leg has no column for it: nobody would add one.
        let [column, key, value, rows] = match legs {
            1 => [String::new(), String::new(), String::new(), String::new()],
            _ => [
                "leg int,".to_owned(),
                ", leg".to_owned(),
                "leg,".to_owned(),
                format!(", generate_series(0, {legs} - 1) leg"),
            ],
        };
        let statements = format!(
            "DROP TABLE IF EXISTS seats;
             CREATE TABLE seats (trip int, seat int, {column} buyer bigint,
                 until timestamptz NOT NULL, PRIMARY KEY (trip, seat{key})) WITH (fillfactor = 70);
             INSERT INTO seats SELECT trip, seat, {value} NULL, '-infinity'
                 FROM generate_series(0, {trips} - 1) trip,
                      generate_series(0, {seats} - 1) seat{rows};"
        );
        // Several statements at once are a transaction, in which nothing can be vacuumed.
        for statement in [&statements, "VACUUM ANALYZE seats", "CHECKPOINT"] {
            client.batch_execute(statement).await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// A connection.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn lane(&self, way: Way, workload: &Workload) -> io::Result<PostgresLane> {
        let client = self.connect().await?;
        let prepare = |text: String| {
            let client = &client;
            async move { client.prepare(&text).await.map_err(io::Error::other) }
        };
        let place = "trip = $1 AND seat BETWEEN $2 AND $3";
        let (place, leg, buyer, rows) = match workload.legs {
            1 => (place.to_owned(), "", "$4", workload.per_hold),
            _ => {
                let place = format!("{place} AND leg BETWEEN $4 AND $5");
                (place, ", leg", "$6", workload.per_hold * LEGS_PER_HOLD)
            }
        };
        let free = format!(
            "SELECT trip, seat{leg} FROM seats WHERE {place} AND until <= now() \
             ORDER BY seat{leg} FOR UPDATE"
        );
        let same_leg = if leg.is_empty() { "" } else { "AND seats.leg = free.leg" };
        let set = format!("buyer = {buyer}, until = now() + interval '{} s'", workload.ttl_s());
        let one = match rows {
            1 => format!("UPDATE seats SET {set} WHERE {place} AND until <= now()"),
            _ => format!(
                "WITH free AS MATERIALIZED ({free}) UPDATE seats SET {set} FROM free \
                 WHERE seats.trip = free.trip AND seats.seat = free.seat {same_leg} \
                 AND (SELECT count(*) FROM free) = {rows}"
            ),
        };
        let update = format!("UPDATE seats SET {set} WHERE {place}");
        let his = format!("{place} AND buyer = {buyer} AND until > now()");
        let statements = Statements {
            way,
            free: prepare(free).await?,
            update: prepare(update).await?,
            one: prepare(one).await?,
            confirm: prepare(format!("UPDATE seats SET until = 'infinity' WHERE {his}")).await?,
            release: prepare(format!("UPDATE seats SET until = '-infinity' WHERE {his}")).await?,
        };
        Ok(PostgresLane {
            client: Arc::new(client),
            statements: Arc::new(statements),
            flying: FuturesUnordered::new(),
        })
    }

    /// It listens before it answers: waits until it does.
    async fn is_ready(&self) -> io::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        loop {
            match self.connect().await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn connect(&self) -> io::Result<Client> {
        let port = self.address.port();
        let config = format!("host=127.0.0.1 port={port} user=bench dbname=postgres");
        let (client, connection) =
            tokio_postgres::connect(&config, NoTls).await.map_err(io::Error::other)?;
        // It ends with the client; what goes wrong is told by the requests.
        tokio::spawn(connection);
        Ok(client)
    }
}

/// The programs of the newest version that is installed.
fn newest_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let programs = versions.map(|version| version.path().join("bin"));
    programs.filter(|path| path.join("initdb").exists()).max()
}

/// PostgreSQL does not run as root: then Debian's user of it, and his group.
fn unprivileged_user() -> io::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.filter_map(|fields| match fields[..] {
        ["postgres", _, user, group, ..] => Some((user.parse().ok()?, group.parse().ok()?)),
        _ => None,
    });
    let mut found = found;
    let user = found.next().ok_or_else(|| io::Error::other("there is no user postgres"))?;
    Ok(Some(user))
}

fn as_user(command: &mut Command, user: Option<(u32, u32)>) -> &mut Command {
    match user {
        Some((user, group)) => command.uid(user).gid(group),
        None => command,
    }
}

#[derive(Debug)]
struct Statements {
    way: Way,
    free: Statement,
    update: Statement,
    one: Statement,
    confirm: Statement,
    release: Statement,
}

/// A connection that keeps requests in flight.
pub struct PostgresLane {
    client: Arc<Client>,
    statements: Arc<Statements>,
    flying: FuturesUnordered<BoxFuture<'static, io::Result<(u32, Answer)>>>,
}

impl Lane for PostgresLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let (client, statements, ask) =
            (Arc::clone(&self.client), Arc::clone(&self.statements), *ask);
        self.flying.push(Box::pin(async move {
            let asked = match (ask.step, statements.way) {
                (Step::Hold, Way::OneStatement) => one_statement(&client, &statements, &ask).await,
                (Step::Hold, Way::ForUpdate) => for_update(&client, &statements, &ask).await,
                (Step::Confirm, _) => end(&client, &statements.confirm, &ask).await,
                (Step::Release, _) => end(&client, &statements.release, &ask).await,
            };
            asked.map(|answer| (token, answer)).map_err(io::Error::other)
        }));
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        if let Some(first) = self.flying.next().await {
            into.push(first?);
        }
        while let Some(Some(more)) = futures::FutureExt::now_or_never(self.flying.next()) {
            into.push(more?);
        }
        Ok(())
    }
}

async fn one_statement(
    client: &Client,
    statements: &Statements,
    ask: &Ask,
) -> Result<Answer, tokio_postgres::Error> {
    let updated = client.execute(&statements.one, &Words::of(ask).all()).await?;
    Ok(if updated == u64::from(ask.places()) { Answer::Held } else { Answer::Taken })
}

/// Ends a hold, if it is still the buyer's.
async fn end(
    client: &Client,
    statement: &Statement,
    ask: &Ask,
) -> Result<Answer, tokio_postgres::Error> {
    let updated = client.execute(statement, &Words::of(ask).all()).await?;
    Ok(if updated == u64::from(ask.places()) { Answer::Ended } else { Answer::Failed })
}

async fn for_update(
    client: &Client,
    statements: &Statements,
    ask: &Ask,
) -> Result<Answer, tokio_postgres::Error> {
    let words = Words::of(ask);
    client.batch_execute("BEGIN").await?;
    let free = client.query(&statements.free, &words.place()).await?;
    if free.len() < usize::from(ask.places()) {
        client.batch_execute("ROLLBACK").await?;
        return Ok(Answer::Taken);
    }
    client.execute(&statements.update, &words.all()).await?;
    client.batch_execute("COMMIT").await?;
    Ok(Answer::Held)
}

/// What stands for a statement's `$1`, `$2` and so on.
struct Words {
    /// The trip, the first and the last seat, and where a trip has several legs the first and the last.
    place: Vec<i32>,
    buyer: i64,
}

impl Words {
    fn of(ask: &Ask) -> Self {
        let last = ask.first + u32::from(ask.count) - 1;
        let mut place = vec![ask.trip as i32, ask.first as i32, last as i32];
        place.extend(
            ask.legs().iter().flat_map(|legs| [i32::from(*legs.start()), i32::from(*legs.end())]),
        );
        Self { place, buyer: ask.buyer as i64 }
    }

    fn place(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.place.iter().map(|word| word as &(dyn ToSql + Sync)).collect()
    }

    fn all(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut all = self.place();
        all.push(&self.buyer);
        all
    }
}
