//! `Event`: one thing that happened in a call, and its facts. Never a body, a token or who it is about.

use std::fmt;
use std::time::Duration;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// The course of every call.
    Debug,
    /// What takes long or changes the account: quota waits of over a second, sign-ins.
    Info,
    /// What may need somebody's attention: retries, blocks, warnings of the quota's store.
    Warning,
}

/// Names a call among those of one machine, for as long as its processes' ids are not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId {
    process: u32,
    number: u64,
}

impl CallId {
    /// That of the call of this number in this process.
    pub(crate) fn new(process: u32, number: u64) -> Self {
        Self { process, number }
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.process, self.number)
    }
}

/// A fact of an event, for the bindings.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Not known, or of no meaning.
    None,
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Whether something is so.
    Truth(bool),
    /// A length of time.
    Time(Duration),
}

/// Makes the enum, and the table that the languages are held to.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $name:literal { $($(#[$fact_doc:meta])* $fact:ident: $kind:ty,)* })*) => {
        /// What happens in a call. Times are counted from the call's start, by a clock that never goes
        /// back.
        ///
        /// An attempt is one request of a call: of the call itself, of a look-up or of a sign-in. A
        /// method and a route name the API's endpoint, such as `PUT` and
        /// `/api/v2/opportunities/:id`.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* #[non_exhaustive] $variant {
                /// The call.
                call_id: CallId,
                /// When it happened.
                at: Duration,
                $($(#[$fact_doc])* $fact: $kind,)*
            },)*
        }

        /// The events' names and facts, for tests against the contract.
        #[doc(hidden)]
        pub const EVENTS: &[(&str, &[&str])] =
            &[$(($name, &["call_id", "at", $(stringify!($fact),)*]),)*];

        impl Event {
            /// A stable word for what happened, the same in every language.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }

            /// The call.
            #[must_use]
            pub fn call_id(&self) -> CallId {
                match self { $(Self::$variant { call_id, .. } => *call_id,)* }
            }

            /// All facts by their names.
            #[doc(hidden)]
            #[must_use]
            pub fn facts(&self) -> Vec<(&'static str, Fact)> {
                match self {
                    $(Self::$variant { call_id, at, $($fact,)* } => vec![
                        ("call_id", Fact::Text(call_id.to_string())),
                        ("at", Fact::from(at)),
                        $((stringify!($fact), Fact::from($fact)),)*
                    ],)*
                }
            }
        }
    };
}

events! {
    /// A call whose values passed the checks starts.
    CallStarted "call_started" {
        /// Its HTTP method.
        method: &'static str,
        /// Its route.
        route: &'static str,
    }
    /// The call ended.
    CallFinished "call_finished" {
        /// Its HTTP method.
        method: &'static str,
        /// Its route.
        route: &'static str,
        /// How long it took.
        elapsed: Duration,
        /// How much of that it waited for the quota.
        quota_wait: Duration,
        /// How many requests it made.
        attempts: u32,
        /// How many look-ups it made of those.
        lookups: u32,
        /// The HTTP status of the last answer.
        status: Option<u16>,
        /// The CRM's code in it, if it refused.
        api_code: Option<i64>,
        /// The [code](crate::Error::code) of the error that the call ended in.
        error_code: Option<&'static str>,
    }
    /// The call has to wait for a slot of the quota.
    QuotaWaitBegan "quota_wait_began" {}
    /// It has waited for a second and goes on waiting.
    QuotaWaitLong "quota_wait_long" {
        /// How long it has waited.
        wait: Duration,
    }
    /// It waits no longer: it has a slot, or failed.
    QuotaWaitEnded "quota_wait_ended" {
        /// How long it waited.
        wait: Duration,
    }
    /// A request is about to be sent.
    AttemptSent "attempt_sent" {
        /// Its number in the call, from 1.
        attempt: u32,
        /// Its HTTP method.
        method: &'static str,
        /// Its route.
        route: &'static str,
    }
    /// It was answered, or failed.
    AttemptAnswered "attempt_answered" {
        /// Its number in the call, from 1.
        attempt: u32,
        /// Its HTTP method.
        method: &'static str,
        /// Its route.
        route: &'static str,
        /// How long it took, from its slot on.
        elapsed: Duration,
        /// The answer's HTTP status.
        status: Option<u16>,
        /// The CRM's code in it, if it refused.
        api_code: Option<i64>,
        /// The [code](crate::Error::code) of its error.
        error_code: Option<&'static str>,
        /// Whether it went over a connection of an earlier request.
        reused: bool,
    }
    /// The request will be sent again.
    RetryPlanned "retry_planned" {
        /// The number of the attempt that failed.
        attempt: u32,
        /// In how long.
        wait: Duration,
        /// The failed answer's HTTP status.
        status: Option<u16>,
        /// The CRM's code in it.
        api_code: Option<i64>,
        /// The [code](crate::Error::code) of its error.
        error_code: &'static str,
    }
    /// The call signed in for all that use the account.
    SignedIn "signed_in" {}
    /// The call read what labels stand for.
    LookupMade "lookup_made" {
        /// The route of what it read.
        route: &'static str,
    }
    /// The CRM said that the quota is used up: nobody who shares it sends anything for a while.
    QuotaBlocked "quota_blocked" {
        /// For how long.
        wait: Duration,
    }
    /// The quota's store works, but not as it should.
    StoreWarning "store_warning" {
        /// `stricter`, `evicts` or `lost`.
        warning: &'static str,
        /// What is wrong.
        message: String,
    }
    /// The token store was asked.
    TokenStoreAsked "token_store_asked" {
        /// `get` or `set`.
        action: &'static str,
        /// How long that took.
        elapsed: Duration,
    }
}

/// The wait from which on it is told while it lasts.
pub(crate) const LONG_WAIT: Duration = Duration::from_secs(1);

impl Event {
    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::RetryPlanned { .. } | Self::QuotaBlocked { .. } | Self::StoreWarning { .. } => {
                Level::Warning
            }
            Self::SignedIn { .. } | Self::QuotaWaitLong { .. } => Level::Info,
            Self::QuotaWaitEnded { wait, .. } if *wait >= LONG_WAIT => Level::Info,
            _ => Level::Debug,
        }
    }

    /// Whether it is told at once, with all that happened before.
    pub(crate) fn is_urgent(&self) -> bool {
        self.level() >= Level::Info && !matches!(self, Self::SignedIn { .. })
    }
}

impl From<&Duration> for Fact {
    fn from(time: &Duration) -> Self {
        Self::Time(*time)
    }
}

impl From<&u32> for Fact {
    fn from(number: &u32) -> Self {
        Self::Number((*number).into())
    }
}

impl From<&Option<u16>> for Fact {
    fn from(number: &Option<u16>) -> Self {
        number.map_or(Self::None, |number| Self::Number(number.into()))
    }
}

impl From<&Option<i64>> for Fact {
    fn from(number: &Option<i64>) -> Self {
        number.map_or(Self::None, Self::Number)
    }
}

impl From<&bool> for Fact {
    fn from(truth: &bool) -> Self {
        Self::Truth(*truth)
    }
}

impl From<&&'static str> for Fact {
    fn from(text: &&'static str) -> Self {
        Self::Text((*text).to_owned())
    }
}

impl From<&String> for Fact {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

#[expect(clippy::ref_option_ref, reason = "the table hands all facts on by reference")]
impl From<&Option<&'static str>> for Fact {
    fn from(text: &Option<&'static str>) -> Self {
        text.map_or(Self::None, |text| Self::Text(text.to_owned()))
    }
}
