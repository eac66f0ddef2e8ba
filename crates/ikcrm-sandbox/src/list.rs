//! The list of opportunities: filters, order, pages and the flat form of its rows.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use crate::answers::Refusal;

const DEFAULT_PER_PAGE: usize = 20;
const MOST_PER_PAGE: usize = 100;
/// The keys by which a list may be ordered.
const SORTS: [&str; 7] =
    ["id", "title", "expect_amount", "get_time", "expect_sign_date", "created_at", "updated_at"];

/// What a list is asked for.
#[derive(Debug)]
pub(crate) struct Query {
    page: usize,
    per_page: usize,
    stage: Option<String>,
    text: Option<String>,
    created: Vec<String>,
    sort: String,
    descending: bool,
}

impl Query {
    /// Reads the parameters of the URL.
    pub(crate) fn new(parameters: &[(String, String)]) -> Result<Self, Refusal> {
        let all = |name: &str| {
            let of_name = parameters.iter().filter(|(known, _)| known == name);
            of_name.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let one = |name: &str| all(name).pop().filter(|value| !value.is_empty());
        let sort = one("sort").unwrap_or_else(|| "created_at".to_owned());
        if !SORTS.contains(&sort.as_str()) {
            return Err(Refusal::Invalid(format!("不能按{sort}排序")));
        }
        let descending = match one("order").as_deref() {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(order) => return Err(Refusal::Invalid(format!("order不能是{order}"))),
        };
        Ok(Self {
            page: number("page", one("page"), 1)?,
            per_page: number("per_page", one("per_page"), DEFAULT_PER_PAGE)?.min(MOST_PER_PAGE),
            stage: one("stage"),
            text: one("query"),
            created: all("created_at[]"),
            sort,
            descending,
        })
    }

    /// `data` of the answer: the page that is asked for.
    pub(crate) fn answer<'a>(
        &self,
        opportunities: impl Iterator<Item = &'a Map<String, Value>>,
    ) -> Value {
        let mut found: Vec<_> = opportunities.filter(|known| self.wants(known)).collect();
        found.sort_by(|a, b| self.compare(a, b));
        let from = self.page.saturating_sub(1).saturating_mul(self.per_page);
        let rows: Vec<_> = found.iter().skip(from).take(self.per_page).map(|o| row(o)).collect();
        json!({
            "opportunities": rows,
            "total_count": found.len(),
            "per_page": self.per_page,
            "page": self.page,
        })
    }

    fn wants(&self, opportunity: &Map<String, Value>) -> bool {
        let text = |key: &str| opportunity.get(key).and_then(Value::as_str).unwrap_or_default();
        let day = text("created_at").get(..10).unwrap_or_default();
        let in_time = match self.created.as_slice() {
            [from, to] => from.as_str() <= day && day <= to.as_str(),
            _ => true,
        };
        let of_stage = self.stage.as_deref().is_none_or(|stage| text("stage") == stage);
        let customer = opportunity.get("customer").and_then(|customer| customer["name"].as_str());
        let has_text = self.text.as_deref().is_none_or(|part| {
            text("title").contains(part) || customer.is_some_and(|name| name.contains(part))
        });
        in_time && of_stage && has_text
    }

    fn compare(&self, a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
        let key = |of: &Map<String, Value>| {
            let value = of.get(&self.sort).cloned().unwrap_or_default();
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            (text.parse::<f64>().unwrap_or_default(), text, of.get("id").and_then(Value::as_u64))
        };
        let (a, b) = (key(a), key(b));
        let order = a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2)));
        if self.descending { order.reverse() } else { order }
    }
}

fn number(name: &str, text: Option<String>, default: usize) -> Result<usize, Refusal> {
    let Some(text) = text else { return Ok(default) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Refusal::Invalid(format!("{name}不是正整数")))
}

/// Lists are flat: relations are told by `…_id` and `…_name`.
fn row(opportunity: &Map<String, Value>) -> Value {
    let mut row = Map::new();
    for (key, value) in opportunity {
        match (key.as_str(), value) {
            ("customer" | "user" | "creator" | "department", Value::Object(of)) => {
                let part = |name: &str| of.get(name).cloned().unwrap_or(json!(""));
                row.insert(format!("{key}_id"), part("id"));
                row.insert(format!("{key}_name"), part("name"));
            }
            _ => drop(row.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(row)
}
