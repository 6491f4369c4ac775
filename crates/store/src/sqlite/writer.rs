//! The one writer: a thread that takes queued work, does as much of it as there is in one transaction, and answers
//! when that is on the disk. Waiting work therefore shares one flush of the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::files::Identity;
use crate::changes::{self, Cursor, Feed};
use crate::sql::Sql;
use crate::tx::{Tx, Write};
use crate::{Result, StoreError};

/// How much work may wait.
const QUEUE: usize = 4096;
/// How much work one transaction takes at most, so that the first does not wait for ever.
const BATCH: usize = 512;
/// How long one transaction gathers work at most.
const BATCH_TIME: Duration = Duration::from_millis(50);
/// How often other processes' writes are looked for.
const POLL: Duration = Duration::from_millis(100);

static BEGIN: Sql = Sql::new("BEGIN IMMEDIATE");
static COMMIT: Sql = Sql::new("COMMIT");
static ROLLBACK: Sql = Sql::new("ROLLBACK");
static SAVEPOINT: Sql = Sql::new("SAVEPOINT job");
static RELEASE: Sql = Sql::new("RELEASE job");
static ROLLBACK_TO: Sql = Sql::new("ROLLBACK TO job");
static DATA_VERSION: Sql = Sql::new("PRAGMA data_version");

/// The queue's near end.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    room: Arc<Semaphore>,
    patience: Duration,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(
        connection: rusqlite::Connection,
        (path, file): (Arc<Path>, Identity),
        feed: Arc<Feed>,
        patience: Duration,
    ) -> Result<Self> {
        let (queue, work) = mpsc::channel();
        let cursor = Cursor::at(super::all(&connection, &changes::LAST, &[])?)?;
        let mut far_end =
            FarEnd { connection, path, file, work, feed, cursor, data_version: 0, polled: Instant::now() };
        far_end.data_version = far_end.data_version()?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || far_end.serve())
            .map_err(|error| StoreError::Database(format!("the writer's thread: {error}")))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            room: Arc::new(Semaphore::new(QUEUE)),
            patience,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues work and waits until it is on the disk.
    pub(super) async fn write<W: Write>(&self, work: W) -> Result<W::Output> {
        let permit = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout(self.patience, Arc::clone(&self.room).acquire_owned())
                .await
                .map_err(|_| StoreError::Busy(format!("{QUEUE} writes are waiting")))?
                .map_err(|_| StoreError::Closed)?,
        };
        let (answer, answered) = oneshot::channel();
        let job = Pending { work, answer, outcome: None, _permit: permit };
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .ok_or(StoreError::Closed)?
            .send(Box::new(job))
            .map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets the thread finish what is queued, and waits for it.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the store's writer ended badly");
            }
        }
    }
}

/// Work in the queue, whatever its output.
trait Job: Send {
    /// Does the work inside the open transaction. Returns whether it announces something.
    fn run(&mut self, connection: &mut rusqlite::Connection) -> Result<bool>;
    /// Answers with what `run` made, or with the error that kept it from the disk.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Pending<W: Write> {
    work: W,
    answer: oneshot::Sender<Result<W::Output>>,
    outcome: Option<W::Output>,
    _permit: OwnedSemaphorePermit,
}

impl<W: Write> Job for Pending<W> {
    fn run(&mut self, connection: &mut rusqlite::Connection) -> Result<bool> {
        let mut tx = Tx::sqlite(connection);
        let work = async {
            let output = self.work.run(&mut tx).await?;
            Ok((output, tx.finish().await?))
        };
        // Nothing waits on SQLite, so one poll is enough; if not, the work waits for something it must not.
        match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => {
                let (output, announced) = done?;
                self.outcome = Some(output);
                Ok(announced)
            }
            Poll::Pending => Err(StoreError::Database("a transaction waited for something else".into())),
        }
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(output)) => Ok(output),
            (Ok(()), None) => Err(StoreError::Closed),
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone.
        drop(self.answer.send(answer));
    }
}

/// The thread.
struct FarEnd {
    connection: rusqlite::Connection,
    path: Arc<Path>,
    file: Identity,
    work: mpsc::Receiver<Box<dyn Job>>,
    feed: Arc<Feed>,
    cursor: Cursor,
    data_version: i64,
    polled: Instant,
}

