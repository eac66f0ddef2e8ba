//! `OpportunityPage`: one page of a list.

use super::opportunity::OpportunityRow;

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OpportunityPage {
    /// The rows, in the CRM's order.
    pub rows: Vec<OpportunityRow>,
    /// How many rows the CRM says that the whole list has.
    pub total_count: Option<u64>,
    /// How many rows the CRM says that a page has.
    pub(crate) per_page: Option<u64>,
}
