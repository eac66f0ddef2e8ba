//! `Id`, `Amount` and `Day`: what the fields of an update take, of any Rust type that people have.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::value::Value;

macro_rules! field_values {
    ($($(#[$doc:meta])* $name:ident: $($type:ty),+;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(Value);

        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        $(impl From<$type> for $name {
            fn from(value: $type) -> Self {
                Self(value.into())
            }
        })+
    )*};
}

field_values! {
    /// An id: a whole number from 1 to 2^53 − 1. Another number is a fault of the update.
    Id: i32, i64, u32, u64, usize;
    /// An amount of money: a decimal, a whole number, or decimal text such as `"20000.50"`.
    Amount: i32, i64, u32, u64, Decimal, &str, String, &String;
    /// A day: a [`Date`](crate::Date), or text such as `"2019-02-14"`.
    Day: Date, &str, String, &String;
}
