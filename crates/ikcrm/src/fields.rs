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

/// The kinds of custom fields, told by their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CustomKind {
    /// `text_asset_<hex>`: text, a choice, several choices or a date.
    Text,
    /// `numeric_asset_<hex>`: a JSON number.
    Number,
    /// `user_field_asset_<hex>`: ids of users or departments, always a list.
    Ids,
    /// Any other custom field: sent as it is.
    Any,
}

/// The kind of a custom field, or nothing when the key is not one of a custom field.
pub(crate) fn custom_kind(key: &str) -> Option<CustomKind> {
    if is_word(key) && (key.starts_with("file_asset") || key.starts_with("subform_")) {
        return Some(CustomKind::Any);
    }
    let (word, hex) = key.split_once("_asset_")?;
    let well_formed =
        is_word(word) && !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed.then_some(match word {
        "text" => CustomKind::Text,
        "numeric" => CustomKind::Number,
        "user_field" => CustomKind::Ids,
        _ => CustomKind::Any,
    })
}

/// Whether the text is a name such as the API uses: lower-case ASCII letters, digits, underscores.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether the key is a companion that the CRM computes and never accepts.
pub(crate) fn is_read_only(key: &str) -> bool {
    ["_mapped", "_display", "_i18n", "_hidden_result"].iter().any(|end| key.ends_with(end))
}

/// The name out of `names` that is nearest to `name`, if one is near.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// "no such field", with the nearest known name.
#[must_use]
pub fn unknown_message<'a>(
    what: &str,
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    match nearest(name, names) {
        Some(known) => format!("no such {what}; did you mean {known}?"),
        None => format!("no such {what}"),
    }
}
