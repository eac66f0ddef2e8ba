//! The options of the fields `stage`, `source` and `kind`, and the custom fields: what a script
//! looks up by labels.

use serde_json::{Value, json};

/// An option of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    /// Its number in the first enterprise; in the others it is larger, for ids differ.
    number: u64,
    pub(crate) label: &'static str,
    pub(crate) enabled: bool,
}

const fn on(number: u64, label: &'static str) -> Choice {
    Choice { number, label, enabled: true }
}

const fn off(number: u64, label: &'static str) -> Choice {
    Choice { number, label, enabled: false }
}

/// The fields with options. The stages are the CRM's default ones; the sample's is 3514.
const FIELDS: [(&str, &[Choice]); 3] = [
    (
        "stage",
        &[
            on(3511, "初步接洽"),
            on(3512, "需求确定"),
            on(3513, "方案/报价"),
            on(3514, "谈判/合同"),
            on(3515, "赢单"),
            on(3516, "输单"),
            off(3517, "搁置"),
        ],
    ),
    ("source", &[on(3521, "客户介绍"), on(3522, "独立开发"), on(3523, "促销"), off(3524, "黄页")]),
    ("kind", &[on(3531, "新商机"), on(3532, "老客户续约")]),
];

/// The options of one enterprise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choices {
    /// What is added to each number.
    pub(crate) shift: u64,
}

impl Choices {
    /// The option of a field that has this id.
    pub(crate) fn find(self, field: &str, id: &str) -> Option<Choice> {
        let number = id.parse::<u64>().ok()?.checked_sub(self.shift)?;
        options(field).iter().copied().find(|choice| choice.number == number)
    }

    /// The id of the option of a field that comes at this place, counted round and round.
    pub(crate) fn id_at(self, field: &str, place: usize) -> String {
        let enabled: Vec<_> = options(field).iter().filter(|choice| choice.enabled).collect();
        let choice = enabled.get(place % enabled.len().max(1));
        choice.map_or_else(String::new, |choice| (choice.number + self.shift).to_string())
    }

    /// `data` of the answer to `GET /api/v2/field_maps/opportunity`.
    pub(crate) fn field_map(self) -> Value {
        let field = |(name, choices): &(&str, &[Choice])| {
            let values: Vec<_> = choices.iter().map(|choice| self.field_value(choice)).collect();
            json!({"field_name": name, "field_values": values})
        };
        json!({"opportunity": FIELDS.iter().map(field).collect::<Vec<_>>()})
    }

    fn field_value(self, choice: &Choice) -> Value {
        let status = if choice.enabled { "enable" } else { "disable" };
        json!({"id": choice.number + self.shift, "status": status, "value": choice.label})
    }
}

fn options(field: &str) -> &'static [Choice] {
    FIELDS.iter().find(|(name, _)| *name == field).map_or(&[], |(_, choices)| choices)
}

/// The key of the custom field that an update may not change.
const LOCKED: &str = "text_asset_591b5ebb";

/// Whether an update may change the custom field.
pub(crate) fn is_editable(key: &str) -> bool {
    key != LOCKED
}

/// `data` of the answer to `GET /api/v2/custom_fields/opportunity/by_group`.
pub(crate) fn custom_fields() -> Value {
    let field = |name: &str, label: &str, field_type: &str, options: Value| {
        json!({
            "name": name, "label": label, "field_type": field_type,
            "required": false, "cannot_edit": !is_editable(name),
            "input_field_options": {"collection_options": options},
        })
    };
    let modes = json!([
        {"value": "select_2d84d16d", "label": "现场"},
        {"value": "select_780de263", "label": "远程"},
    ]);
    let none = || json!([]);
    json!({"custom_field_groups": [
        {"name": "基本信息", "custom_fields": [
            field("text_asset_8b1eeedd", "合同编号", "text_field", none()),
            field(LOCKED, "审批单号", "text_field", none()),
            field("text_asset_4a1eb9", "交付方式", "multi_select", modes),
        ]},
        {"name": "其他信息", "custom_fields": [
            field("numeric_asset_3f2a91", "折扣", "number_field", none()),
            field("text_asset_170ab3", "评审日期", "date_field", none()),
            field("user_field_asset_77aa01", "项目成员", "user_select", none()),
        ]},
    ]})
}
