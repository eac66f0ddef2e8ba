//! The failures that a test plans: which calls fail, how, and how often.

use crate::answers;
use crate::endpoint::{ENDPOINTS, Endpoint};
use crate::http::Answer;
use crate::wrong_input::WrongInput;

/// What goes wrong with the connection instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is reset.
    Reset,
    /// Nothing comes, until the caller gives up.
    Hang,
    /// What comes is no HTTP.
    Garbage,
}

/// A failure of the next calls, for [`Sandbox::fail_next`](crate::Sandbox::fail_next). A call that
/// fails is not carried out.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a failure does nothing until it is given to fail_next()"]
pub struct Failure {
    how: How,
    times: u32,
    route: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Status(u16),
    Code(i64),
    Fault(Fault),
}

impl Failure {
    /// Answers with an HTTP status, 400 to 599, and plain text. With 429 that is `Retry later`.
    pub fn status(status: u16) -> Self {
        Self::new(How::Status(status))
    }

    /// Answers as the CRM refuses a call: HTTP 200 and a body with this `code`, such as 100401 for a
    /// dead token.
    pub fn code(code: i64) -> Self {
        Self::new(How::Code(code))
    }

    /// Breaks the connection.
    pub fn fault(fault: Fault) -> Self {
        Self::new(How::Fault(fault))
    }

    fn new(how: How) -> Self {
        Self { how, times: 1, route: None }
    }

    /// One of `status`, `code` and `fault`, as another language gives them.
    #[doc(hidden)]
    pub fn of(
        status: Option<u16>,
        code: Option<i64>,
        fault: Option<&str>,
    ) -> Result<Self, WrongInput> {
        let fault = match fault {
            None => None,
            Some("reset") => Some(Fault::Reset),
            Some("hang") => Some(Fault::Hang),
            Some("garbage") => Some(Fault::Garbage),
            Some(other) => {
                let message = format!("there is no fault {other:?}; write reset, hang or garbage");
                return Err(WrongInput::new(message));
            }
        };
        match (status, code, fault) {
            (Some(status), None, None) => Ok(Self::status(status)),
            (None, Some(code), None) => Ok(Self::code(code)),
            (None, None, Some(fault)) => Ok(Self::fault(fault)),
            _ => Err(WrongInput::new("give one of status, code and fault")),
        }
    }

    /// How many calls fail so (default: 1).
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Which calls fail (default: any): an endpoint such as `PUT /api/v2/opportunities/:id`, or one
    /// path of it such as `PUT /api/v2/opportunities/568587`.
    pub fn route(mut self, route: impl Into<String>) -> Self {
        self.route = Some(route.into());
        self
    }

    fn check(&self) -> Result<(), WrongInput> {
        match self.how {
            How::Status(status) if !(400..600).contains(&status) => {
                return Err(WrongInput::new(format!("status is {status}; write 400 to 599")));
            }
            How::Code(0) => return Err(WrongInput::new("code 0 is success; write another")),
            _ => {}
        }
        if self.times == 0 {
            return Err(WrongInput::new("times is 0; write 1 or more"));
        }
        match &self.route {
            Some(route) if !is_route(route) => {
                let all = ENDPOINTS.join(", ");
                Err(WrongInput::new(format!("there is no route {route:?}; write one of {all}")))
            }
            _ => Ok(()),
        }
    }

    fn concerns(&self, routes: &[&str]) -> bool {
        self.route.as_deref().is_none_or(|route| routes.contains(&route))
    }
}

fn is_route(route: &str) -> bool {
    let Some((method, path)) = route.split_once(' ') else { return false };
    Endpoint::of(path).is_some_and(|endpoint| endpoint.has(method))
}

/// How a call ends.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(Answer),
    Fault(Fault),
}

/// The failures that are still to come, in the order in which they were planned.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<Failure>);

impl Failures {
    pub(crate) fn plan(&mut self, failure: Failure) -> Result<(), WrongInput> {
        failure.check()?;
        self.0.push(failure);
        Ok(())
    }

    /// What is planned for a call of any of these routes, if anything is.
    pub(crate) fn take(&mut self, routes: &[&str]) -> Option<Outcome> {
        let place = self.0.iter().position(|failure| failure.concerns(routes))?;
        let failure = self.0.get_mut(place)?;
        failure.times -= 1;
        let how = failure.how;
        if failure.times == 0 {
            drop(self.0.remove(place));
        }
        Some(match how {
            How::Status(status) => Outcome::Answer(answers::of_status(status)),
            How::Code(code) => Outcome::Answer(answers::of_code(code)),
            How::Fault(fault) => Outcome::Fault(fault),
        })
    }
}
