//! The kinds of calls that a job makes.

/// The kinds of calls that are counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    List,
    Get,
    Update,
    Lookup,
    SignIn,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::List, Self::Get, Self::Update, Self::Lookup, Self::SignIn];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Update => "update",
            Self::Lookup => "lookup",
            Self::SignIn => "sign_in",
        }
    }
}
