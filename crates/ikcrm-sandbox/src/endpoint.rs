//! `Endpoint`: which page of the CRM a call is for.

/// A page of the CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    SignIn,
    List,
    Opportunity,
    FieldMap,
    CustomFields,
}

use Page::{CustomFields, FieldMap, List, Opportunity, SignIn};

impl Page {
    /// Its path, with names for the parts that differ.
    fn template(self) -> &'static str {
        match self {
            SignIn => "/api/v2/auth/login",
            List => "/api/v2/opportunities",
            Opportunity => "/api/v2/opportunities/:id",
            FieldMap => "/api/v2/field_maps/:entity",
            CustomFields => "/api/v2/custom_fields/:entity/by_group",
        }
    }

    /// The methods that it has.
    pub(crate) fn methods(self) -> &'static str {
        match self {
            SignIn => "POST",
            Opportunity => "GET,HEAD,PUT",
            List | FieldMap | CustomFields => "GET,HEAD",
        }
    }
}

/// The calls that a sandbox answers.
pub(crate) const ENDPOINTS: [&str; 6] = [
    "POST /api/v2/auth/login",
    "PUT /api/v2/opportunities/:id",
    "GET /api/v2/opportunities/:id",
    "GET /api/v2/opportunities",
    "GET /api/v2/field_maps/:entity",
    "GET /api/v2/custom_fields/:entity/by_group",
];

/// A page, and the part of the path that differs.
#[derive(Debug)]
pub(crate) struct Endpoint<'a> {
    pub(crate) page: Page,
    /// The id of an opportunity, or the name of an entity.
    pub(crate) name: &'a str,
}

impl<'a> Endpoint<'a> {
    pub(crate) fn of(path: &'a str) -> Option<Self> {
        let parts: Vec<_> = path.strip_prefix("/api/v2/")?.split('/').collect();
        let (page, name) = match parts.as_slice() {
            ["auth", "login"] => (SignIn, ""),
            ["opportunities"] => (List, ""),
            ["opportunities", id] if !id.is_empty() => (Opportunity, *id),
            ["field_maps", entity] if !entity.is_empty() => (FieldMap, *entity),
            ["custom_fields", entity, "by_group"] if !entity.is_empty() => (CustomFields, *entity),
            _ => return None,
        };
        Some(Self { page, name })
    }

    /// Method and path, as one of [`ENDPOINTS`] where the page has the method.
    pub(crate) fn route(&self, method: &str) -> String {
        format!("{method} {}", self.page.template())
    }

    pub(crate) fn has(&self, method: &str) -> bool {
        self.page.methods().split(',').any(|known| known == method)
    }
}
