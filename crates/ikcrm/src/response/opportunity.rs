//! The typed objects of an answer: one line an attribute, for every language.

use std::ops::Deref;

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::record::{Kind, Record, Shape, Typed};
use crate::error::Error;

/// Declares typed objects: a struct, its shape and an accessor for each attribute.
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident = $shape:ident {
        $($(#[$field_doc:meta])* $field:ident: $kind:ident $(($of:ident = $of_shape:ident))?,)*
    })*) => {$(
        #[doc(hidden)]
        pub(crate) static $shape: Shape = Shape {
            name: stringify!($name),
            fields: &[$((stringify!($field), Kind::$kind $((&$of_shape))?),)*],
        };

        $(#[$doc])*
        ///
        /// It derefs to [`Record`], which reaches every key that came, typed or not. An attribute
        /// is `None` when it is absent, null, `""` or `{}`, and an [`Error::InvalidAnswer`] when
        /// its value is not of its type.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(Record);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl $name {
            $(
                $(#[$field_doc])*
                ///
                /// # Errors
                ///
                /// [`Error::InvalidAnswer`] when the value is not of this type.
                pub fn $field(&self) -> Result<records!(@type $kind $($of)?), Error> {
                    let typed = self.0.read(stringify!($field), Kind::$kind $((&$of_shape))?)?;
                    Ok(records!(@take typed, $kind $($of)?))
                }
            )*
        }

        impl $name {
            /// The object of a JSON text, as [`raw`](Record::raw) gave it.
            ///
            /// # Errors
            ///
            /// When the text is not a JSON object.
            pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
                Record::parse(&$shape, json).map(Self)
            }
        }

        impl Deref for $name {
            type Target = Record;

            fn deref(&self) -> &Record {
                &self.0
            }
        }

        impl From<Record> for $name {
            fn from(record: Record) -> Self {
                Self(record)
            }
        }
    )*};

    (@type Id) => { Option<u64> };
    (@type Money) => { Option<Decimal> };
    (@type Number) => { Option<f64> };
    (@type Bool) => { Option<bool> };
    (@type Date) => { Option<Date> };
    (@type DateTime) => { Option<DateTime> };
    (@type Record $of:ident) => { Option<$of> };
    (@type Records $of:ident) => { Vec<$of> };
    (@type $text:ident) => { Option<String> };

    (@take $typed:ident, Id) => { if let Typed::Id(id) = $typed { Some(id) } else { None } };
    (@take $typed:ident, Money) => {
        if let Typed::Decimal(amount) = $typed { Some(amount) } else { None }
    };
    (@take $typed:ident, Number) => {
        if let Typed::Number(number) = $typed { Some(number) } else { None }
    };
    (@take $typed:ident, Bool) => { if let Typed::Bool(bool) = $typed { Some(bool) } else { None } };
    (@take $typed:ident, Date) => { if let Typed::Date(date) = $typed { Some(date) } else { None } };
    (@take $typed:ident, DateTime) => {
        if let Typed::DateTime(at) = $typed { Some(at) } else { None }
    };
    (@take $typed:ident, Record $of:ident) => {
        if let Typed::Record(record) = $typed { Some($of(record)) } else { None }
    };
    (@take $typed:ident, Records $of:ident) => {
        match $typed {
            Typed::Records(records) => records.into_iter().map($of).collect(),
            _ => Vec::new(),
        }
    };
    (@take $typed:ident, $text:ident) => {
        if let Typed::Text(text) = $typed { Some(text.into_owned()) } else { None }
    };
}

impl Opportunity {
    /// The same as the answer to an update.
    pub(crate) fn of_update(self) -> Self {
        Self(self.0.of_update())
    }
}

