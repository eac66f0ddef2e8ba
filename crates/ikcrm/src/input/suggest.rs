//! "Did you mean": what a message proposes in the place of an unknown name.

/// How many names a message lists.
const LISTED: usize = 30;

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

/// `; did you mean …? There are …`
pub(crate) fn suggestion<'a, I: Iterator<Item = &'a str>>(
    label: &str,
    possible: impl Fn() -> I,
) -> String {
    let near = nearest(label, possible()).map(|near| format!("; did you mean {near}?"));
    format!("{} there are {}", near.unwrap_or_else(|| ";".to_owned()), list(possible()))
}

pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    let listed: Vec<_> = names.iter().take(LISTED).copied().collect();
    if listed.is_empty() { "none".to_owned() } else { listed.join(", ") + more }
}
