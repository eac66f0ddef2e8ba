//! What the names of fields tell of them.

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

/// The endings of the companions that the CRM computes and never accepts.
const READ_ONLY: [&str; 4] = ["_mapped", "_display", "_i18n", "_hidden_result"];

/// The key that a companion is computed from; nothing when the key is no companion.
pub(crate) fn base_of_read_only(key: &str) -> Option<&str> {
    READ_ONLY.iter().find_map(|end| key.strip_suffix(end))
}

/// Whether the key is a companion that the CRM computes and never accepts.
pub(crate) fn is_read_only(key: &str) -> bool {
    base_of_read_only(key).is_some()
}
