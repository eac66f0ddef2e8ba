//! A record as what its user's own code takes: a hash key, an object of any serde format.

use std::hash::{Hash, Hasher};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::record::Record;

impl Eq for Record {}

impl Hash for Record {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw().hash(state);
    }
}

/// Every key that came, in order, numbers as 64 bits hold them and larger ones as text.
/// [`raw`](Record::raw) has each byte as it came.
impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for key in self.keys() {
            let text = self.get_raw(key).unwrap_or("null");
            let value = self.get(key).unwrap_or_else(|| Value::String(text.to_owned()));
            map.serialize_entry(key, &value)?;
        }
        map.end()
    }
}
