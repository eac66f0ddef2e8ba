//! The CRM's answers, word for word where they are documented.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::accounts::SignIn;
use crate::quota::Stats;

/// Why a call is refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    NotFound,
    Invalid(String),
}

pub(crate) fn success(data: &Value) -> Response {
    in_json(&json!({"code": 0, "data": data}))
}

pub(crate) fn dead_token() -> Response {
    let message = "你的帐号已在其他地方登录,本地已经下线";
    in_json(&json!({"code": 100_401, "data": null, "message": message}))
}

pub(crate) fn not_found() -> Response {
    let message = "您没有权限查看该对象或该对象不存在。";
    let error = "active_record/record_not_found";
    in_json(&json!({"code": 100_100, "message": message, "error": error}))
}

pub(crate) fn invalid(message: &str) -> Response {
    in_json(&json!({"code": 100_406, "data": null, "message": message}))
}

/// The form of a sign-in's answers. The code of a wrong password is not known; this one stands for it.
pub(crate) fn sign_in(ended: SignIn) -> Response {
    match ended {
        SignIn::Token(token) => success(&json!({"user_token": token})),
        SignIn::Choose(org_list) => {
            let message = "请选择企业";
            in_json(
                &json!({"code": 200_075, "data": null, "message": message, "org_list": org_list}),
            )
        }
        SignIn::Refused(message) => {
            in_json(&json!({"code": 100_402, "data": null, "message": message}))
        }
    }
}

pub(crate) fn over_quota() -> Response {
    (StatusCode::TOO_MANY_REQUESTS, "Retry later\n").into_response()
}

pub(crate) fn no_such_page() -> Response {
    (StatusCode::NOT_FOUND, "Not Found\n").into_response()
}

pub(crate) fn stats(stats: Stats, endpoints: &BTreeMap<String, usize>) -> Response {
    in_json(&json!({
        "calls": stats.calls,
        "refused": stats.refused,
        "max_in_window": stats.max_in_window,
        "seconds": stats.span.as_secs_f64(),
        "endpoints": endpoints,
    }))
}

/// A business failure has HTTP status 200 too: the body's `code` tells.
fn in_json(body: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}
