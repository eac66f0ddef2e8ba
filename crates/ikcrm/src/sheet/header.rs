//! Which row names the columns, and which field each of them is.

use std::sync::Arc;

use super::cells::Kind;
use super::line::{Line, Raw};
use super::result;
use crate::error::{Error, FieldError, FieldErrorCode as Code};
use crate::input::key::{CustomKind, custom_kind};
use crate::input::suggest::{list, nearest};
use crate::job::{AsOf, PlanOptions, column_letters};
use crate::request::{CustomFields, FIELDS, FieldKind, Form};

/// In how many rows the header is looked for.
pub(super) const LOOKED_AT: usize = 20;

/// How many unknown columns are told one by one.
const TOLD: usize = 5;

/// How many columns may be fields: no CRM has so many, and each row is looked through for each.
const MOST_FIELDS: usize = 1000;

/// Names of the column that holds the ids, unless `id` names one.
const ID_NAMES: [&str; 4] = ["id", "商机id", "商机的id", "opportunity_id"];

/// Where definitions of custom fields come from.
pub(super) type Customs<'a> = dyn FnMut() -> Result<CustomFields, Error> + 'a;

/// The columns of a sheet.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) names: Vec<Arc<str>>,
    /// What each column is called in faults: its field, where it has one.
    pub(super) fields: Vec<String>,
    pub(super) kinds: Vec<Kind>,
    /// Whether a value in a column without a name is a fault: columns that were not told apart.
    pub(super) strict: bool,
}

/// The place of the row that names the columns: the one with the most known names.
pub(super) fn find(lines: &[Line], plan: &PlanOptions<'_>) -> usize {
    let known = |place: &usize| {
        names(lines, *place, plan).iter().filter(|name| is_known(name, plan)).count()
    };
    let first = lines.iter().position(|line| !line.is_blank()).unwrap_or_default();
    let best = (0..lines.len()).rev().max_by_key(known);
    best.filter(|place| known(place) > 0).unwrap_or(first)
}

/// The names in a header; a cell that is merged with one above has its name.
pub(super) fn names(lines: &[Line], place: usize, plan: &PlanOptions<'_>) -> Vec<String> {
    let Some(header) = lines.get(place) else { return Vec::new() };
    let above = |column: usize| {
        let names = lines.iter().take(place).rev().filter_map(|line| line.cells.get(column));
        names.map(Raw::name).find(|name| !name.is_empty()).filter(|name| is_known(name, plan))
    };
    let name = |(column, cell): (usize, &Raw)| {
        let name = cell.name();
        if name.is_empty() { above(column).unwrap_or_default() } else { name }
    };
    let widest =
        lines.iter().take(place + 1).map(|line| line.cells.len()).max().unwrap_or_default();
    let cells = header.cells.iter().chain(std::iter::repeat(&Raw::EMPTY)).take(widest);
    let mut names: Vec<_> = cells.enumerate().map(name).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}

fn is_known(name: &str, plan: &PlanOptions<'_>) -> bool {
    !name.is_empty()
        && (name == plan.id
            || plan.key.as_deref() == Some(name)
            || plan.as_of == Some(AsOf::Column(name.to_owned()))
            || plan.columns.iter().flatten().any(|(column, _)| column == name)
            || is_id(name)
            || field_of(name).is_some()
            || custom_kind(name).is_some())
}

/// A name without what does not tell it from others.
fn folded(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn is_id(name: &str) -> bool {
    ID_NAMES.contains(&&*folded(name))
}

/// The field of this name, or with this name on the CRM's page.
fn field_of(name: &str) -> Option<&'static str> {
    let name = folded(name);
    let found = FIELDS.iter().find(|field| {
        field.name == name || field.chinese.is_some_and(|chinese| folded(chinese) == name)
    });
    found.map(|field| field.name)
}

