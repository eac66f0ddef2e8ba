//! Tokens: one that is taken is sent to the letter and shown nowhere; sign-ins carry what was given.

use ikcrm::{Error, fuzz};
use serde_json::{Value as Json, json};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let fits = |c: char| c.is_ascii_graphic() && !",;\"'\\".contains(c);
    let is_token = !text.is_empty() && text.chars().all(fits);
    let found = fuzz::token(text);
    assert_eq!(found.is_some(), is_token, "{text:?}");
    if let Some((header, shown)) = found {
        let expected = format!("Token token={text}, device=open_api, version_code=9.9.9");
        assert_eq!(header.to_str().ok(), Some(&*expected));
        assert!(header.is_sensitive());
        assert_eq!(shown, "***");
    }
    check_sign_in(text);
    check_answer(text, is_token);
}

/// Name, password and enterprise arrive as they were given.
fn check_sign_in(text: &str) {
    let mut parts = text.splitn(3, '\n');
    let (login, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let corp_id = parts.next();
    let body: Json =
        serde_json::from_slice(&fuzz::sign_in(login, password, corp_id)).expect("JSON");
    let mut expected = json!({ "login": login, "password": password, "device": "open_api" });
    if let (Some(corp_id), Some(body)) = (corp_id, expected.as_object_mut()) {
        body.insert("corp_id".to_owned(), corp_id.into());
    }
    assert_eq!(body, expected);
}

/// The token of an answer is the one that the CRM gave; one that is none is not shown.
fn check_answer(text: &str, is_token: bool) {
    match signed_in(text) {
        Ok(token) => assert_eq!(token, text),
        Err(error) => {
            assert!(!is_token);
            assert_eq!(Some(error.message()), signed_in(" ").err().map(|error| error.message()));
        }
    }
}

fn signed_in(text: &str) -> Result<String, Error> {
    let answer = json!({ "code": 0, "data": { "user_token": text } }).to_string();
    fuzz::signed_in(200, answer.as_bytes())
}
