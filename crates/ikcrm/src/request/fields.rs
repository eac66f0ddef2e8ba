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
    /// The kind's name in `contract/fields.json`.
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
    /// Where an answer has it: the first of these paths that is there.
    pub read: &'static [&'static str],
    /// Its name on the CRM's page, where that has one.
    pub chinese: Option<&'static str>,
    /// Whether the rows of a list have it too.
    pub listed: bool,
}

const fn field(name: &'static str, kind: FieldKind, read: &'static [&'static str]) -> Field {
    Field { name, kind, required: false, read, chinese: None, listed: true }
}

impl Field {
    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn chinese(self, name: &'static str) -> Self {
        Self { chinese: Some(name), ..self }
    }

    const fn not_listed(self) -> Self {
        Self { listed: false, ..self }
    }
}

/// The fields of `PUT /api/v2/opportunities/:id`: its table, then `name` and `approve_status` of
/// its sample request.
#[doc(hidden)]
pub const FIELDS: &[Field] = &[
    // <generated: fields>, by `make generate`
    field("user_id", FieldKind::Id, &["user_id", "user.id"]).chinese("负责人id"),
    field("title", FieldKind::Text, &["title"]).chinese("商机标题").required(),
    field("customer_id", FieldKind::Id, &["customer_id", "customer.id"])
        .chinese("对应客户id")
        .required(),
    field("expect_amount", FieldKind::Money, &["expect_amount"]).chinese("预计销售金额"),
    field("stage", FieldKind::Option, &["stage"]).chinese("销售阶段"),
    field("expect_sign_date", FieldKind::Date, &["expect_sign_date"]).chinese("预计签单日期"),
    field("get_time", FieldKind::Date, &["get_time"]).chinese("商机获取日期"),
    field("customer_requirement", FieldKind::Text, &["customer_requirement"]).chinese("客户需求"),
    field("note", FieldKind::Text, &["note"]).chinese("备注").not_listed(),
    field("source", FieldKind::Option, &["source"]).chinese("来源"),
    field("kind", FieldKind::Option, &["kind"]).chinese("商机类型"),
    field("want_department_id", FieldKind::Id, &["want_department_id", "department.id"])
        .chinese("所属部门")
        .not_listed(),
    field("name", FieldKind::Text, &["name"]).not_listed(),
    field("approve_status", FieldKind::Text, &["approve_status"]),
    // </generated>
];

/// The row of a field, if the API has one of this name.
pub(crate) fn find(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}
