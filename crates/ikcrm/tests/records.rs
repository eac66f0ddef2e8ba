//! Records in the hands of a user's own code.

use std::collections::HashSet;

use ikcrm::Opportunity;

#[test]
fn a_record_serializes_with_every_key_in_order() {
    let json = r#"{"title":"ccc","id":90071992547409931,"custom":{"a":[1,"x"],"b":null}}"#;
    let record = Opportunity::from_json(json).unwrap();
    assert_eq!(serde_json::to_string(&record).unwrap(), json);
}

#[test]
fn a_number_beyond_64_bits_is_text() {
    let record = Opportunity::from_json(r#"{"id":1,"big":1e999}"#).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap()["big"], "1e999");
}

#[test]
#[expect(clippy::mutable_key_type, reason = "what changes inside is an index, no part of the hash")]
fn equal_records_are_one_in_a_set() {
    let record = |title| Opportunity::from_json(&format!(r#"{{"title":"{title}"}}"#)).unwrap();
    let set = HashSet::from([record("a"), record("b"), record("a")]);
    assert_eq!(set.len(), 2);
}
