//! JSON schemas of what is written as text, for the contract.

use crate::event::name::Name;
use crate::limit::measure::Measure;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::time::calendar::Zone;
use crate::time::instant::Instant;
use alloc::borrow::Cow;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Gives a type that is written as text its schema: its name in the document, and the
/// members beside `type`.
macro_rules! text_schema {
    ($type:ty, $name:literal, { $($member:tt)* }) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $($member)* })
            }
        }
    };
}

text_schema!(Name, "Name", {
    "minLength": 1,
    "maxLength": 139,
    "description": "An id or a name. An id has 1 to 128 characters of `A-Z a-z 0-9 . _ : @ / + -`, \
        starting with a letter or digit; of an event of a sealed batch `<batch_id>~<index>`. A \
        name, such as an agent's, may hold any printable ASCII character but `|`.",
});
text_schema!(Instant, "Time", {
    "format": "date-time",
    "description": "RFC 3339 with an offset; answered in UTC with `Z`, the fraction kept.",
});
text_schema!(Amount, "Amount", {
    "pattern": "^-?[0-9]+(\\.[0-9]+)?$",
    "description": "An exact decimal; money unless said otherwise.",
});
text_schema!(Currency, "Currency", {
    "pattern": "^[A-Z]{3}$",
    "description": "ISO 4217.",
});
text_schema!(Measure, "Measure", {
    "description": "`events`, `units`, `tokens`, `tokens_in`, `tokens_out`, `api_calls`, \
        `duration_ms`, `data_bytes`, `searches`, `images`, `spend`, `events:<operation>` or `units:<operation>`.",
});
text_schema!(Zone, "TimeZone", {
    "description": "A time zone of the IANA database, such as `Europe/Paris`.",
});