/// Finds the field of each column, and tells the plan.
pub(super) fn bind(
    names: Vec<String>,
    plan: &mut PlanOptions<'_>,
    custom: &mut Customs<'_>,
    place: &dyn Fn(usize) -> String,
) -> Result<Columns, Error> {
    let mut binder = Binder { names: &names, place, faults: Vec::new() };
    let strict = plan.columns.is_none();
    binder.id(plan);
    let mut custom = Custom { read: custom, known: None };
    match plan.columns.take() {
        Some(columns) => {
            binder.given(&columns);
            plan.columns = Some(columns);
        }
        None => plan.columns = Some(binder.found(plan, &mut custom)?),
    }
    binder.twice(plan);
    if !binder.faults.is_empty() {
        return Err(Error::Validation { fields: binder.faults });
    }
    let columns = plan.columns.as_deref().unwrap_or_default();
    let field = |name: &String| columns.iter().find(|(column, _)| column == name).map(|(_, f)| f);
    let kind = |name: &String| match field(name) {
        Some(field) => kind_of(field, &mut custom),
        None if *name == plan.id => Ok(Kind::Id),
        None => Ok(Kind::Any),
    };
    let kinds = names.iter().map(kind).collect::<Result<_, _>>()?;
    let told = |name: &String| match field(name) {
        Some(field) => field.clone(),
        None if *name == plan.id => "id".to_owned(),
        None => name.clone(),
    };
    let fields = names.iter().map(told).collect();
    Ok(Columns { names: names.into_iter().map(Arc::from).collect(), fields, kinds, strict })
}

/// The definitions of custom fields, read when they are needed.
struct Custom<'c, 'r> {
    read: &'c mut Customs<'r>,
    known: Option<CustomFields>,
}

impl Custom<'_, '_> {
    fn get(&mut self) -> Result<&CustomFields, Error> {
        if self.known.is_none() {
            self.known = Some((self.read)()?);
        }
        Ok(self.known.get_or_insert_with(|| CustomFields([].into())))
    }
}

/// Finds what each column is.
struct Binder<'n> {
    names: &'n [String],
    place: &'n dyn Fn(usize) -> String,
    faults: Vec<FieldError>,
}

