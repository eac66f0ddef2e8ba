//! The table of fields that an update may carry: one row a field, for every language.

/// What kind of value a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum FieldKind {
    /// A positive whole number below 2^53.
    Id,
    /// Text.
    Text,
    /// A decimal amount of money.
    Money,
    /// The id of an option of the field map.
    Option,
    /// A civil date.
    Date,
}

impl FieldKind {
    /// The kind's name in `tests/contract/fields.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Text => "text",
            Self::Money => "money",
            Self::Option => "option",
            Self::Date => "date",
        }
    }
}

/// A field of the request.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub struct Field {
    /// Its name in the API.
    pub name: &'static str,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether the CRM's page says it must be given; such a field may not be null either.
    pub required: bool,
}

const fn optional(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, required: false }
}

const fn required(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, required: true }
}

/// The fields of `PUT /api/v2/opportunities/:id`: its table, then `name` and `approve_status` of
/// its sample request.
#[doc(hidden)]
pub const FIELDS: &[Field] = &[
    optional("user_id", FieldKind::Id),
    required("title", FieldKind::Text),
    required("customer_id", FieldKind::Id),
    optional("expect_amount", FieldKind::Money),
    optional("stage", FieldKind::Option),
    optional("expect_sign_date", FieldKind::Date),
    optional("get_time", FieldKind::Date),
    optional("customer_requirement", FieldKind::Text),
    optional("note", FieldKind::Text),
    optional("source", FieldKind::Option),
    optional("kind", FieldKind::Option),
    optional("want_department_id", FieldKind::Id),
    optional("name", FieldKind::Text),
    optional("approve_status", FieldKind::Text),
];

/// The row of a field, if the API has one of this name.
pub(crate) fn find(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}
