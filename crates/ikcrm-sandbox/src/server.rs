//! The HTTP side: who may call, how often, and which answer a call gets.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State as Shared};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::answers;
use crate::quota::{Stats, Window};
use crate::store::{Refusal, Store};

/// What all calls share.
#[derive(Debug)]
pub(crate) struct State {
    authorization: String,
    latency: Duration,
    store: Mutex<Store>,
    window: Mutex<Window>,
    /// Tells that a call came.
    came: Notify,
}

impl State {
    pub(crate) fn new(token: &str, store: Store, window: Window, latency: Duration) -> Self {
        let authorization = format!("Token token={token}, device=open_api, version_code=9.9.9");
        let (store, window, came) = (Mutex::new(store), Mutex::new(window), Notify::new());
        Self { authorization, latency, store, window, came }
    }

    pub(crate) fn stats(&self) -> Stats {
        lock(&self.window).stats()
    }

    pub(crate) fn opportunity(&self, id: u64) -> Option<Value> {
        lock(&self.store).get(id)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        headers.get(AUTHORIZATION).is_some_and(|value| value == self.authorization.as_str())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until `stopped` is sent or its sender dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
        // Answers are small and awaited: they must not wait for more.
        stream.set_nodelay(true).ok();
    });
    let api = Router::new()
        .route("/api/v2/opportunities/{id}", get(show).put(update))
        .fallback(async || answers::no_such_page())
        .layer(middleware::from_fn_with_state(Arc::clone(&state), admit));
    let app = Router::new()
        .route("/sandbox/stats", get(stats))
        .with_state(Arc::clone(&state))
        .merge(api.with_state(state));
    let serving = axum::serve(listener, app);
    tokio::select! {
        ended = serving => ended,
        _ = stopped => Ok(()),
    }
}

/// Lets a call through when quota and token allow it.
async fn admit(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let admitted = lock(&state.window).admit(Instant::now());
    state.came.notify_waiters();
    tokio::time::sleep(state.latency).await;
    if !admitted {
        return answers::over_quota();
    }
    if !state.knows(request.headers()) {
        return answers::dead_token();
    }
    next.run(request).await
}

async fn show(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Response {
    let known = id.parse().ok().and_then(|id| state.opportunity(id));
    known.map_or_else(answers::not_found, |data| answers::success(&data))
}

async fn update(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(id) = id.parse() else { return answers::not_found() };
    match lock(&state.store).update(id, &body) {
        Ok(data) => answers::success(&data),
        Err(Refusal::NotFound) => answers::not_found(),
        Err(Refusal::Invalid(message)) => answers::invalid(&message),
    }
}

/// What was counted; with `?calls=N` not before so many calls have come.
async fn stats(Shared(state): Shared<Arc<State>>, uri: Uri) -> Response {
    let wanted = uri.query().and_then(|query| query.strip_prefix("calls=")?.parse().ok());
    loop {
        let came = state.came.notified();
        let stats = state.stats();
        if stats.calls >= wanted.unwrap_or(0) {
            return answers::stats(stats);
        }
        came.await;
    }
}
