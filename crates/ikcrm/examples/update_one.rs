//! Updates one opportunity, and shows a refused input and an error of the CRM.
//!
//! Settings come from the environment: `IKCRM_TOKEN`, `IKCRM_BASE_URL`.

use ikcrm::{Decimal, Error, OpportunityUpdate, date, update_opportunity};

fn main() -> Result<(), Error> {
    let update = OpportunityUpdate::new()
        .title("年度框架合同")
        .customer_id(1)
        .stage("谈判/合同")
        .expect_amount(Decimal::new(12_800_050, 2))
        .expect_sign_date(date(2026, 12, 31));
    println!("  sent       PUT /api/v2/opportunities/568587 {update:?}");

    let opportunity = update_opportunity(568_587, &update)?;
    println!(
        "  came back  {opportunity:?} {} {} {}",
        opportunity.title()?.unwrap_or_default(),
        opportunity.stage_mapped()?.unwrap_or_default(),
        opportunity.expect_amount()?.unwrap_or_default(),
    );

    let wrong = OpportunityUpdate::new().set("titel", "x").set("expect_amount", "128,000.50");
    if let Err(error) = update_opportunity(568_587, &wrong) {
        println!("  refused    [{}] {error}", error.code());
    }
    if let Err(error) = update_opportunity(404, &update) {
        println!("  CRM error  [{}] {error}", error.code());
    }
    Ok(())
}
