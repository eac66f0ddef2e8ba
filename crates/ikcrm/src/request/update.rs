//! `OpportunityUpdate`: the request of an update, built field by field.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::input::{Amount, Choice, Day, Id, IntoPatch, Patch, Value};
use crate::response::Opportunity;

/// The fields to change in an opportunity.
///
/// What is not set is not sent and keeps its value; [`Patch::Null`] clears a field. A setter takes
/// the types that people have: an id is any whole number, an amount a number, a
/// [`Decimal`](crate::Decimal) or text, a day a [`Date`](crate::Date) or text, and each an `Option`,
/// whose `None` leaves the field alone. `title` and
/// `customer_id` are required by the API's page and may not be null; [`partial`](Self::partial)
/// lifts the requirement. Everything is checked together when the update is sent.
///
/// ```
/// use ikcrm::{OpportunityUpdate, Patch};
///
/// let update = OpportunityUpdate::new()
///     .title("ccc")
///     .customer_id(1)
///     .expect_amount(20_000)
///     .get_time("2019-02-14")
///     .note(Patch::Null)
///     .custom("text_asset_8b1eeedd", "x");
/// # let _ = update;
/// ```
///
/// Source: <https://lxcrm.weiwenjia.com>, page "修改商机接口", `PUT /api/v2/opportunities/:id`.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use = "an update does nothing until it is sent"]
pub struct OpportunityUpdate {
    pub(crate) fields: Vec<(Cow<'static, str>, Value)>,
    pub(crate) custom: Vec<(String, Value)>,
    pub(crate) partial: bool,
    pub(crate) fill: bool,
    pub(crate) if_unchanged: Option<Opportunity>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(self, value: impl Into<Patch<$type>>) -> Self {
            self.patch(stringify!($name), value.into().into_value())
        }
    )*};
}

impl OpportunityUpdate {
    /// An update that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
    // <generated: setters>, by `make generate`
        /// The id of the user in charge (负责人).
        user_id: Id;
        /// The opportunity's title (商机标题). It may not be blank. Required; may not be null.
        title: String;
        /// The customer's id (对应客户). Required; may not be null.
        customer_id: Id;
        /// The expected amount (预计销售金额): at most 28 digits, no thousands separators.
        expect_amount: Amount;
        /// The sales stage (销售阶段): its id as the field map gives it, or its label.
        stage: Choice;
        /// The day on which the contract is expected (预计签单日期).
        expect_sign_date: Day;
        /// The day on which the opportunity was found (商机获取日期).
        get_time: Day;
        /// What the customer needs (客户需求).
        customer_requirement: String;
        /// A note (备注).
        note: String;
        /// The source (来源): its id as the field map gives it, or its label.
        source: Choice;
        /// The kind (商机类型): its id as the field map gives it, or its label.
        kind: Choice;
        /// The id of the department it belongs to (所属部门).
        want_department_id: Id;
        /// A name, as in the page's sample request; its table does not list it.
        name: String;
        /// The state of approval, as in the page's sample request; its table does not list it.
        approve_status: String;
    // </generated>
    }

    /// Sets a custom field by its key, such as `text_asset_8b1eeedd`, or by its label, such as
    /// `合同编号`.
    ///
    /// A name of lower-case ASCII letters, digits and underscores only is taken for a key, and so is
    /// what has the form of one; anything else is a label. Labels are looked up by
    /// `GET /api/v2/custom_fields/opportunity/by_group`, an endpoint that the vendor does not document
    /// and other clients use: the type that it tells of a field is checked as far as it is known, the
    /// labels of a field's options become their ids, and a field that may not be edited is refused.
    ///
    /// Text and one choice are text, several choices a list of texts, a number a number, a date a
    /// date, users and departments ids or lists of ids.
    ///
    /// [`Patch::Null`] clears the field; [`Patch::Unset`] and `None` take it out of the update.
    pub fn custom(mut self, key: impl Into<String>, value: impl IntoPatch) -> Self {
        let key = key.into();
        self.custom.retain(|(known, _)| *known != key);
        self.custom.extend(value.into_patch().into_value().map(|value| (key, value)));
        self
    }

    /// Sets any field by its name, for names and values that are known only at run time.
    ///
    /// The name `custom` takes a [`Value::Map`] of custom fields.
    pub fn set(self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        match (name.into(), value.into()) {
            (Cow::Borrowed("custom"), Value::Map(entries)) => self.customs(entries),
            (Cow::Owned(name), Value::Map(entries)) if name == "custom" => self.customs(entries),
            (name, value) => self.patch(name, Some(value)),
        }
    }

    /// Lets the update be sent without `title` or `customer_id`.
    ///
    /// The API's page requires both; a client in the field was seen to succeed without.
    pub fn partial(mut self, partial: bool) -> Self {
        self.partial = partial;
        self
    }

    /// Fills `title` and `customer_id`, where they are not given, with what the opportunity has, so
    /// that one field can be changed by itself.
    ///
    /// That takes two calls: the opportunity is read first, unless neither is missing. What somebody
    /// else changes in these two fields between the two calls is changed back;
    /// [`if_unchanged`](Self::if_unchanged) narrows that gap but cannot close it.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let update = ikcrm::OpportunityUpdate::new().stage("赢单").fill(true);
    /// client.update_opportunity(568_587, &update)?;
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    pub fn fill(mut self, fill: bool) -> Self {
        self.fill = fill;
        self
    }

    /// Updates only if the opportunity is still as in this record, which an earlier call answered;
    /// otherwise fails with [`Error::Conflict`](crate::Error::Conflict), which names the fields that
    /// differ, and updates nothing.
    ///
    /// That takes two calls: the opportunity is read first (once, even with [`fill`](Self::fill)).
    /// Compared are the keys that both records have. What belongs to others is compared by its id
    /// (the customer, not the customer's telephone number), what the CRM derives (`*_mapped`,
    /// `*_display`, …) not at all, and nothing is nothing, be it `null`, `""`, `{}` or `[]`.
    ///
    /// It finds what was changed before the reading, however long ago the record was taken, and
    /// `updated_at`, which the CRM keeps to the minute, makes it find even changes of fields that are
    /// not served. It cannot find what is changed between the reading and the update, some
    /// milliseconds later: the API has no way to update on a condition.
    pub fn if_unchanged(mut self, record: &Opportunity) -> Self {
        self.if_unchanged = Some(record.clone());
        self
    }

    /// Replaces what was set under these keys. One that stands twice among them is refused later.
    fn customs(mut self, entries: Vec<(String, Value)>) -> Self {
        let keys: HashSet<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        self.custom.retain(|(known, _)| !keys.contains(known.as_str()));
        self.custom.extend(entries);
        self
    }

    /// Replaces what was set under this name.
    fn patch(mut self, name: impl Into<Cow<'static, str>>, value: Option<Value>) -> Self {
        let name = name.into();
        self.fields.retain(|(known, _)| *known != name);
        self.fields.extend(value.map(|value| (name, value)));
        self
    }
}
