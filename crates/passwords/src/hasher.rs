//! Hashing behind a limit: a few threads of low priority, and a bounded queue in front of them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use countersign_model::{PasswordHashText, Rng, SecretString};
use tokio::sync::oneshot;

use crate::LONGEST;
use crate::scheme::{self, Memory, Stored};

/// A thread that had nothing to do for this long gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

/// How much hashing is done at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Hashes computed at the same time, each on a thread of its own.
    pub concurrent: usize,
    /// Hashes that may wait for their turn; the next one is refused.
    pub queue: usize,
    /// How long one may wait.
    pub wait: Duration,
}

impl Default for Limits {
    /// Half the processors, at least one; 64 may wait, five seconds.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { concurrent: (processors / 2).max(1), queue: 64, wait: Duration::from_secs(5) }
    }
}

/// What became of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not the password, or there is no such account.
    Wrong,
    /// It is.
    Right,
    /// It is, and the stored hash should be replaced by a stronger one.
    RightButWeak,
}

/// Too many hashes wait already: try again after the given time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy {
    /// When to try again.
    pub retry_after: Duration,
}

/// Why a password was not hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HashError {
    /// Empty, or longer than 1,024 bytes.
    #[error("a password has 1 to 1,024 bytes")]
    Length,
    /// Too many hashes wait already.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Computes password hashes, a few at a time, on threads that let every other thread go first: a flood of wrong
/// passwords makes signing in slow, not the service.
pub struct Hasher {
    shared: Arc<Shared>,
    rng: Arc<dyn Rng>,
    started: Once,
}

impl Hasher {
    /// A hasher with these limits; `rng` gives the salts. Threads start with the first password.
    #[must_use]
    pub fn new(limits: Limits, rng: Arc<dyn Rng>) -> Self {
        let limits = Limits { concurrent: limits.concurrent.clamp(1, 256), ..limits };
        let shared = Shared {
            limits,
            queue: Mutex::new(Queue::default()),
            arrived: Condvar::new(),
            nobody: Mutex::new(Stored::nobody()),
        };
        Self { shared: Arc::new(shared), rng, started: Once::new() }
    }

    /// Hashes a new password: Argon2id, 19 MiB, two passes, one lane.
    ///
    /// # Errors
    /// The password's length, or too many wait.
    pub async fn hash(&self, password: &SecretString) -> Result<PasswordHashText, HashError> {
        if !(1..=LONGEST).contains(&password.expose().len()) {
            return Err(HashError::Length);
        }
        let (reply, answer) = oneshot::channel();
        let work = Work::Hash { rng: Arc::clone(&self.rng), reply };
        self.submit(Job { password: password.clone(), work })?;
        Ok(self.wait(answer).await?)
    }

    /// Compares a password with a stored hash. `None` (no such account) costs as much as the account seen last, and is
    /// wrong. So is an empty password, one longer than 1,024 bytes, and a stored hash that can't be read.
    ///
    /// # Errors
    /// Too many wait.
    pub async fn verify(
        &self,
        password: &SecretString,
        stored: Option<&PasswordHashText>,
    ) -> Result<Verdict, Busy> {
        if !(1..=LONGEST).contains(&password.expose().len()) {
            return Ok(Verdict::Wrong);
        }
        let stored = stored.and_then(|text| {
            Stored::read(text.expose())
                .inspect_err(|error| tracing::warn!(%error, "a stored password hash can't be used"))
                .ok()
        });
        let (reply, answer) = oneshot::channel();
        self.submit(Job { password: password.clone(), work: Work::Verify { stored, reply } })?;
        self.wait(answer).await
    }

    /// How many wait now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().jobs.len()
    }

    fn submit(&self, job: Job) -> Result<(), Busy> {
        self.started.call_once(|| self.shared.start_threads());
        let mut queue = self.shared.lock();
        if queue.jobs.len() >= self.shared.limits.queue {
            // Those who gave up hold no place.
            queue.jobs.retain(|job| !job.work.is_abandoned());
            if queue.jobs.len() >= self.shared.limits.queue {
                return Err(self.shared.busy());
            }
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(())
    }

    async fn wait<T>(&self, answer: oneshot::Receiver<T>) -> Result<T, Busy> {
        match tokio::time::timeout(self.shared.limits.wait, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(self.shared.busy()),
        }
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.arrived.notify_all();
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

struct Shared {
    limits: Limits,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// What nobody's password is compared with: an unknown name takes as long as a known one.
    nobody: Mutex<Stored>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

struct Job {
    password: SecretString,
    work: Work,
}

enum Work {
    Hash { rng: Arc<dyn Rng>, reply: oneshot::Sender<PasswordHashText> },
    Verify { stored: Option<Stored>, reply: oneshot::Sender<Verdict> },
}

impl Work {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash { reply, .. } => reply.is_closed(),
            Self::Verify { reply, .. } => reply.is_closed(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> Busy {
        Busy { retry_after: self.limits.wait.max(Duration::from_secs(1)) }
    }

    fn start_threads(self: &Arc<Self>) {
        for _ in 0..self.limits.concurrent {
            let shared = Arc::clone(self);
            let started = std::thread::Builder::new().name("password".to_owned()).spawn(move || shared.run());
            if let Err(error) = started {
                tracing::error!(%error, "a thread for password hashes could not be started");
            }
        }
    }

    fn run(&self) {
        step_back();
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            if job.work.is_abandoned() {
                continue;
            }
            // Whatever a hash does, this thread must live: the answer is then that there is none.
            if catch_unwind(AssertUnwindSafe(|| self.perform(job, &mut memory))).is_err() {
                tracing::error!("a password hash could not be computed");
                memory = Memory::default();
            }
            memory.shrink();
        }
    }

    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            let (guard, timeout) =
                self.arrived.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            if timeout.timed_out() {
                memory.release();
            }
        }
    }

    /// The reply may find nobody waiting: then it is dropped.
    fn perform(&self, job: Job, memory: &mut Memory) {
        let password = job.password.expose().as_bytes();
        match job.work {
            Work::Hash { rng, reply } => {
                if let Some(text) = scheme::hash(password, &*rng, memory) {
                    let _ = reply.send(PasswordHashText::new(text));
                }
            }
            Work::Verify { stored: Some(stored), reply } => {
                let verdict = match (stored.matches(password, memory), stored.is_weak()) {
                    (false, _) => Verdict::Wrong,
                    (true, false) => Verdict::Right,
                    (true, true) => Verdict::RightButWeak,
                };
                let _ = reply.send(verdict);
                *self.nobody.lock().unwrap_or_else(PoisonError::into_inner) = stored;
            }
            Work::Verify { stored: None, reply } => {
                let nobody = self.nobody.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let _ = nobody.matches(password, memory);
                let _ = reply.send(Verdict::Wrong);
            }
        }
    }
}

/// Lowers this thread's priority so far that a busy thread beside it keeps more than nine tenths of a processor.
#[cfg(target_os = "linux")]
fn step_back() {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 12) {
        tracing::debug!(%error, "the priority of password hashing stays as it is");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}
