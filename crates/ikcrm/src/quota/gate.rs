//! `Gate`: where the calls of one process wait that share a quota.
//!
//! A waiting call is a place in a queue and holds no thread. The local store is asked by whoever
//! comes, settles or is due; a store that others share is asked by the gate's own thread alone, so
//! that a call ends by its own time while the store hangs.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use super::queue::{Lane, Place, Queue, Verdict, Waiting, Wakeup};
use super::store::{Store, StoreError, Warning};
use super::window::{Fate, Limit, Request, Taken};
use crate::error::Error;
use crate::sync::clock::{self, Moment};
use crate::sync::timer::{self, Alarm};
use crate::sync::{Budget, PerProcess, Reply, Waking, lock};

/// How long to wait at most before a store that others use too is asked again: it does not tell
/// when one of them gives a slot back.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long the idle thread of a shared store is kept.
const IDLE: Duration = Duration::from_secs(5);
/// How long a shared store without a client is kept, for what it knows of slots that may get lost:
/// about as long as a call and its slot last.
const KEPT: Duration = Duration::from_secs(300);

/// Where the calls wait that share a quota.
#[derive(Debug)]
pub(crate) struct Gate {
    store: Box<dyn Store>,
    /// Whether other processes use the store too.
    shared: bool,
    state: Mutex<State>,
    /// Tells the thread that there is something to do.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    alarm: Option<Alarm>,
    /// What the thread of a shared store has to do besides.
    errands: VecDeque<Errand>,
    /// Whether the thread is doing an errand.
    busy: bool,
    running: bool,
    /// When the last client went.
    left_at: Moment,
}

/// What a shared store's thread does for calls.
#[derive(Debug)]
enum Errand {
    Settle(u64, Fate, Limit),
    Block(Duration),
    /// How long this one will wait, and whether that is too long.
    Estimate(Place, Moment),
    Usage(Limit, usize, Reply<Usage>),
}

type Usage = Result<(usize, Duration), StoreError>;

/// What one call wants of the gate.
pub(crate) struct Pass<'a> {
    pub(crate) limit: Limit,
    /// How many slots to leave for others.
    pub(crate) reserve: usize,
    /// How long the slot is held when nobody tells the call's fate.
    pub(crate) hold: Duration,
    /// How long to wait for a slot; nothing for as long as it takes.
    pub(crate) max_wait: Option<Duration>,
    pub(crate) lane: Lane,
    pub(crate) order: u64,
    pub(crate) budget: &'a Budget,
}

impl Pass<'_> {
    /// When the wait must have ended.
    fn until(&self) -> Option<Moment> {
        let patience = self.max_wait.map(|wait| clock::now().saturating_add(wait));
        patience.into_iter().chain(self.budget.deadline()).min()
    }
}

impl Gate {
    pub(crate) fn new(store: Box<dyn Store>, shared: bool) -> Self {
        Self { store, shared, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A slot when it is this call's turn and one is free, or the wait for one.
    ///
    /// # Errors
    ///
    /// [`Error::QuotaExceeded`] when it is certain that there will be none in time,
    /// [`Error::QuotaStore`] when the store cannot be used.
    pub(crate) fn join<'a>(self: &Arc<Self>, pass: &Pass<'a>) -> Result<Joined<'a>, Error> {
        let Pass { limit, reserve, hold, lane, order, budget, .. } = *pass;
        let until = pass.until();
        let place = Place { lane, order, id: slot_id()? };
        let mut state = lock(&self.state);
        if !self.shared && lane == Lane::Interactive && state.queue.is_empty() {
            let request = Request { id: place.id, hold, ahead: 0 };
            if self.store.take(request, limit)? == Taken::Slot {
                drop(state);
                return Ok(Joined::Slot(Slot { gate: Arc::clone(self), id: place.id, limit }));
            }
        }
        if let Some(until) = until.filter(|_| !self.shared) {
            let (_, wait) = self.store.usage(limit, state.queue.ahead_of(place))?;
            if clock::now().saturating_add(wait) > until {
                return Err(too_late(wait));
            }
        }
        let reply = Reply::new();
        let first = state.queue.join(place, Waiting { limit, reserve, hold, reply: reply.clone() });
        if let Some(until) = until.filter(|_| self.shared) {
            state.errands.push_back(Errand::Estimate(place, until));
        }
        self.go_on(state, first);
        let ticket = Ticket { gate: Arc::clone(self), place, limit, reply, used: false };
        Ok(Joined::Queued(Box::new(Wait { ticket, until, budget, waking: None })))
    }

