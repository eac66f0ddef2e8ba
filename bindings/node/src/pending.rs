//! `Pending`: a promise that another thread settles; the process lives on until it has.

use ikcrm::Error;
use napi::bindgen_prelude::{Either, Object};
use napi::{Env, JsDeferred, Result};

use crate::answer::Answer;

type Resolver = Box<dyn FnOnce(Env) -> Result<Answer> + Send>;

/// A promise of an answer. Dropped unsettled, it tells that there will be none.
pub(crate) struct Pending(Option<JsDeferred<Answer, Resolver>>);

impl Pending {
    pub(crate) fn new(env: &Env) -> Result<(Self, Object<'_>)> {
        let (deferred, promise) = env.create_deferred()?;
        Ok((Self(Some(deferred)), promise))
    }

    pub(crate) fn settle(mut self, answer: Answer) {
        self.resolve(answer);
    }

    fn resolve(&mut self, answer: Answer) {
        if let Some(deferred) = self.0.take() {
            deferred.resolve(Box::new(move |_| Ok(answer)));
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let lost = Error::Transport {
            message: "the call ended early: no thread could be started for it, or it panicked"
                .to_owned(),
            retryable: false,
            may_have_been_applied: true,
        };
        self.resolve(Either::B(lost.into()));
    }
}