impl Binder<'_> {
    fn fault(&mut self, column: usize, code: Code, message: String) {
        self.faults.push(FieldError::new((self.place)(column), code, message));
    }

    /// Finds the column of the ids, and tells the plan its name.
    fn id(&mut self, plan: &mut PlanOptions<'_>) {
        if self.names.contains(&plan.id) {
            return;
        }
        let found = self.names.iter().find(|name| is_id(name)).filter(|_| plan.id == "id");
        if let Some(name) = found {
            plan.id.clone_from(name);
            return;
        }
        let names = || self.names.iter().map(String::as_str).filter(|name| !name.is_empty());
        let near = nearest(&plan.id, names()).map(|near| format!("; did you mean {near}?"));
        let message = format!(
            "there is no column {:?} for the opportunities' ids; name theirs with `id`{} the columns \
             are {}",
            plan.id,
            near.unwrap_or_else(|| ";".to_owned()),
            list(names()),
        );
        self.faults.push(FieldError::new("id", Code::Required, message));
    }

    /// Every column that the caller named is there.
    fn given(&mut self, columns: &[(String, String)]) {
        for (column, _) in columns.iter().filter(|(column, _)| !self.names.contains(column)) {
            let names = || self.names.iter().map(String::as_str).filter(|name| !name.is_empty());
            let near = nearest(column, names()).map(|near| format!("; did you mean {near}?"));
            let near = near.unwrap_or_else(|| format!("; available: {}", list(names())));
            let message = format!("there is no column {column:?}{near}");
            self.faults.push(FieldError::new("columns", Code::Unknown, message));
        }
    }

    /// The columns whose names tell what they are; another one is a fault.
    fn found(
        &mut self,
        plan: &PlanOptions<'_>,
        custom: &mut Custom<'_, '_>,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut columns = Vec::new();
        let own = result::own_columns(self.names);
        let mut unknown = 0;
        for (column, name) in self.names.iter().enumerate() {
            let aside = *name == plan.id
                || plan.key.as_ref() == Some(name)
                || plan.as_of == Some(AsOf::Column(name.clone()));
            if aside || name.is_empty() || own.contains(&column) {
                continue;
            }
            if let Some(field) = field_of(name) {
                columns.push((name.clone(), field.to_owned()));
            } else if custom_kind(name).is_some() || custom.get()?.find(name).is_ok() {
                columns.push((name.clone(), name.clone()));
            } else {
                unknown += 1;
                if unknown <= TOLD {
                    self.unknown(column, name, custom.get()?);
                }
            }
        }
        if unknown > TOLD {
            let message =
                format!("{} more columns are neither a field nor a custom field", unknown - TOLD);
            self.faults.push(FieldError::new("columns", Code::Unknown, message));
        }
        if columns.len() > MOST_FIELDS {
            let message = format!(
                "are {} columns for fields, and at most {MOST_FIELDS} can be used; name those that you \
                 need with `columns`, and the others are only kept",
                columns.len()
            );
            self.faults.push(FieldError::new("columns", Code::Range, message));
            columns.truncate(MOST_FIELDS);
        }
        Ok(columns)
    }

    fn unknown(&mut self, column: usize, name: &str, custom: &CustomFields) {
        let labels: Vec<_> = custom.0.iter().filter(|field| field.label == name).collect();
        if labels.len() > 1 {
            let keys = list(labels.iter().map(|field| &*field.key));
            let message = format!(
                "several custom fields have the label {name:?}; name the column by one of {keys}"
            );
            return self.fault(column, Code::Ambiguous, message);
        }
        let fields = FIELDS.iter().flat_map(|field| [Some(field.name), field.chinese]).flatten();
        let known = fields.chain(custom.0.iter().map(|field| &*field.label)).chain(ID_NAMES);
        let near = nearest(name, known).map(|near| format!("; did you mean {near}?"));
        let message = format!(
            "the column {name:?} is neither a field nor a custom field{} name the columns to use with \
             `columns`, and the others are only kept for the result",
            near.unwrap_or_else(|| ";".to_owned()),
        );
        self.fault(column, Code::Unknown, message);
    }

    /// No name that is used stands over two columns, and no field comes from two.
    fn twice(&mut self, plan: &PlanOptions<'_>) {
        let columns = plan.columns.as_deref().unwrap_or_default();
        let is_used = |name: &String| {
            *name == plan.id
                || plan.key.as_ref() == Some(name)
                || columns.iter().any(|(column, _)| column == name)
        };
        for (column, name) in self.names.iter().enumerate().filter(|(_, name)| is_used(name)) {
            let first = self.names.iter().position(|known| known == name).unwrap_or(column);
            if first < column {
                let message = format!("the column {name:?} is there twice; rename one of them");
                self.fault(column, Code::Ambiguous, message);
            }
        }
        let mut seen: Vec<&(String, String)> = Vec::new();
        for both in columns {
            let other = seen.iter().find(|(column, field)| *field == both.1 && *column != both.0);
            if let Some((column, field)) = other {
                let message = format!(
                    "the columns {column:?} and {:?} are both {field}; leave one of them out of \
                     `columns`",
                    both.0
                );
                self.faults.push(FieldError::new(&*both.0, Code::Ambiguous, message));
            }
            seen.push(both);
        }
    }
}

fn kind_of(field: &str, custom: &mut Custom<'_, '_>) -> Result<Kind, Error> {
    if let Some(known) = FIELDS.iter().find(|known| known.name == field) {
        return Ok(match known.kind {
            FieldKind::Id => Kind::Id,
            FieldKind::Option => Kind::Choice,
            FieldKind::Money => Kind::Amount,
            FieldKind::Date => Kind::Date,
            FieldKind::Text => Kind::Text,
        });
    }
    if let Some(kind) = custom_kind(field) {
        return Ok(of_key(kind));
    }
    if field == "custom" || crate::input::key::is_word(field) {
        // What it is, if it is anything, is told row by row.
        return Ok(Kind::Any);
    }
    Ok(match custom.get()?.find(field) {
        Ok(known) => match known.form {
            Form::Text => Kind::Text,
            Form::Number => Kind::Amount,
            Form::Date => Kind::Date,
            Form::Ids => Kind::Id,
            Form::One | Form::Several => Kind::Choice,
            Form::Unknown => custom_kind(&known.key).map_or(Kind::Any, of_key),
        },
        Err(_) => Kind::Any,
    })
}

fn of_key(kind: CustomKind) -> Kind {
    match kind {
        CustomKind::Number => Kind::Amount,
        CustomKind::Ids => Kind::Id,
        CustomKind::Text | CustomKind::Any => Kind::Any,
    }
}

/// What a column without a name is called in faults.
pub(super) fn unnamed(column: usize) -> String {
    format!("column {}", column_letters(column))
}