    /// Lets no call pass for some time.
    pub(crate) fn block(self: &Arc<Self>, duration: Duration) {
        if self.shared {
            self.run_errand(Errand::Block(duration));
        } else {
            // The local store does not fail.
            drop(self.store.block(duration));
        }
    }

    /// How many slots are taken, how many calls wait, and how long it takes until one more can have
    /// a slot.
    pub(crate) async fn usage(
        self: &Arc<Self>,
        limit: Limit,
        budget: &Budget,
    ) -> Result<(usize, usize, Duration), Error> {
        let waiting = lock(&self.state).queue.len();
        let usage = if self.shared {
            let reply = Reply::new();
            self.run_errand(Errand::Usage(limit, waiting, reply.clone()));
            budget.wait_for("the quota's store", reply.value()).await?
        } else {
            self.store.usage(limit, waiting)
        };
        let (used, next_free) = usage?;
        Ok((used, waiting, next_free))
    }

    /// What the user should hear of and has not been told yet.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.store.warnings()
    }

    /// A client goes, when a shared store knows what became of all calls, but not much later.
    pub(crate) fn leave(&self, longest: Duration) {
        let mut state = lock(&self.state);
        state.left_at = clock::now();
        let busy = |state: &mut State| state.running && (state.busy || !state.errands.is_empty());
        drop(self.changed.wait_timeout_while(state, longest, busy));
    }

    /// Whether it is of use without a client.
    fn is_kept(&self) -> bool {
        !self.shared || clock::now().saturating_sub(lock(&self.state).left_at) < KEPT
    }

    /// Lets those pass whose turn it is: by the thread if the store is shared, else here.
    fn go_on(self: &Arc<Self>, mut state: MutexGuard<'_, State>, ask: bool) {
        if !self.shared {
            if ask {
                let wakes = self.serve(&mut state);
                drop(state);
                self.tell_all(wakes);
            }
            return;
        }
        if state.queue.is_empty() && state.errands.is_empty() {
            return;
        }
        if state.running {
            drop(state);
            self.changed.notify_all();
            return;
        }
        let gate = Arc::clone(self);
        let thread = std::thread::Builder::new().name("ikcrm-quota".to_owned());
        match thread.stack_size(256 * 1024).spawn(move || gate.work()) {
            Ok(_) => state.running = true,
            Err(error) => {
                let error = StoreError::passing(format!("no thread can be started: {error}"));
                let wakes = state.queue.fail_all(&error);
                drop(state);
                self.tell_all(wakes);
            }
        }
    }

    /// Asks the local store for those at the head of the queue, until one has to wait.
    fn serve(self: &Arc<Self>, state: &mut State) -> Vec<Wakeup> {
        let mut wakes = Vec::new();
        while let Some((place, request, limit)) = state.queue.next(clock::now()) {
            let taken = self.store.take(request, limit);
            let (wake, goes_on) = state.queue.decide(place, taken, clock::now());
            wakes.extend(wake);
            if !goes_on {
                break;
            }
        }
        state.alarm = (!state.queue.is_empty())
            .then(|| timer::wake_at(state.queue.ask_at(), &Waker::from(Arc::clone(self))));
        wakes
    }

    fn tell_all(self: &Arc<Self>, wakes: Vec<Wakeup>) {
        for wake in wakes {
            wake.tell(self);
        }
    }

    fn run_errand(self: &Arc<Self>, errand: Errand) {
        let mut state = lock(&self.state);
        state.errands.push_back(errand);
        self.go_on(state, false);
    }

    /// What the thread of a shared store does.
    fn work(self: Arc<Self>) {
        while let Some(turn) = self.next_turn() {
            let wakes = match turn {
                Turn::Errand(errand) => self.do_errand(errand),
                Turn::Ask(place, request, limit) => {
                    let taken = self.store.take(request, limit);
                    let mut state = lock(&self.state);
                    if state.queue.get(place).is_none() && matches!(taken, Ok(Taken::Slot)) {
                        // Who wanted it has gone meanwhile.
                        state.errands.push_front(Errand::Settle(place.id, Fate::Unsent, limit));
                        Vec::new()
                    } else {
                        state.queue.decide(place, taken, clock::now()).0
                    }
                }
            };
            self.tell_all(wakes);
            lock(&self.state).busy = false;
            self.changed.notify_all();
        }
    }

    fn next_turn(&self) -> Option<Turn> {
        let mut state = lock(&self.state);
        loop {
            if let Some(errand) = state.errands.pop_front() {
                state.busy = true;
                return Some(Turn::Errand(errand));
            }
            if let Some((place, request, limit)) = state.queue.next(clock::now()) {
                state.busy = true;
                return Some(Turn::Ask(place, request, limit));
            }
            let idle = state.queue.is_empty();
            let nap = if idle { IDLE } else { clock::left(state.queue.ask_at()).min(ASK_AGAIN) };
            let woken = self.changed.wait_timeout(state, nap);
            let (guard, wait) = woken.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if idle && wait.timed_out() && state.queue.is_empty() && state.errands.is_empty() {
                state.running = false;
                return None;
            }
        }
    }

    fn do_errand(&self, errand: Errand) -> Vec<Wakeup> {
        match errand {
            // A store that is away keeps the slot until its time is up, and tells so to the next
            // call that wants one.
            Errand::Settle(id, fate, limit) => {
                drop(self.store.settle(id, fate, limit));
                if fate == Fate::Unsent {
                    lock(&self.state).queue.ask_now();
                }
                Vec::new()
            }
            Errand::Block(duration) => {
                drop(self.store.block(duration));
                Vec::new()
            }
            Errand::Usage(limit, waiting, reply) => {
                drop(reply.fill(self.store.usage(limit, waiting)));
                Vec::new()
            }
            Errand::Estimate(place, until) => self.estimate(place, until),
        }
    }

    /// Sends the call away for which there will be no slot in time.
    fn estimate(&self, place: Place, until: Moment) -> Vec<Wakeup> {
        let state = lock(&self.state);
        let Some(waiting) = state.queue.get(place) else { return Vec::new() };
        let (ahead, limit) = (state.queue.ahead_of(place), waiting.limit);
        drop(state);
        // A store that is away tells so when it is asked for a slot, in a moment.
        let wait = self.store.usage(limit, ahead).map(|(_, wait)| wait).unwrap_or_default();
        if clock::now().saturating_add(wait) <= until {
            return Vec::new();
        }
        lock(&self.state).queue.tell(place, Verdict::TooLate(wait)).into_iter().collect()
    }
}

