//! How the caller's language spells the names that messages mention.

use std::sync::OnceLock;

/// A name of this crate, and how the language spells it.
type Spelling = fn(&'static str) -> &'static str;

static SPELLING: OnceLock<Spelling> = OnceLock::new();

/// Says how the language of a binding spells names; without it they are this crate's.
pub fn spell_as(spelling: Spelling) {
    // A module may be loaded twice; its spelling is the same then.
    let _ = SPELLING.set(spelling);
}

/// A name of an option or a method, or `null`, `true`, `false`, as the caller writes it.
pub(crate) fn spelt(name: &'static str) -> &'static str {
    SPELLING.get().map_or(name, |spelling| spelling(name))
}
