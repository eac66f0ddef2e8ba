//! The HTTP side: who may call, how often, and which answer a call gets.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{MatchedPath, Path, Query as Parameters, Request, State as Shared};
use axum::http::Uri;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Extension, Router};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::accounts::{Accounts, Place};
use crate::answers::{self, Refusal};
use crate::choices;
use crate::list::{Form, Query};
use crate::quota::{Stats, Window};
use crate::store::Store;

/// The one page that needs no token.
const SIGN_IN: &str = "/api/v2/auth/login";

/// What all calls share.
#[derive(Debug)]
pub(crate) struct State {
    latency: Duration,
    form: Form,
    accounts: Mutex<Accounts>,
    /// One an enterprise.
    stores: Vec<Mutex<Store>>,
    window: Mutex<Window>,
    /// How many calls came for each endpoint.
    endpoints: Mutex<BTreeMap<String, usize>>,
    /// Tells that a call came.
    came: Notify,
}

impl State {
    pub(crate) fn new(accounts: Accounts, window: Window, latency: Duration, form: Form) -> Self {
        Self {
            latency,
            form,
            stores: (0..accounts.enterprises()).map(Store::seeded).map(Mutex::new).collect(),
            accounts: Mutex::new(accounts),
            window: Mutex::new(window),
            endpoints: Mutex::default(),
            came: Notify::new(),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        lock(&self.window).stats()
    }

    pub(crate) fn calls_of(&self, endpoint: &str) -> usize {
        lock(&self.endpoints).get(endpoint).copied().unwrap_or_default()
    }

    /// The opportunity of any enterprise.
    pub(crate) fn opportunity(&self, id: u64) -> Option<Value> {
        self.stores.iter().find_map(|store| lock(store).get(id))
    }

    /// What `work` answers of an enterprise's store.
    fn store(
        &self,
        place: Place,
        work: impl FnOnce(&mut Store) -> Result<Value, Refusal>,
    ) -> Response {
        let Some(store) = self.stores.get(place) else { return answers::not_found() };
        match work(&mut lock(store)) {
            Ok(data) => answers::success(&data),
            Err(Refusal::NotFound) => answers::not_found(),
            Err(Refusal::Invalid(message)) => answers::invalid(&message),
        }
    }

    fn count(&self, request: &Request) {
        if let Some(path) = request.extensions().get::<MatchedPath>() {
            let path = path.as_str().replace("{id}", ":id").replace("{entity}", ":entity");
            let endpoint = format!("{} {path}", request.method());
            *lock(&self.endpoints).entry(endpoint).or_default() += 1;
        }
    }

    /// The enterprise whose token the call has; a sign-in needs none.
    fn enterprise(&self, request: &Request) -> Option<Place> {
        if request.uri().path() == SIGN_IN {
            return Some(0);
        }
        let authorization = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        lock(&self.accounts).enterprise(authorization)
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
        .route(SIGN_IN, post(sign_in))
        .route("/api/v2/opportunities", get(list))
        .route("/api/v2/opportunities/{id}", get(show).put(update))
        .route("/api/v2/field_maps/{entity}", get(field_map))
        .route("/api/v2/custom_fields/{entity}/by_group", get(custom_fields))
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
async fn admit(Shared(state): Shared<Arc<State>>, mut request: Request, next: Next) -> Response {
    state.count(&request);
    let admitted = lock(&state.window).admit(Instant::now());
    state.came.notify_waiters();
    tokio::time::sleep(state.latency).await;
    if !admitted {
        return answers::over_quota();
    }
    let Some(place) = state.enterprise(&request) else { return answers::dead_token() };
    request.extensions_mut().insert(place);
    next.run(request).await
}

async fn sign_in(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    answers::sign_in(lock(&state.accounts).sign_in(&body))
}

async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(place): Extension<Place>,
    Parameters(parameters): Parameters<Vec<(String, String)>>,
) -> Response {
    state.store(place, |store| Query::new(&parameters, state.form).map(|query| store.list(&query)))
}

async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(place): Extension<Place>,
    Path(id): Path<String>,
) -> Response {
    let id = id.parse();
    state.store(place, |store| id.ok().and_then(|id| store.get(id)).ok_or(Refusal::NotFound))
}

async fn update(
    Shared(state): Shared<Arc<State>>,
    Extension(place): Extension<Place>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(id) = id.parse() else { return answers::not_found() };
    state.store(place, |store| store.update(id, &body))
}

async fn field_map(
    Shared(state): Shared<Arc<State>>,
    Extension(place): Extension<Place>,
    Path(entity): Path<String>,
) -> Response {
    let known = entity == "opportunity";
    state.store(place, |store| known.then(|| store.field_map()).ok_or(Refusal::NotFound))
}

async fn custom_fields(Path(entity): Path<String>) -> Response {
    if entity == "opportunity" {
        answers::success(&choices::custom_fields())
    } else {
        answers::not_found()
    }
}

/// What was counted; with `?calls=N` not before so many calls have come.
async fn stats(Shared(state): Shared<Arc<State>>, uri: Uri) -> Response {
    let wanted = uri.query().and_then(|query| query.strip_prefix("calls=")?.parse().ok());
    loop {
        let came = state.came.notified();
        let counted = state.stats();
        if counted.calls >= wanted.unwrap_or(0) {
            return answers::stats(counted, &lock(&state.endpoints));
        }
        came.await;
    }
}