/// The local store's alarm went off.
impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        let state = lock(&self.state);
        self.go_on(state, true);
    }
}

/// What a shared store's thread does next.
enum Turn {
    Errand(Errand),
    Ask(Place, Request, Limit),
}

/// What a call finds at the gate.
pub(crate) enum Joined<'a> {
    Slot(Slot),
    Queued(Box<Wait<'a>>),
}

/// The wait for a slot. It brings [`Error::QuotaExceeded`] when there is none in time,
/// [`Error::QuotaStore`] when the store cannot be used, [`Error::Cancelled`].
///
/// It is a future by hand, for ten thousand calls may stand here: it has nothing twice.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Wait<'a> {
    ticket: Ticket,
    until: Option<Moment>,
    budget: &'a Budget,
    /// What wakes it besides its turn.
    waking: Option<(Vec<Waking>, Option<Alarm>)>,
}

impl Future for Wait<'_> {
    type Output = Result<Slot, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(verdict) = self.ticket.reply.poll(context) {
            return Poll::Ready(match verdict {
                Verdict::Slot => Ok(self.ticket.slot()),
                Verdict::TooLate(retry_after) => Err(too_late(retry_after)),
                Verdict::Failed(error) => Err(error.into()),
            });
        }
        // Before looking, so that nothing goes unseen.
        let alarm = self.until.map(|until| timer::wake_at(until, context.waker()));
        self.waking = Some((self.budget.wake(context.waker()), alarm));
        if self.budget.is_cancelled() {
            return Poll::Ready(Err(Error::cancelled(false)));
        }
        match self.until {
            Some(until) if clock::now() >= until => {
                let ask_at = lock(&self.ticket.gate.state).queue.ask_at();
                Poll::Ready(Err(too_late(ask_at.saturating_sub(clock::now()))))
            }
            _ => Poll::Pending,
        }
    }
}

