//! `POST /api/v2/auth/login`: a new token.

use http::Method;
use serde::Serialize;
use serde_json::Value as Json;

use super::envelope::{data, status_decides};
use super::request::json;
use crate::auth::{Credentials, Token};
use crate::error::{ApiErrorKind, Error, SIGN_IN};
use crate::transport::{HttpRequest, HttpResponse};

#[derive(Serialize)]
struct SignIn<'a> {
    login: &'a str,
    password: &'a str,
    device: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    corp_id: Option<&'a str>,
}

/// The request of a sign-in.
pub(crate) fn sign_in(credentials: &Credentials) -> HttpRequest {
    let Credentials { login, password, corp_id } = credentials;
    let body = SignIn { login, password, device: "open_api", corp_id: corp_id.as_deref() };
    HttpRequest {
        method: Method::POST,
        route: SIGN_IN,
        path: SIGN_IN.to_owned(),
        body: Some(json(&body)),
        endpoint: Some(format!("POST {SIGN_IN}")),
    }
}

/// The token in the answer to a sign-in.
pub(crate) fn token(response: HttpResponse) -> Result<Token, Error> {
    let data = data(response, true).map_err(sign_in_refusal)?;
    let token = serde_json::from_str::<Json>(data.json()).ok();
    let token = token.as_ref().and_then(|data| data.get("user_token")?.as_str());
    let Some(token) = token else { return Err(data.unlike("has no user_token")) };
    Token::new(token.to_owned())
        .map_err(|_| data.unlike("has a user_token that no header can hold"))
}

/// Whatever the CRM's code for a wrong password may be, it is a refusal to sign in.
fn sign_in_refusal(error: Error) -> Error {
    match error {
        Error::Api(mut refusal) => {
            use ApiErrorKind::{Auth, ChooseEnterprise, RateLimited, Server};
            let kept = matches!(refusal.kind, ChooseEnterprise | RateLimited | Server);
            let kept = kept || status_decides(refusal.status);
            if refusal.api_code.is_some() && !kept {
                refusal.kind = Auth;
            }
            Error::Api(refusal)
        }
        other => other,
    }
}