records! {
    // <generated: records>, by `make generate`
    /// A sales opportunity (商机) as the CRM answers it.
    Opportunity = OPPORTUNITY {
        /// The opportunity's id.
        id: Id,
        /// The title (商机标题).
        title: Text,
        /// The name, if the CRM sends one.
        name: Text,
        /// The customer it is for (对应客户).
        customer: Record(Customer = CUSTOMER),
        /// The user in charge (负责人).
        user: Record(User = USER),
        /// The user who made it.
        creator: Record(User = USER),
        /// The department it belongs to.
        department: Record(Department = DEPARTMENT),
        /// The department that owns it.
        owned_department: Record(Department = DEPARTMENT),
        /// The expected amount (预计销售金额).
        expect_amount: Money,
        /// The chance of winning, as it came: `80%` or a number.
        sign_possibility: Percent,
        /// The day on which it was found (商机获取日期).
        get_time: Date,
        /// The day on which the contract is expected (预计签单日期).
        expect_sign_date: Date,
        /// The id of the sales stage (销售阶段).
        stage: Choice,
        /// The label of the sales stage.
        stage_mapped: Choice,
        /// The id of the source (来源).
        source: Choice,
        /// The label of the source.
        source_mapped: Choice,
        /// The id of the kind (商机类型).
        kind: Choice,
        /// The label of the kind.
        kind_mapped: Choice,
        /// What the customer needs (客户需求).
        customer_requirement: Text,
        /// The note (备注).
        note: Text,
        /// The state of approval.
        approve_status: Choice,
        /// The label of the state of approval.
        approve_status_i18n: Choice,
        /// When it was made, in China's time.
        created_at: DateTime,
        /// When it was last changed, in China's time.
        updated_at: DateTime,
    }

    /// A sales opportunity (商机) as a row of a list: flat, with ids and names for objects.
    OpportunityRow = OPPORTUNITY_ROW {
        /// The opportunity's id.
        id: Id,
        /// The title (商机标题).
        title: Text,
        /// The name, if the CRM sends one.
        name: Text,
        /// The id of the customer it is for (对应客户).
        customer_id: Id,
        /// The name of the customer it is for.
        customer_name: Text,
        /// The id of the user in charge (负责人).
        user_id: Id,
        /// The name of the user in charge.
        user_name: Text,
        /// The expected amount (预计销售金额).
        expect_amount: Money,
        /// The chance of winning, as it came: `80%` or a number.
        sign_possibility: Percent,
        /// The day on which it was found (商机获取日期).
        get_time: Date,
        /// The day on which the contract is expected (预计签单日期).
        expect_sign_date: Date,
        /// The id of the sales stage (销售阶段).
        stage: Choice,
        /// The label of the sales stage.
        stage_mapped: Choice,
        /// The id of the source (来源).
        source: Choice,
        /// The label of the source.
        source_mapped: Choice,
        /// The id of the kind (商机类型).
        kind: Choice,
        /// The label of the kind.
        kind_mapped: Choice,
        /// What the customer needs (客户需求).
        customer_requirement: Text,
        /// The note (备注).
        note: Text,
        /// The state of approval.
        approve_status: Choice,
        /// The label of the state of approval.
        approve_status_i18n: Choice,
        /// When it was made, in China's time.
        created_at: DateTime,
        /// When it was last changed, in China's time.
        updated_at: DateTime,
    }

    /// A customer (客户).
    Customer = CUSTOMER {
        /// The customer's id.
        id: Id,
        /// The customer's name.
        name: Text,
        /// The company's name.
        company_name: Text,
        /// The id of the state (状态).
        status: Choice,
        /// The label of the state.
        status_mapped: Choice,
        /// The id of the category.
        category: Choice,
        /// The label of the category.
        category_mapped: Choice,
        /// The id of the source (来源).
        source: Choice,
        /// The label of the source.
        source_mapped: Choice,
        /// The id of the industry (行业).
        industry: Choice,
        /// The label of the industry.
        industry_mapped: Choice,
        /// The note (备注).
        note: Text,
        /// The customer it belongs to.
        parent: Record(Customer = CUSTOMER),
        /// The people to talk to (联系人).
        contacts: Records(Contact = CONTACT),
        /// Where it is and how to reach it.
        address: Record(Address = ADDRESS),
        /// The user in charge (负责人).
        user: Record(User = USER),
        /// The user who made it.
        creator: Record(User = USER),
        /// The user who was in charge before.
        before_user: Record(User = USER),
        /// The department that owns it.
        owned_department: Record(Department = DEPARTMENT),
        /// The department that owned it before.
        before_owned_department: Record(Department = DEPARTMENT),
        /// The state of approval.
        approve_status: Choice,
        /// The label of the state of approval.
        approve_status_i18n: Choice,
        /// Whether it is the caller's own.
        is_own: Bool,
        /// Whether the caller may change it.
        is_editable: Bool,
        /// When it was made, in China's time.
        created_at: DateTime,
        /// When it was last changed, in China's time.
        updated_at: DateTime,
    }

    /// A person to talk to at a customer (联系人).
    Contact = CONTACT {
        /// The contact's id.
        id: Id,
        /// The contact's name.
        name: Text,
        /// How to reach the contact.
        address: Record(Address = ADDRESS),
    }

    /// Where someone is and how to reach them.
    Address = ADDRESS {
        /// The address's id.
        id: Id,
        /// The telephone number.
        tel: Text,
        /// The mobile number.
        phone: Text,
        /// The e-mail address.
        email: Text,
        /// The QQ number.
        qq: Text,
        /// The fax number.
        fax: Text,
        /// The WeChat name.
        wechat: Text,
        /// The Wangwang name.
        wangwang: Text,
        /// The postal code.
        zip: Text,
        /// The web site.
        url: Text,
        /// Street and house.
        detail_address: Text,
        /// The whole address.
        full_address: Text,
        /// The latitude, in degrees.
        lat: Number,
        /// The longitude, in degrees.
        lng: Number,
    }

    /// A user of the CRM.
    User = USER {
        /// The user's id.
        id: Id,
        /// The user's name.
        name: Text,
        /// The e-mail address.
        email: Text,
        /// The mobile number.
        phone: Text,
        /// The telephone number.
        tel: Text,
        /// The position held.
        job: Text,
        /// The name of the department.
        department_name: Text,
        /// The id of the enterprise.
        organization_id: Id,
        /// The id of the role.
        role_id: Id,
        /// The state of the account.
        workflow_state: Choice,
        /// The URL of the picture.
        avatar_url: Text,
        /// When the account was made, in China's time.
        created_at: DateTime,
    }

    /// A department of the enterprise.
    Department = DEPARTMENT {
        /// The department's id.
        id: Id,
        /// The department's name.
        name: Text,
    }
    // </generated>
}

/// Every typed object, for the bindings and for tests against the contract.
#[doc(hidden)]
pub static SHAPES: [&Shape; 7] =
    [&OPPORTUNITY, &OPPORTUNITY_ROW, &CUSTOMER, &CONTACT, &ADDRESS, &USER, &DEPARTMENT];
