//! The options of the fields `stage`, `source` and `kind`, and the custom fields: what a script
//! looks up by labels.

use serde_json::{Value, json};

/// An option of a field.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: u64,
    pub(crate) label: String,
    pub(crate) enabled: bool,
}

/// An option's number in the first enterprise, its label, and whether it is enabled.
type Known = (u64, &'static str, bool);

/// The fields with options. The stages are the CRM's default ones; the sample's is 3514.
const FIELDS: [(&str, &[Known]); 3] = [
    (
        "stage",
        &[
            (3511, "初步接洽", true),
            (3512, "需求确定", true),
            (3513, "方案/报价", true),
            (3514, "谈判/合同", true),
            (3515, "赢单", true),
            (3516, "输单", true),
            (3517, "搁置", false),
        ],
    ),
    (
        "source",
        &[
            (3521, "客户介绍", true),
            (3522, "独立开发", true),
            (3523, "促销", true),
            (3524, "黄页", false),
        ],
    ),
    ("kind", &[(3531, "新商机", true), (3532, "老客户续约", true)]),
];

/// The options of one enterprise.
#[derive(Debug, Clone)]
pub(crate) struct Choices(Vec<(&'static str, Vec<Choice>)>);

impl Choices {
    /// The default ones, each id larger by `shift`: ids differ between enterprises.
    pub(crate) fn new(shift: u64) -> Self {
        let choice = |(number, label, enabled): &Known| Choice {
            id: number + shift,
            label: (*label).to_owned(),
            enabled: *enabled,
        };
        let field =
            |(name, known): &(&'static str, &[Known])| (*name, known.iter().map(choice).collect());
        Self(FIELDS.iter().map(field).collect())
    }

    /// Puts other stages in the place of the present ones.
    pub(crate) fn set_stages(&mut self, stages: Vec<Choice>) {
        self.0.retain(|(name, _)| *name != "stage");
        self.0.insert(0, ("stage", stages));
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| *name == field)
    }

    pub(crate) fn of(&self, field: &str) -> &[Choice] {
        self.0.iter().find(|(name, _)| *name == field).map_or(&[], |(_, choices)| choices)
    }

    /// The option of a field that has this id.
    pub(crate) fn find(&self, field: &str, id: &str) -> Option<&Choice> {
        let id = id.parse::<u64>().ok()?;
        self.of(field).iter().find(|choice| choice.id == id)
    }

    /// The id of the option of a field that comes at this place, counted round and round.
    pub(crate) fn id_at(&self, field: &str, place: usize) -> String {
        let enabled: Vec<_> = self.of(field).iter().filter(|choice| choice.enabled).collect();
        let choice = enabled.get(place % enabled.len().max(1));
        choice.map_or_else(String::new, |choice| choice.id.to_string())
    }

    /// `data` of the answer to `GET /api/v2/field_maps/opportunity`.
    pub(crate) fn field_map(&self) -> Value {
        let field = |(name, choices): &(&str, Vec<Choice>)| {
            let values: Vec<_> = choices.iter().map(field_value).collect();
            json!({"field_name": name, "field_values": values})
        };
        json!({"opportunity": self.0.iter().map(field).collect::<Vec<_>>()})
    }
}

fn field_value(choice: &Choice) -> Value {
    let status = if choice.enabled { "enable" } else { "disable" };
    json!({"id": choice.id, "status": status, "value": choice.label})
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
