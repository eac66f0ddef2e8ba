//! `/api/v2/opportunities`: update, read, list.

use std::ops::Range;
use std::sync::Arc;

use http::Method;

use super::envelope::data;
use super::request::{get, json, percent};
use crate::error::{Error, Excerpt};
use crate::input::check::Fields;
use crate::request::{Checked, CheckedQuery};
use crate::response::{
    Kind, MOST_RECORDS, OPPORTUNITY, OPPORTUNITY_ROW, Opportunity, OpportunityPage, OpportunityRow,
    Record, Scan, Typed,
};
use crate::transport::{HttpRequest, HttpResponse};

const PATH: &str = "/api/v2/opportunities";
/// The route of one opportunity.
pub(crate) const ONE: &str = "/api/v2/opportunities/:id";
/// The route of the list.
pub(crate) const ALL: &str = PATH;

#[derive(serde::Serialize)]
struct Body<'a> {
    opportunity: &'a Fields<'a>,
}

/// `PUT /api/v2/opportunities/:id`.
pub(crate) fn update(call: &Checked<'_>) -> HttpRequest {
    let body = Some(json(&Body { opportunity: &call.fields }));
    let path = format!("{PATH}/{}", call.id);
    HttpRequest { method: Method::PUT, route: ONE, path, body, endpoint: None }
}

/// `GET /api/v2/opportunities/:id`.
pub(crate) fn read(id: i64) -> HttpRequest {
    get(ONE, format!("{PATH}/{id}"))
}

/// `GET /api/v2/opportunities/:id`, before an update of it.
pub(crate) fn read_before(id: i64) -> HttpRequest {
    HttpRequest { endpoint: Some(format!("GET {PATH}/:id")), ..read(id) }
}

/// `GET /api/v2/opportunities`, one page.
pub(crate) fn list(query: &CheckedQuery, page: u32) -> HttpRequest {
    let mut path = format!("{PATH}?page={page}&per_page={}", query.per_page);
    for (name, value) in &query.parameters {
        path.extend(["&", &percent(name), "=", &percent(value)]);
    }
    get(ALL, path)
}

/// The opportunity in an answer, which must be the one that was asked for, as far as it says.
pub(crate) fn opportunity(response: HttpResponse, asked: i64) -> Result<Opportunity, Error> {
    let mut data = data(response, false)?;
    if data.index.is_empty() {
        return Err(data.unlike("has no id of an opportunity"));
    }
    let (text, index) = (Arc::clone(data.text()), std::mem::take(&mut data.index));
    let record = Record::indexed(&OPPORTUNITY, text, data.range.clone(), index);
    match record.read("id", Kind::Id) {
        Ok(Typed::Id(id)) if i64::try_from(id) != Ok(asked) => {
            Err(data.unlike(&format!("is about the opportunity {id}, not about {asked}")))
        }
        Ok(_) => Ok(record.into()),
        Err(_) => Err(data.unlike("has an id that is not a valid one")),
    }
}

/// The page of a list in an answer.
pub(crate) fn page(response: HttpResponse) -> Result<OpportunityPage, Error> {
    let data = data(response, false)?;
    let text = data.text();
    let rows = data.find("opportunities").and_then(|list| Scan::new(text, list.start).list());
    let rows = rows.ok_or_else(|| data.unlike("has no list of rows as data.opportunities"))?;
    if rows.len() > MOST_RECORDS {
        return Err(data.unlike(&format!("has more than {MOST_RECORDS} rows")));
    }
    let row = |range: Range<usize>| {
        let is_object = text.get(range.clone())?.starts_with('{');
        is_object.then(|| Record::new(&OPPORTUNITY_ROW, Arc::clone(text), range).into())
    };
    let rows: Option<Vec<OpportunityRow>> = rows.into_iter().map(row).collect();
    let number = |key| serde_json::from_str(text.get(data.find(key)?)?).ok();
    Ok(OpportunityPage {
        rows: rows.ok_or_else(|| data.unlike("has a row that is not an object"))?,
        total_count: number("total_count"),
        per_page: number("per_page"),
    })
}

/// The error of a CRM that serves one page for all numbers.
pub(crate) fn repeated(number: u32) -> Error {
    Error::InvalidAnswer {
        message: format!(
            "GET {PATH}: page {number} has the same rows as the page before; the list would never end"
        ),
        status: Some(200),
        excerpt: Excerpt::default(),
        may_have_been_applied: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<Opportunity, Error> {
        let (status, content_type) = (200, "application/json".to_owned());
        let response = HttpResponse { status, content_type, retry_after: None, body: text.into() };
        opportunity(response, 1)
    }

    #[test]
    fn the_object_is_kept_to_the_letter_wherever_it_stands() {
        for object in ["{\"id\":1}", "{ \"id\" : 1 ,\n\"a\\n}{\":\"}\\\"{\", \"x\":{} }"] {
            for text in [
                format!("{{\"code\":0,\"data\":{object}}}"),
                format!(" {{ \"data\" :\n{object} , \"message\" : \"}}\", \"code\":\"0\" }} "),
            ] {
                assert_eq!(decoded(&text).unwrap().raw(), object);
            }
        }
    }

    #[test]
    fn a_page_of_more_rows_than_can_be_is_refused() {
        let rows = |count: usize| {
            let rows = vec!["{}"; count].join(",");
            let body = format!(r#"{{"code":0,"data":{{"opportunities":[{rows}]}}}}"#).into();
            let (status, content_type) = (200, "application/json".to_owned());
            page(HttpResponse { status, content_type, retry_after: None, body })
        };
        assert_eq!(rows(MOST_RECORDS).unwrap().rows.len(), MOST_RECORDS);
        let error = rows(MOST_RECORDS + 1).unwrap_err();
        assert!(error.to_string().contains("more than 100000 rows"), "{error}");
    }

    #[test]
    fn what_looks_like_an_object_but_is_text_is_none() {
        let error = decoded("{\"code\":0,\"data\":\"{\\\"id\\\":1}\"}").unwrap_err();
        assert!(error.message().contains("has no object as data"));
    }
}
