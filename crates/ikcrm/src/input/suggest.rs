//! "Did you mean": what a message proposes in the place of an unknown name.

use super::value::excerpt;
use crate::error::{Fault, FieldError, FieldErrorCode as Code, spelt};

/// How many names a message lists.
const LISTED: usize = 30;

/// The longest name that is compared with others.
const LONGEST: usize = 60;

/// The name out of `names` that is nearest to `name`, if one is near.
#[must_use]
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.chars().count() > LONGEST {
        return None;
    }
    names
        .into_iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, known)| *likeness > 0.8 || is_slip(name, known))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// Whether one name is the other but for a slip in three characters, or one slip in a label of two or
/// three, which is a whole word in Chinese.
fn is_slip(name: &str, known: &str) -> bool {
    let length = name.chars().count().max(known.chars().count());
    let slips = strsim::osa_distance(name, known);
    slips < length && slips <= (length / 3).max(1)
}

/// "no such field", with the nearest known name.
pub(crate) fn unknown_message<'a>(
    what: &str,
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    match nearest(name, names) {
        Some(known) => format!("no such {what}; did you mean {known}?"),
        None => format!("no such {what}"),
    }
}

/// The fault of a name that no option has, all as the caller's language spells it.
pub(crate) fn no_option<'a>(
    what: &str,
    name: &str,
    options: impl IntoIterator<Item = &'a str>,
) -> FieldError {
    let name = spelt(name);
    Fault(Code::Unknown, unknown_message(what, name, options.into_iter().map(spelt))).of(name)
}

/// `; did you mean …? available: …`
pub(crate) fn suggestion<'a, I: Iterator<Item = &'a str>>(
    label: &str,
    possible: impl Fn() -> I,
) -> String {
    let near = nearest(label, possible()).map(|near| format!("; did you mean {near}?"));
    format!("{} available: {}", near.unwrap_or_else(|| ";".to_owned()), list(possible()))
}

pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    let listed: Vec<_> = names.iter().take(LISTED).map(|name| excerpt(name)).collect();
    if listed.is_empty() { "none".to_owned() } else { listed.join(", ") + more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_labels_and_misspelt_names_have_a_nearest() {
        let stages = ["初步接洽", "需求确定", "方案/报价", "谈判/合同", "赢单", "输单"];
        assert_eq!(nearest("赢丹", stages), Some("赢单"));
        assert_eq!(nearest("书单", stages), Some("输单"));
        assert_eq!(nearest("谈判合同", stages), Some("谈判/合同"));
        let options = ["timeout", "max_retries", "partial", "fill", "if_unchanged", "refresh"];
        for (slip, meant) in
            [("partail", "partial"), ("time_out", "timeout"), ("refesh", "refresh")]
        {
            assert_eq!(nearest(slip, options), Some(meant));
        }
    }

    #[test]
    fn what_is_like_none_has_no_nearest() {
        let names = ["赢单", "输单", "title", "note"];
        for name in ["签", "合同", "zebra", "", &"title".repeat(100)] {
            assert_eq!(nearest(name, names), None, "{name}");
        }
    }
}
