//! The cases of `tests/sheets` against the core: what each file is read as.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ikcrm::{
    CallOptions, Cancel, Client, Error, JobRow, Language, PlanOptions, RowState, SheetOptions,
    UpdateJob, Value, WriteOptions,
};
use ikcrm_conformance::{JobCase, JobServer};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetCase {
    file: String,
    why: String,
    #[serde(default)]
    sheet: Map<String, Json>,
    #[serde(default)]
    plan: Map<String, Json>,
    #[serde(default)]
    rows: Vec<Json>,
    #[serde(default)]
    coerced: BTreeMap<String, u64>,
    error: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sheets")
}

fn server() -> JobServer {
    let case = json!({"id": "sheets", "why": "", "rows": [], "steps": []});
    let case: JobCase = serde_json::from_value(case).unwrap();
    JobServer::start(&case).unwrap()
}

fn client(server: &JobServer) -> Client {
    Client::builder().base_url(server.url()).token(server.token()).quota(None).build().unwrap()
}

fn sheet_options(options: &Map<String, Json>) -> SheetOptions {
    options.iter().fold(SheetOptions::new(), |known, (name, value)| {
        known.set(name, Value::from(value.clone()))
    })
}

/// Nothing is read from the CRM, and nothing is sent besides the changes, unless a case says so.
fn plan_options(options: &Map<String, Json>) -> PlanOptions<'static> {
    let plan = PlanOptions::new().set("compare", "none").set("partial", true);
    options.iter().fold(plan, |known, (name, value)| known.set(name, Value::from(value.clone())))
}

fn plan(client: &Client, path: &Path, case: &SheetCase) -> Result<UpdateJob, ikcrm::Error> {
    client.plan_updates_of_sheet(path, &sheet_options(&case.sheet), plan_options(&case.plan))
}

/// A row as cases state it.
fn told(row: &JobRow) -> Json {
    let parsed = |text: &String| serde_json::from_str::<Json>(text).unwrap();
    let after = row.changes.iter().map(|change| (change.field.clone(), parsed(&change.after)));
    let mut told = Map::from_iter([("id".to_owned(), json!(row.id))]);
    let mut tell = |name: &str, value: Json| drop(told.insert(name.to_owned(), value));
    tell("after", Json::Object(after.collect()));
    if row.state != RowState::Planned {
        tell("state", json!(row.state.as_str()));
    }
    if let Some(key) = &row.key {
        tell("key", json!(key));
    }
    if let Some(message) = &row.message {
        tell("message", json!(message));
    }
    Json::Object(told)
}

/// Whether a row is as stated; of the message only a part need be.
fn is_as_stated(found: &Json, stated: &Json) -> bool {
    let text = |row: &Json| row.get("message").and_then(Json::as_str).map(str::to_owned);
    let part = text(stated);
    let fits = part.is_none_or(|part| text(found).is_some_and(|whole| whole.contains(&part)));
    let (mut found, mut stated) = (found.clone(), stated.clone());
    for row in [&mut found, &mut stated] {
        row.as_object_mut().unwrap().remove("message");
    }
    fits && found == stated
}

fn problems(client: &Client, case: &SheetCase) -> Vec<String> {
    let job = match plan(client, &folder().join("files").join(&case.file), case) {
        Ok(job) => job,
        Err(error) => {
            let fits = case.error.as_ref().is_some_and(|part| error.to_string().contains(part));
            let is_typed = matches!(error.code(), "validation");
            return if fits && is_typed { Vec::new() } else { vec![error.to_string()] };
        }
    };
    let found: Vec<_> = job.rows(None).map(|row| told(&row.unwrap())).collect();
    let mut problems = Vec::new();
    if let Some(error) = &case.error {
        problems.push(format!("no error, not {error:?}"));
    }
    let fits = found.iter().zip(&case.rows).all(|(found, stated)| is_as_stated(found, stated));
    if !fits || found.len() != case.rows.len() {
        let rows: Vec<_> = found.iter().map(ToString::to_string).collect();
        problems.push(format!("rows\n{}", rows.join(",\n")));
    }
    let coerced: BTreeMap<_, _> = job.coerced().unwrap().into_iter().collect();
    if coerced != case.coerced {
        problems.push(format!("coerced {}", json!(coerced)));
    }
    problems
}

fn cases() -> Vec<SheetCase> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_file_is_read_as_stated() {
    let (server, cases) = (server(), cases());
    let client = client(&server);
    let told = |case: &SheetCase| {
        let found = problems(&client, case).into_iter();
        let told = found.map(|problem| format!("{} ({}): {problem}", case.file, case.why));
        told.collect::<Vec<_>>()
    };
    let problems: Vec<_> = cases.iter().flat_map(told).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    let files = std::fs::read_dir(folder().join("files")).unwrap().count();
    assert!(files >= 40, "{files}");
    let missing = std::fs::read_dir(folder().join("files")).unwrap().filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        !cases.iter().any(|case| *case.file == *name)
    });
    assert_eq!(missing.count(), 0, "files without a case");
}

/// What is written is read again as the same rows.
#[test]
fn a_result_that_is_read_again_has_the_same_rows() {
    let (server, cases) = (server(), cases());
    let client = client(&server);
    let folder = std::env::temp_dir().join(format!("ikcrm-sheets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut problems = Vec::new();
    for case in cases.iter().filter(|case| case.error.is_none() && !case.rows.is_empty()) {
        let job = plan(&client, &self::folder().join("files").join(&case.file), case).unwrap();
        for (end, language) in [("csv", Language::English), ("xlsx", Language::Chinese)] {
            let path = folder.join(format!("written.{end}"));
            job.write(&path, &WriteOptions::new().language(language)).unwrap();
            let mut again =
                SheetCase { sheet: case.sheet.clone(), plan: case.plan.clone(), ..empty() };
            for name in ["sheet", "header", "encoding", "delimiter"] {
                again.sheet.remove(name);
            }
            let again = match plan(&client, &path, &again) {
                Ok(again) => again,
                Err(error) => {
                    problems.push(format!("{}: {end}: {error}", case.file));
                    continue;
                }
            };
            let rows = |job: &UpdateJob| {
                let rows = job.rows(None).map(|row| told(&row.unwrap()));
                rows.map(|row| {
                    ["id", "after", "state"].map(|name| row.get(name).cloned().unwrap_or_default())
                })
                .collect::<Vec<_>>()
            };
            if rows(&again) != rows(&job) {
                problems.push(format!(
                    "{}: {end}: {:?}, not {:?}",
                    case.file,
                    rows(&again),
                    rows(&job)
                ));
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn empty() -> SheetCase {
    let (sheet, plan) = (Map::new(), Map::new());
    SheetCase {
        file: String::new(),
        why: String::new(),
        sheet,
        plan,
        rows: Vec::new(),
        coerced: BTreeMap::new(),
        error: None,
    }
}

#[test]
fn a_cancel_ends_the_reading_of_a_file() {
    let server = server();
    let client = client(&server);
    for file in ["libreoffice.xlsx", "libreoffice.xls", "libreoffice.ods", "libreoffice-gbk.csv"] {
        let path = folder().join("files").join(file);
        let cancel = Cancel::new();
        cancel.cancel();
        let plan = PlanOptions::new().call(CallOptions::new().cancel(cancel));
        let ended = client.plan_updates_of_sheet(&path, &SheetOptions::new(), plan);
        assert!(matches!(ended, Err(Error::Cancelled { .. })), "{file}: {ended:?}");
    }
    assert!(server.calls().is_empty());
}
