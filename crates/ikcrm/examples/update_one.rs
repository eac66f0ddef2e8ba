//! Updates one opportunity, and shows a refused input and an error of the CRM.
//!
//! Settings come from the environment: `IKCRM_TOKEN`, `IKCRM_BASE_URL`.

use std::fmt::Display;

use ikcrm::{Decimal, Error, OpportunityUpdate, date, update_opportunity};

fn main() -> Result<(), Error> {
    let (title, customer_id, stage) = ("年度框架合同", 1, "谈判/合同");
    let (amount, day) = (Decimal::new(12_800_050, 2), date(2026, 12, 31));
    let update = OpportunityUpdate::new()
        .title(title)
        .customer_id(customer_id)
        .stage(stage)
        .expect_amount(amount)
        .expect_sign_date(day);
    println!("sent: PUT /api/v2/opportunities/568587");
    show("title", title);
    show("customer_id", customer_id);
    show("stage", stage);
    show("expect_amount", amount);
    show("expect_sign_date", day);

    let opportunity = update_opportunity(568_587, &update)?;
    println!("came back");
    show("stage", opportunity.stage()?.unwrap_or_default());
    show("stage_mapped", opportunity.stage_mapped()?.unwrap_or_default());
    show("expect_amount", opportunity.expect_amount()?.unwrap_or_default());

    let wrong =
        update.clone().set("titel", "x").set("expect_amount", "128,000.50").kind("老客户续签");
    if let Err(error) = update_opportunity(568_587, &wrong) {
        println!("refused, all faults at once; nothing was updated");
        for fault in error.fields() {
            show(&fault.field, &fault.message);
        }
    }
    if let Err(error) = update_opportunity(404, &update) {
        println!("refused by the CRM");
        let code = error.api_code().unwrap_or_default();
        show(error.code(), format!("{} (code {code})", error.message()));
    }
    Ok(())
}

fn show(name: &str, value: impl Display) {
    println!("  {name:<18}{value}");
}
