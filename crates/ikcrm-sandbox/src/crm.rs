//! The CRM without its sockets: who may call, how often, and how a call ends.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::accounts::{Account, Accounts, Place};
use crate::answers::{self, Refusal};
use crate::choices;
use crate::endpoint::{Endpoint, Page};
use crate::failures::{Failure, Failures, Fault, Outcome};
use crate::http::{self, Answer, Request};
use crate::list::{Form, Query};
use crate::quota::{Quota, Stats, Window};
use crate::requests::{Requests, SentRequest};
use crate::seed::Seed;
use crate::store::Store;
use crate::wrong_input::WrongInput;

/// The page that tells what was counted; it is no page of the CRM, and is not counted.
const STATS: &str = "/sandbox/stats";

/// How a CRM begins.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) token: String,
    pub(crate) accounts: Vec<Account>,
    pub(crate) quota: Option<Quota>,
    pub(crate) latency: Duration,
    pub(crate) form: Form,
}

/// A CRM that many threads call.
#[derive(Debug)]
pub(crate) struct Crm {
    setup: Setup,
    now: Mutex<Now>,
    /// Tells those who wait that a call came, or that all is over.
    changed: Condvar,
}

/// What it holds now.
#[derive(Debug)]
struct Now {
    is_over: bool,
    latency: Duration,
    form: Form,
    accounts: Accounts,
    /// One an enterprise.
    stores: Vec<Store>,
    window: Window,
    /// How many calls came for each endpoint.
    endpoints: BTreeMap<String, usize>,
    failures: Failures,
    requests: Requests,
}

impl Now {
    fn new(setup: &Setup) -> Self {
        let accounts = Accounts::new(setup.accounts.clone(), &setup.token);
        Self {
            is_over: false,
            latency: setup.latency,
            form: setup.form,
            stores: (0..accounts.enterprises()).map(Store::seeded).collect(),
            accounts,
            window: Window::new(setup.quota),
            endpoints: BTreeMap::new(),
            failures: Failures::default(),
            requests: Requests::default(),
        }
    }

    /// Counts a call, and tells how it ends unless it is carried out.
    fn admit(&mut self, request: &Request) -> Option<Outcome> {
        self.requests.note(request);
        let route = Endpoint::of(request.path()).map(|it| it.route(&request.method));
        if let Some(route) = &route {
            *self.endpoints.entry(route.clone()).or_default() += 1;
        }
        if !self.window.admit(Instant::now()) {
            return Some(Outcome::Answer(answers::over_quota()));
        }
        let itself = format!("{} {}", request.method, request.path());
        self.failures.take(&[route.as_deref().unwrap_or_default(), &itself])
    }

    /// Carries a call out.
    fn answer(&mut self, request: &Request) -> Answer {
        let endpoint = Endpoint::of(request.path());
        let is_sign_in = endpoint.as_ref().is_some_and(|it| it.page == Page::SignIn);
        let authorization = request.header("authorization").unwrap_or_default();
        let place = if is_sign_in { Some(0) } else { self.accounts.enterprise(authorization) };
        let Some(place) = place else { return answers::dead_token() };
        match endpoint {
            None => answers::no_such_page(),
            Some(it) if !it.has(&request.method) => Answer::allowing(it.page.methods()),
            Some(it) if it.page == Page::SignIn => {
                answers::sign_in(self.accounts.sign_in(&request.body))
            }
            Some(it) => match self.data(place, &it, request) {
                Ok(data) => answers::success(&data),
                Err(Refusal::NotFound) => answers::not_found(),
                Err(Refusal::Invalid(message)) => answers::invalid(&message),
            },
        }
    }

