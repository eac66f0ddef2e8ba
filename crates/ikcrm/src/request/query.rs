//! `OpportunityQuery`: which opportunities a list holds, built part by part and checked at once.

use std::borrow::Cow;

use jiff::civil::Date;

use crate::error::{Error, Fault, FieldError, FieldErrorCode as Code, fault, keep};
use crate::input::check::{Chosen, Wire, check_date, check_option, check_text};
use crate::input::key::is_word;
use crate::input::setting::whole;
use crate::input::suggest::unknown_message;
use crate::input::{Choice, Value, excerpt};

/// The most rows of a page, the largest number that was seen to work.
pub(crate) const MOST_PER_PAGE: u32 = 100;

/// The parts of a query, for tests against the contract.
#[doc(hidden)]
pub const QUERY_PARTS: &[&str] =
    &["stage", "query", "sort", "order", "created_between", "per_page"];

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// The smallest or the oldest first.
    Ascending,
    /// The largest or the newest first.
    Descending,
}

impl From<Order> for Value {
    fn from(order: Order) -> Self {
        match order {
            Order::Ascending => "asc".into(),
            Order::Descending => "desc".into(),
        }
    }
}

/// Which opportunities to list, and how.
///
/// ```
/// use ikcrm::{OpportunityQuery, Order, date};
///
/// let query = OpportunityQuery::new()
///     .stage("谈判/合同")
///     .created_between(date(2024, 3, 1), date(2024, 3, 21))
///     .sort("created_at")
///     .order(Order::Descending);
/// # let _ = query;
/// ```
///
/// What is not set is left to the CRM, but for [`per_page`](Self::per_page).
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use = "a query does nothing until it is asked"]
pub struct OpportunityQuery(Vec<(Cow<'static, str>, Value)>);

impl OpportunityQuery {
    /// A query for all opportunities that the account may see.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those at this sales stage (销售阶段), by its id or its label.
    pub fn stage(self, stage: impl Into<Choice>) -> Self {
        self.set("stage", stage.into())
    }

    /// Only those that the CRM finds by this text.
    pub fn query(self, text: impl Into<String>) -> Self {
        self.set("query", text.into())
    }

    /// The key to order by, such as `created_at`.
    pub fn sort(self, key: impl Into<String>) -> Self {
        self.set("sort", key.into())
    }

    /// The direction of the order.
    pub fn order(self, order: Order) -> Self {
        self.set("order", order)
    }

    /// Only those made from the first to the last of these days, in China's time.
    pub fn created_between(self, first: Date, last: Date) -> Self {
        self.set("created_between", vec![first, last])
    }

    /// How many rows a page has: 1 to 100 (default: 100, so that a list takes the fewest calls).
    pub fn per_page(self, rows: u32) -> Self {
        self.set("per_page", rows)
    }

    /// Sets any part by its name, for values that are known only at run time. A null takes it away.
    ///
    /// What does not fit is told by the call.
    pub fn set(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.0.retain(|(known, _)| *known != name);
        if value != Value::Null || !QUERY_PARTS.contains(&name.as_ref()) {
            self.0.push((name, value));
        }
        self
    }
}

/// A query that passed all checks that need no look-up.
#[derive(Debug, Clone)]
pub(crate) struct CheckedQuery {
    /// Names and values of the URL, but for the page.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// The label of a stage, to be looked up.
    pub(crate) stage: Option<String>,
    pub(crate) per_page: u32,
}

/// Checks every part; `known` are faults that the call's options have.
pub(crate) fn check_query(
    query: &OpportunityQuery,
    known: &[FieldError],
) -> Result<CheckedQuery, Error> {
    let mut checked = CheckedQuery { parameters: Vec::new(), stage: None, per_page: MOST_PER_PAGE };
    let mut faults = Vec::new();
    for (name, value) in &query.0 {
        keep(checked.part(name, value), name, &mut faults);
    }
    faults.extend_from_slice(known);
    if faults.is_empty() { Ok(checked) } else { Err(Error::Validation { fields: faults }) }
}

impl CheckedQuery {
    fn part(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        match name {
            "stage" => match check_option(value)? {
                Chosen::Id(id) => self.parameter("stage", id.to_string()),
                Chosen::Label(label) => self.stage = Some(label.to_owned()),
            },
            "query" => {
                check_text(value, true)?;
                self.parameter("query", text(value));
            }
            "sort" => self.parameter("sort", check_sort(value)?),
            "order" => self.parameter("order", check_order(value)?),
            "created_between" => {
                for day in check_days(value)? {
                    self.parameter("created_at[]", day);
                }
            }
            "per_page" => self.per_page = check_per_page(value)?,
            "page" => {
                let message = "no such part of a query: a list reads its pages itself; take as many \
                               rows as you need";
                return fault(Code::Unknown, message);
            }
            _ => {
                let message = unknown_message("part of a query", name, QUERY_PARTS.iter().copied());
                return fault(Code::Unknown, message);
            }
        }
        Ok(())
    }

    fn parameter(&mut self, name: &'static str, value: String) {
        self.parameters.push((name, value));
    }
}

fn text(value: &Value) -> String {
    if let Value::Text(text) = value { text.clone() } else { String::new() }
}

fn check_sort(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Text(key) if is_word(key) => Ok(key.clone()),
        _ => fault(
            Code::Format,
            format!("must be the name of a key such as created_at, got {}", value.describe()),
        ),
    }
}

fn check_order(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Text(order) if order == "asc" || order == "desc" => Ok(order.clone()),
        Value::Text(order) => {
            fault(Code::Unknown, format!("must be asc or desc, got {:?}", excerpt(order)))
        }
        _ => fault(Code::Type, format!("must be asc or desc, got {}", value.describe())),
    }
}

/// Two days as `YYYY-MM-DD`, which order as their texts do.
fn check_days(value: &Value) -> Result<[String; 2], Fault> {
    let Value::List(days) = value else {
        let message = format!("must be two days, the first and the last; got {}", value.describe());
        return fault(Code::Type, message);
    };
    let [first, last] = days.as_slice() else {
        return fault(
            Code::Range,
            format!("must be two days, the first and the last; got {}", days.len()),
        );
    };
    let day = |value: &Value| check_date(value).map(Wire::into_text);
    let (first, last) = (day(first)?, day(last)?);
    if first > last {
        return fault(Code::Range, format!("the first day, {first}, is after the last, {last}"));
    }
    Ok([first, last])
}

fn check_per_page(value: &Value) -> Result<u32, Fault> {
    if let Value::Text(_) = value {
        let message = format!("must be a whole number, got {}", value.describe());
        return fault(Code::Type, message);
    }
    let rows = whole(value)?.try_into().ok().filter(|rows| (1..=MOST_PER_PAGE).contains(rows));
    rows.ok_or_else(|| {
        Fault(Code::Range, format!("must be 1 to {MOST_PER_PAGE}, got {}", value.describe()))
    })
}
