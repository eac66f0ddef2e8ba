//! The client and the sandbox understand each other.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::collections::HashSet;
use std::thread;

use ikcrm::{Client, Decimal, OpportunityQuery, OpportunityUpdate, Order, date};
use ikcrm_sandbox::{DEFAULT_TOKEN, GROUP_ACCOUNT, Sandbox};

const FIELD_MAP: &str = "GET /api/v2/field_maps/:entity";

fn sandbox() -> Sandbox {
    Sandbox::builder().quota(None).start().unwrap()
}

fn client(sandbox: &Sandbox) -> Client {
    let builder = Client::builder().base_url(sandbox.url()).token(DEFAULT_TOKEN);
    builder.quota(None).build().unwrap()
}

#[test]
fn one_field_is_changed_by_labels_alone() {
    let sandbox = sandbox();
    let update = OpportunityUpdate::new()
        .stage("赢单")
        .custom("合同编号", "HT-7")
        .custom("交付方式", vec!["现场", "远程"])
        .fill(true);
    let opportunity = client(&sandbox).update_opportunity(568_587, &update).unwrap();
    assert_eq!(opportunity.stage_mapped().unwrap().as_deref(), Some("赢单"));
    assert_eq!(opportunity.title().unwrap().as_deref(), Some("测试为了接口文档描述"));
    let modes = opportunity.get_raw("text_asset_4a1eb9");
    assert_eq!(modes, Some(r#"["select_2d84d16d","select_780de263"]"#));
    assert_eq!(sandbox.stats().calls, 4);
}

#[test]
fn a_change_by_somebody_else_is_noticed() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let seen = client.get_opportunity(568_587).unwrap();
    let update = |note: &str| OpportunityUpdate::new().note(note.to_owned()).fill(true);
    client.update_opportunity(568_587, &update("mine")).unwrap();
    let error = client.update_opportunity(568_587, &update("x").if_unchanged(&seen)).unwrap_err();
    assert_eq!(error.code(), "conflict");
    let now = client.get_opportunity(568_587).unwrap();
    client.update_opportunity(568_587, &update("y").if_unchanged(&now)).unwrap();
}

#[test]
fn a_list_gives_every_row_once() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    for per_page in [1, 7, 60, 61, 100] {
        let before = sandbox.stats().calls;
        let query = OpportunityQuery::new().sort("id").order(Order::Ascending).per_page(per_page);
        let mut list = client.list_opportunities(&query).unwrap();
        let ids: Vec<_> = list.by_ref().map(|row| row.unwrap().id().unwrap().unwrap()).collect();
        assert_eq!((ids.len(), list.total_count()), (61, Some(61)));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 61);
        assert!(ids.is_sorted());
        assert_eq!(sandbox.stats().calls - before, 61_usize.div_ceil(per_page as usize));
    }
}

#[test]
fn a_list_is_filtered_by_label_text_and_days() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let query = OpportunityQuery::new()
        .stage("谈判/合同")
        .query("示例商机")
        .created_between(date(2024, 1, 1), date(2024, 1, 31));
    let rows: Vec<_> = client.list_opportunities(&query).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.stage().unwrap().as_deref() == Some("3514")));
    assert_eq!(rows.last().unwrap().expect_amount().unwrap(), Some(Decimal::from(4000)));
    assert_eq!(rows.last().unwrap().customer_name().unwrap().as_deref(), Some("示例客户四"));
}

#[test]
fn fifty_threads_look_a_label_up_once() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let update = OpportunityUpdate::new().title("ccc").customer_id(1).stage("赢单");
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| client.update_opportunity(568_587, &update).unwrap());
        }
    });
    assert_eq!(sandbox.calls_of(FIELD_MAP), 1);
}

#[test]
fn look_ups_are_not_shared_between_enterprises() {
    let sandbox = sandbox();
    let (login, password) = GROUP_ACCOUNT;
    let id = |corp_id: &str| {
        let builder = Client::builder().base_url(sandbox.url()).login(login).password(password);
        let client = builder.corp_id(corp_id).quota(None).build().unwrap();
        client.field_map("opportunity").unwrap().id("stage", "赢单").unwrap().to_owned()
    };
    assert_eq!([id("1001"), id("1002"), id("1001")], ["3515", "1003515", "3515"]);
}

#[test]
fn an_iterator_ends_with_an_error_and_a_page_may_be_asked_for_again() {
    let sandbox = Sandbox::builder()
        .quota(ikcrm_sandbox::Quota { calls: 1, per: std::time::Duration::from_secs(3600) })
        .start()
        .unwrap();
    let client = Client::builder().base_url(sandbox.url()).token(DEFAULT_TOKEN);
    let client = client.quota(None).max_retries(0).build().unwrap();
    let query = OpportunityQuery::new().per_page(40);
    let results: Vec<_> = client.list_opportunities(&query).unwrap().collect();
    assert_eq!(results.iter().filter(|row| row.is_ok()).count(), 40);
    assert_eq!(results.last().unwrap().as_ref().unwrap_err().code(), "rate_limited");
    assert_eq!(results.len(), 41);

    let mut list = client.list_opportunities(&query).unwrap();
    for _ in 0..2 {
        assert_eq!(list.next_page().unwrap_err().code(), "rate_limited");
    }
}
