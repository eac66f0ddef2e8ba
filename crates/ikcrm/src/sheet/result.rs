//! What a job's result tells of each row: the columns besides those that were given. Pure.

use serde_json::Value as Json;

use super::write_options::Language;
use crate::job::{Change, JobResult, RowState};

/// The names of our own columns.
pub(super) fn headers(language: Language) -> [&'static str; 4] {
    match language {
        Language::English => ["job status", "job message", "job changes", "job time"],
        Language::Chinese => ["任务状态", "任务说明", "任务改动", "任务时间"],
    }
}

/// The places of our own columns in a result that is read again: they are not the caller's.
pub(super) fn own_columns(names: &[String]) -> Vec<usize> {
    let known = [headers(Language::English), headers(Language::Chinese)];
    let own = |name: &str| known.iter().flatten().any(|own| *own == name);
    (0..names.len()).filter(|place| names.get(*place).is_some_and(|name| own(name))).collect()
}

/// Our own cells of a row.
pub(super) fn cells(result: &JobResult, language: Language) -> [String; 4] {
    let row = &result.row;
    let changes: Vec<_> = row.changes.iter().map(change).collect();
    let message = row.message.clone().unwrap_or_default();
    let message = match row.not_taken.as_slice() {
        [] => message,
        fields if message.is_empty() => fields.join(", "),
        fields => format!("{message} ({})", fields.join(", ")),
    };
    [word(row.state, language).to_owned(), message, changes.join("; "), time(result.sent_at)]
}

/// `stage: 3514 → 3515 (赢单)`
fn change(change: &Change) -> String {
    let before = change.before.as_deref().map_or_else(|| "?".to_owned(), shown);
    let label = change.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    format!("{}: {before} → {}{label}", change.field, shown(&change.after))
}

/// A JSON value as people write it.
fn shown(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Json::String(text)) => text,
        Ok(Json::Null) => "∅".to_owned(),
        _ => json.to_owned(),
    }
}

/// A time as China's clocks show it, as all times of the CRM.
fn time(milliseconds: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(milliseconds).ok().filter(|_| milliseconds > 0);
    let shown = |moment| jiff::tz::offset(8).to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S");
    moment.map(|moment| shown(moment).to_string()).unwrap_or_default()
}

/// The state in words for people.
pub(super) fn word(state: RowState, language: Language) -> &'static str {
    if language == Language::English {
        return state.as_str();
    }
    match state {
        RowState::Pending => "待比较",
        RowState::Planned => "待更新",
        RowState::Sending => "发送中",
        RowState::Updated => "已更新",
        RowState::Unchanged => "无变化",
        RowState::Invalid => "数据有误",
        RowState::Duplicate => "重复",
        RowState::NotFound => "不存在或无权限",
        RowState::Conflict => "已被他人修改",
        RowState::Refused => "CRM 拒绝",
        RowState::Failed => "失败",
        RowState::Unknown => "结果未知",
        RowState::Skipped => "已跳过",
    }
}