impl Wakeup {
    /// Tells the one who waits; a slot for one who has gone meanwhile is given back.
    fn tell(self, gate: &Arc<Gate>) {
        let Self { id, waiting: Waiting { reply, limit, .. }, verdict } = self;
        if matches!(reply.fill(verdict), Err(Verdict::Slot)) {
            Slot { gate: Arc::clone(gate), id, limit }.settle(Fate::Unsent);
        }
    }
}

/// A place in the queue. Dropped, it is left; a slot that came for it is given back.
struct Ticket {
    gate: Arc<Gate>,
    place: Place,
    limit: Limit,
    reply: Reply<Verdict>,
    /// Whether its slot is in use.
    used: bool,
}

impl Ticket {
    /// The slot that was told of.
    fn slot(&mut self) -> Slot {
        self.used = true;
        Slot { gate: Arc::clone(&self.gate), id: self.place.id, limit: self.limit }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        let mut state = lock(&self.gate.state);
        let was_first = state.queue.leave(self.place);
        self.gate.go_on(state, was_first);
        if matches!(self.reply.close(), Some(Verdict::Slot)) {
            let slot = Slot { gate: Arc::clone(&self.gate), id: self.place.id, limit: self.limit };
            slot.settle(Fate::Unsent);
        }
    }
}

/// A slot that was taken. Dropped without a word, it is held as if its call's fate were unknown.
#[must_use = "tell the call's fate"]
pub(crate) struct Slot {
    gate: Arc<Gate>,
    id: u64,
    limit: Limit,
}

impl Slot {
    /// Tells the fate of the call that the slot was taken for.
    pub(crate) fn settle(self, fate: Fate) {
        let gate = &self.gate;
        if gate.shared {
            return gate.run_errand(Errand::Settle(self.id, fate, self.limit));
        }
        // The local store does not fail.
        drop(gate.store.settle(self.id, fate, self.limit));
        if fate == Fate::Unsent {
            let mut state = lock(&gate.state);
            state.queue.ask_now();
            gate.go_on(state, true);
        }
    }
}

/// A name for a slot, unlike any other's: not even a fork's, which inherits what a generator of our
/// own would know.
fn slot_id() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::QuotaStore {
        message: "the system gives no random numbers".to_owned(),
        retryable: true,
        may_have_been_applied: false,
    })?;
    // 0 asks for nobody.
    Ok(u64::from_ne_bytes(bytes).max(1))
}

fn too_late(retry_after: Duration) -> Error {
    Error::QuotaExceeded { retry_after, may_have_been_applied: false }
}

impl From<StoreError> for Error {
    fn from(StoreError { message, retryable }: StoreError) -> Self {
        Self::QuotaStore { message, retryable, may_have_been_applied: false }
    }
}

/// The gate of this name, which all clients of the process share; `make` makes it for the first.
pub(crate) fn of_process(name: &str, make: impl FnOnce() -> Gate) -> Arc<Gate> {
    type Gates = Mutex<HashMap<String, Arc<Gate>>>;
    static GATES: PerProcess<Gates> = PerProcess::new();
    let mut gates = lock(GATES.current(|_| Gates::default()));
    // A client may go while its slots are still taken. A shared store remembers them for others,
    // and knows for a while whether it has lost them.
    gates.retain(|_, gate| Arc::strong_count(gate) > 1 || gate.is_kept());
    Arc::clone(gates.entry(name.to_owned()).or_insert_with(|| Arc::new(make())))
}