impl FarEnd {
    fn serve(mut self) {
        loop {
            match self.work.recv_timeout(POLL.saturating_sub(self.polled.elapsed())) {
                Ok(job) => self.batch(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.polled.elapsed() >= POLL {
                self.poll();
            }
        }
    }

    /// Does `first` and whatever else waits in one transaction.
    fn batch(&mut self, first: Box<dyn Job>) {
        let began = Instant::now();
        // SQLite would go on writing to a file that was removed, and nobody would ever see it again.
        if let Err(error) = self.file.still(&self.path).and_then(|()| self.step(&BEGIN)) {
            first.answer(Err(error.at(&self.path)));
            return;
        }
        let mut done = Vec::new();
        let mut announced = false;
        let mut next = Some(first);
        while let Some(mut job) = next.take() {
            match self.run(job.as_mut()) {
                Ok(announces) => {
                    announced |= announces;
                    done.push(job);
                }
                Err(error) => {
                    let error = error.at(&self.path);
                    job.answer(Err(error.clone()));
                    // After some errors (a full disk) SQLite has undone the whole transaction by itself.
                    if self.connection.is_autocommit() {
                        done.into_iter().for_each(|job| job.answer(Err(error.clone())));
                        return;
                    }
                }
            }
            if done.len() < BATCH && began.elapsed() < BATCH_TIME {
                next = self.work.try_recv().ok();
            }
        }
        let committed = self.commit().map_err(|error| error.at(&self.path));
        // Who is told that something was revoked may rely on it that this process's subscribers were told before.
        if announced && committed.is_ok() {
            self.deliver();
        }
        done.into_iter().for_each(|job| job.answer(committed.clone()));
    }

    /// Does one job inside the transaction: all of it or nothing.
    fn run(&mut self, job: &mut dyn Job) -> Result<bool> {
        self.step(&SAVEPOINT)?;
        let done = catch_unwind(AssertUnwindSafe(|| job.run(&mut self.connection)))
            .unwrap_or_else(|_| Err(StoreError::Database("a transaction panicked".into())));
        match done {
            Ok(announces) => {
                self.step(&RELEASE)?;
                Ok(announces)
            }
            Err(error) => {
                if !self.connection.is_autocommit() {
                    self.step(&ROLLBACK_TO)?;
                    self.step(&RELEASE)?;
                }
                Err(error)
            }
        }
    }

    fn commit(&mut self) -> Result<()> {
        let committed = self.step(&COMMIT);
        if committed.is_err()
            && !self.connection.is_autocommit()
            && let Err(error) = self.step(&ROLLBACK)
        {
            tracing::error!(%error, "could not roll back");
        }
        committed
    }

    fn step(&self, sql: &'static Sql) -> Result<()> {
        super::execute(&self.connection, sql, &[]).map(drop)
    }

    /// Looks whether another process has written, and if so reads what it announced.
    fn poll(&mut self) {
        self.polled = Instant::now();
        match self.data_version() {
            Ok(version) if version == self.data_version => {}
            Ok(version) => {
                self.data_version = version;
                self.deliver();
            }
            Err(error) => tracing::warn!(%error, "could not look for changes"),
        }
    }

    /// A number that changes when another connection has written.
    fn data_version(&self) -> Result<i64> {
        super::all(&self.connection, &DATA_VERSION, &[])?
            .first_mut()
            .ok_or_else(|| StoreError::Database("no data_version".into()))?
            .int()
    }

    fn deliver(&mut self) {
        loop {
            let read = super::all(&self.connection, &changes::AFTER, &self.cursor.params());
            match read.and_then(|rows| self.cursor.advance(rows, &self.feed)) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    // The next poll tries again.
                    self.data_version = 0;
                    tracing::warn!(%error, "could not read changes");
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::params;

    static FILL: Sql = Sql::new("INSERT INTO sealed_values (name, sealed) VALUES (?1, ?2)");
    static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM sealed_values");

    /// Keeps a value; the last thing it does may be to fail, to panic or to wait.
    struct Fill(String, Vec<u8>, End);

    #[derive(Clone, Copy)]
    enum End {
        Well,
        Panic,
        Wait,
    }

    impl Write for Fill {
        type Output = ();

        async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
            tx.execute(&FILL, params![self.0.as_str(), self.1.as_slice()]).await?;
            match self.2 {
                End::Well => Ok(()),
                End::Panic => panic!("on purpose"),
                End::Wait => std::future::pending().await,
            }
        }
    }

    fn writer(directory: &Path, limit: Option<&str>) -> (Arc<Path>, Writer) {
        let settings = crate::StoreSettings::sqlite(directory);
        let path: Arc<Path> = super::super::files::prepare(directory).unwrap().into();
        let mut connection =
            super::super::connect(&path, super::super::Role::Writer, settings.patience).unwrap();
        crate::migrate::sqlite(&mut connection).unwrap();
        if let Some(limit) = limit {
            connection.execute_batch(limit).unwrap();
        }
        let at = (Arc::clone(&path), Identity::of(&path).unwrap());
        let writer = Writer::start(connection, at, Arc::new(Feed::new()), settings.patience).unwrap();
        (path, writer)
    }

    fn count(path: &Path) -> i64 {
        let connection = rusqlite::Connection::open(path).unwrap();
        super::super::all(&connection, &COUNT, &[]).unwrap()[0].int().unwrap()
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_loses_nothing_that_was_answered() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = writer(directory.path(), Some("PRAGMA max_page_count = 120"));
        let writer = Arc::new(writer);
        let mut tasks = Vec::new();
        for number in 0..200 {
            let writer = Arc::clone(&writer);
            let fill = Fill(number.to_string(), vec![7; 5_000], End::Well);
            tasks.push(tokio::spawn(async move { writer.write(fill).await }));
        }
        let (mut kept, mut refused) = (0, 0);
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => kept += 1,
                Err(StoreError::DiskFull(message)) => {
                    assert!(message.contains("countersign.db"), "{message}");
                    refused += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(refused > 0);
        assert_eq!(count(&path), kept);
        // What needs no space still works.
        let fits = writer.write(Fill("small".into(), vec![], End::Well)).await;
        assert!(matches!(fits, Ok(()) | Err(StoreError::DiskFull(_))), "{fits:?}");
        writer.close().await;
    }

    #[tokio::test]
    async fn work_that_panics_or_waits_leaves_nothing_and_harms_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let (path, writer) = writer(directory.path(), None);
        let fill = |name: &str, end| writer.write(Fill(name.into(), vec![1], end));
        let (good, panicked, waited, better) = tokio::join!(
            fill("good", End::Well),
            fill("panics", End::Panic),
            fill("waits", End::Wait),
            fill("better", End::Well)
        );
        good.unwrap();
        better.unwrap();
        assert!(panicked.is_err() && waited.is_err());
        assert_eq!(count(&path), 2);
        writer.close().await;
    }
}
