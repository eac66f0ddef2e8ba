//! The CRM's answers, word for word where they are documented.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::accounts::SignIn;
use crate::http::{self, Answer};
use crate::quota::Stats;

const DEAD_TOKEN: &str = "你的帐号已在其他地方登录,本地已经下线";
const NOT_FOUND: &str = "您没有权限查看该对象或该对象不存在。";
const OVER_QUOTA: &str = "Retry later\n";

/// Why a call is refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    NotFound,
    Invalid(String),
}

/// A business failure has HTTP status 200 too: the body's `code` tells.
pub(crate) fn success(data: &Value) -> Answer {
    Answer::json(&json!({"code": 0, "data": data}))
}

pub(crate) fn dead_token() -> Answer {
    refused(100_401, DEAD_TOKEN)
}

pub(crate) fn not_found() -> Answer {
    let error = "active_record/record_not_found";
    Answer::json(&json!({"code": 100_100, "message": NOT_FOUND, "error": error}))
}

pub(crate) fn invalid(message: &str) -> Answer {
    refused(100_406, message)
}

/// The form of a sign-in's answers. The code of a wrong password is not known; this one stands for it.
pub(crate) fn sign_in(ended: SignIn) -> Answer {
    match ended {
        SignIn::Token(token) => success(&json!({"user_token": token})),
        SignIn::Choose(org_list) => {
            let message = "请选择企业";
            Answer::json(
                &json!({"code": 200_075, "data": null, "message": message, "org_list": org_list}),
            )
        }
        SignIn::Refused(message) => refused(100_402, message),
    }
}

fn refused(code: i64, message: &str) -> Answer {
    Answer::json(&json!({"code": code, "data": null, "message": message}))
}

pub(crate) fn over_quota() -> Answer {
    Answer::text(429, OVER_QUOTA)
}

pub(crate) fn no_such_page() -> Answer {
    Answer::text(404, "Not Found\n")
}

/// The refusal of a code that a test asked for.
pub(crate) fn of_code(code: i64) -> Answer {
    match code {
        100_401 => dead_token(),
        100_100 => not_found(),
        _ => refused(code, "沙盒按要求返回的错误"),
    }
}

/// The failure of a status that a test asked for.
pub(crate) fn of_status(status: u16) -> Answer {
    match status {
        429 => over_quota(),
        _ => Answer::text(status, &format!("{}\n", http::reason(status))),
    }
}

pub(crate) fn stats(stats: Stats, endpoints: &BTreeMap<String, usize>) -> Answer {
    Answer::json(&json!({
        "calls": stats.calls,
        "refused": stats.refused,
        "max_in_window": stats.max_in_window,
        "seconds": stats.span.as_secs_f64(),
        "endpoints": endpoints,
    }))
}
