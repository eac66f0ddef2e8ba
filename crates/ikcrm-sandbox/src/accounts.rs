//! Accounts that may sign in, the enterprises they belong to, and the tokens that are alive.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The number of an enterprise.
pub(crate) type Place = usize;

/// Somebody who may sign in.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) password: String,
    /// The ids of the enterprises that it belongs to.
    pub(crate) corp_ids: Vec<String>,
}

/// How a sign-in ended.
#[derive(Debug, PartialEq)]
pub(crate) enum SignIn {
    /// The new token.
    Token(String),
    /// The account belongs to several enterprises and named none of them: `org_list`.
    Choose(Value),
    Refused(&'static str),
}

/// Who may sign in, and who has.
#[derive(Debug)]
pub(crate) struct Accounts {
    known: Vec<Account>,
    corp_ids: Vec<String>,
    /// The owner of each token that is alive, and the enterprise it is for.
    tokens: BTreeMap<String, (Option<String>, Place)>,
    signed_in: usize,
}

impl Accounts {
    /// The accounts, and a token that belongs to none of them and lives for ever.
    pub(crate) fn new(known: Vec<Account>, token: &str) -> Self {
        let mut corp_ids: Vec<String> = Vec::new();
        for corp_id in known.iter().flat_map(|account| &account.corp_ids) {
            if !corp_ids.contains(corp_id) {
                corp_ids.push(corp_id.clone());
            }
        }
        let tokens = BTreeMap::from([(token.to_owned(), (None, 0))]);
        Self { known, corp_ids, tokens, signed_in: 0 }
    }

    /// How many enterprises there are; the token that lives for ever needs one.
    pub(crate) fn enterprises(&self) -> usize {
        self.corp_ids.len().max(1)
    }

    /// The enterprise of the token in this `Authorization` header, if it is alive.
    pub(crate) fn enterprise(&self, authorization: &str) -> Option<Place> {
        let token = authorization
            .strip_prefix("Token token=")?
            .strip_suffix(", device=open_api, version_code=9.9.9")?;
        self.tokens.get(token).map(|(_, place)| *place)
    }

    /// Answers a sign-in. A new token kills the account's older one for the same enterprise.
    pub(crate) fn sign_in(&mut self, body: &[u8]) -> SignIn {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("device") != "open_api" {
            return SignIn::Refused("device不正确");
        }
        let is_right = |account: &&Account| {
            account.login == text("login") && account.password == text("password")
        };
        let Some(account) = self.known.iter().find(is_right) else {
            return SignIn::Refused("账号或密码错误");
        };
        let corp_id = match (text("corp_id"), account.corp_ids.as_slice()) {
            ("", [only]) => only,
            ("", several) => return SignIn::Choose(org_list(several)),
            (corp_id, several) => match several.iter().find(|known| *known == corp_id) {
                Some(corp_id) => corp_id,
                None => return SignIn::Refused("您不属于该企业"),
            },
        };
        let place = self.corp_ids.iter().position(|known| known == corp_id).unwrap_or_default();
        let owner = Some(account.login.clone());
        self.tokens.retain(|_, known| (&known.0, known.1) != (&owner, place));
        self.signed_in += 1;
        let token = format!("sandbox-token-{}", self.signed_in);
        self.tokens.insert(token.clone(), (owner, place));
        SignIn::Token(token)
    }
}

fn org_list(corp_ids: &[String]) -> Value {
    corp_ids.iter().map(|corp_id| json!({"corp_id": corp_id, "name": name(corp_id)})).collect()
}

/// The name of an enterprise.
fn name(corp_id: &str) -> String {
    match corp_id {
        "1001" => "示例科技有限公司".to_owned(),
        "1002" => "示例贸易有限公司".to_owned(),
        _ => format!("示例企业{corp_id}"),
    }
}