    fn data(
        &mut self,
        place: Place,
        Endpoint { page, name }: &Endpoint<'_>,
        request: &Request,
    ) -> Result<Value, Refusal> {
        let store = self.stores.get_mut(place).ok_or(Refusal::NotFound)?;
        let name = http::decode(name);
        let id = || name.parse().map_err(|_| Refusal::NotFound);
        match page {
            Page::List => {
                let parameters = http::parameters(request.query());
                Query::new(&parameters, self.form).map(|query| store.list(&query))
            }
            Page::Opportunity if request.method == "PUT" => store.update(id()?, &request.body),
            Page::Opportunity => store.get(id()?).ok_or(Refusal::NotFound),
            Page::FieldMap if name == "opportunity" => Ok(store.field_map()),
            Page::CustomFields if name == "opportunity" => Ok(choices::custom_fields()),
            Page::FieldMap | Page::CustomFields | Page::SignIn => Err(Refusal::NotFound),
        }
    }
}

impl Crm {
    pub(crate) fn new(setup: Setup) -> Self {
        Self { now: Mutex::new(Now::new(&setup)), setup, changed: Condvar::new() }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a call ends; takes as long as answers take.
    pub(crate) fn call(&self, request: &Request) -> Outcome {
        if request.path() == STATS && request.method == "GET" {
            return Outcome::Answer(self.stats_page(request.query()));
        }
        let mut now = self.now();
        let failed = now.admit(request);
        self.changed.notify_all();
        let latency = now.latency;
        let waited = self.changed.wait_timeout_while(now, latency, |now| !now.is_over);
        let (mut now, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if now.is_over {
            // Nothing comes any more; the server hangs up.
            return Outcome::Fault(Fault::Hang);
        }
        failed.unwrap_or_else(|| Outcome::Answer(now.answer(request)))
    }

    /// What was counted; with `?calls=N` not before so many calls have come.
    fn stats_page(&self, query: &str) -> Answer {
        let wanted = query.strip_prefix("calls=").and_then(|calls| calls.parse().ok()).unwrap_or(0);
        let waits = |now: &mut Now| !now.is_over && now.window.stats().calls < wanted;
        let now =
            self.changed.wait_while(self.now(), waits).unwrap_or_else(PoisonError::into_inner);
        answers::stats(now.window.stats(), &now.endpoints)
    }

    /// Ends all waits.
    pub(crate) fn end(&self) {
        self.now().is_over = true;
        self.changed.notify_all();
    }

    pub(crate) fn token(&self) -> &str {
        &self.setup.token
    }

    pub(crate) fn stats(&self) -> Stats {
        self.now().window.stats()
    }

    pub(crate) fn calls_of(&self, endpoint: &str) -> usize {
        self.now().endpoints.get(endpoint).copied().unwrap_or_default()
    }

    /// The opportunity of any enterprise.
    pub(crate) fn opportunity(&self, id: u64) -> Option<Value> {
        self.now().stores.iter().find_map(|store| store.get(id))
    }

    /// Puts data into the first enterprise: all of it or, when something is wrong, nothing.
    pub(crate) fn seed(&self, seed: &Seed) -> Result<(), WrongInput> {
        let mut now = self.now();
        if let Some(store) = now.stores.first_mut() {
            *store = store.with(seed)?;
        }
        Ok(())
    }

    pub(crate) fn plan(&self, failure: Failure) -> Result<(), WrongInput> {
        self.now().failures.plan(failure)
    }

    pub(crate) fn requests(&self) -> Vec<SentRequest> {
        self.now().requests.all()
    }

    pub(crate) fn requests_json(&self) -> Value {
        self.now().requests.to_json()
    }

    pub(crate) fn latency(&self) -> Duration {
        self.now().latency
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.now().latency = latency;
    }

    pub(crate) fn quota(&self) -> Option<Quota> {
        self.now().window.quota()
    }

    pub(crate) fn set_quota(&self, quota: Option<Quota>) {
        self.now().window.set_quota(quota);
    }

    /// Makes all as it was at the start.
    pub(crate) fn reset(&self) {
        let mut now = self.now();
        let is_over = now.is_over;
        *now = Now { is_over, ..Now::new(&self.setup) };
    }
}
