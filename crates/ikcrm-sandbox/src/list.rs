//! The list of opportunities: filters, order, pages and the flat form of its rows.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use crate::answers::Refusal;

const DEFAULT_PER_PAGE: usize = 20;
const MOST_PER_PAGE: usize = 100;
/// The keys by which a list may be ordered.
const SORTS: [&str; 7] =
    ["id", "title", "expect_amount", "get_time", "expect_sign_date", "created_at", "updated_at"];

/// What is not known of the CRM's lists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Rows have all that an opportunity has.
    pub(crate) whole_rows: bool,
    /// `sort=updated_at` is done, and not ignored.
    pub(crate) sorts_by_update: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self { whole_rows: false, sorts_by_update: true }
    }
}

/// What a list is asked for.
#[derive(Debug)]
pub(crate) struct Query {
    form: Form,
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
    pub(crate) fn new(parameters: &[(String, String)], form: Form) -> Result<Self, Refusal> {
        let all = |name: &str| {
            let of_name = parameters.iter().filter(|(known, _)| known == name);
            of_name.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let one = |name: &str| all(name).pop().filter(|value| !value.is_empty());
        let by_update = |sort: &String| sort == "updated_at";
        let sort = one("sort").filter(|sort| form.sorts_by_update || !by_update(sort));
        let sort = sort.unwrap_or_else(|| "created_at".to_owned());
        if !SORTS.contains(&sort.as_str()) {
            return Err(Refusal::Invalid(format!("不能按{sort}排序")));
        }
        let descending = match one("order").as_deref() {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(order) => return Err(Refusal::Invalid(format!("order不能是{order}"))),
        };
        Ok(Self {
            form,
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
        let rows: Vec<_> = found
            .iter()
            .skip(from)
            .take(self.per_page)
            .map(|o| row(o, self.form.whole_rows))
            .collect();
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

/// The keys of a row, as the vendor's pages of a customer's opportunities show them.
const ROW: [&str; 24] = [
    "id",
    "title",
    "user_id",
    "user_name",
    "expect_amount",
    "expect_sign_date",
    "get_time",
    "stage",
    "stage_mapped",
    "source",
    "source_mapped",
    "kind",
    "kind_mapped",
    "customer_id",
    "customer_name",
    "customer_requirement",
    "sign_possibility",
    "is_own",
    "is_user_self",
    "approve_status",
    "real_revisit_at",
    "created_at",
    "updated_at",
    "creator",
];

/// Lists are flat: relations are told by `…_id` and `…_name`, but for the creator. `whole` has all
/// that the opportunity has besides.
fn row(opportunity: &Map<String, Value>, whole: bool) -> Value {
    let of = |key: &str| opportunity.get(key).cloned();
    let part = |key: &str, part: &str| Some(of(key)?.get(part)?.clone());
    let mut row = if whole { opportunity.clone() } else { Map::new() };
    for relation in ["customer", "user", "department"] {
        row.remove(relation);
    }
    for key in ROW {
        let value = match key {
            "user_id" => part("user", "id").unwrap_or_default(),
            "user_name" => part("user", "name").unwrap_or_else(|| json!("")),
            "customer_id" => part("customer", "id").unwrap_or_default(),
            "customer_name" => part("customer", "name").unwrap_or_else(|| json!("")),
            "is_own" | "is_user_self" => of(key).unwrap_or(json!(true)),
            "creator" => of(key).unwrap_or_else(|| json!({})),
            "expect_amount" => of(key).unwrap_or_default(),
            _ => of(key).unwrap_or_else(|| json!("")),
        };
        row.insert(key.to_owned(), value);
    }
    Value::Object(row)
}
