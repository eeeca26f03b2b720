//! An item as bytes: a format's number, a checksum over key and content, and the
//! content.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tollgate_core::{Attrs, Value};
use tollgate_service::StoreError;

const FORMAT: u8 = 1;
/// The format's number and the checksum.
const HEAD_BYTES: usize = 5;

#[derive(Serialize, Deserialize)]
enum Stored<'a> {
    S(&'a str),
    N(i128),
    B(&'a [u8]),
}

/// The item at this key as bytes.
pub(crate) fn encode(pk: &str, sk: &str, attrs: &Attrs) -> Result<Vec<u8>, StoreError> {
    let content: Vec<(&str, Stored<'_>)> = attrs
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::S(text) => Stored::S(text),
                Value::N(number) => Stored::N(*number),
                Value::B(bytes) => Stored::B(bytes),
            };
            (&**name, value)
        })
        .collect();
    let mut bytes = vec![FORMAT, 0, 0, 0, 0];
    bytes = postcard::to_extend(&content, bytes)
        .map_err(|error| StoreError::Broken(error.to_string()))?;
    let sum = checksum(pk, sk, bytes.get(HEAD_BYTES..).unwrap_or_default());
    for (to, from) in bytes.iter_mut().skip(1).zip(sum.to_le_bytes()) {
        *to = from;
    }
    Ok(bytes)
}

/// The item that [`encode`] wrote at this key.
pub(crate) fn decode(pk: &str, sk: &str, bytes: &[u8]) -> Result<Attrs, StoreError> {
    let damaged = || StoreError::Damaged(format!("the item `{pk}` `{sk}`"));
    let (head, content) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(damaged)?;
    let sum = checksum(pk, sk, content).to_le_bytes();
    if head.first() != Some(&FORMAT) || head.get(1..) != Some(&sum) {
        return Err(damaged());
    }
    let content: Vec<(&str, Stored<'_>)> = postcard::from_bytes(content).map_err(|_| damaged())?;
    let attribute = |(name, value): (&str, Stored<'_>)| {
        let value = match value {
            Stored::S(text) => Value::S(text.to_owned()),
            Stored::N(number) => Value::N(number),
            Stored::B(bytes) => Value::B(bytes.to_vec()),
        };
        (Arc::from(name), value)
    };
    Ok(content.into_iter().map(attribute).collect())
}

fn checksum(pk: &str, sk: &str, content: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    // Keys hold no 0, so the parts are told apart.
    for part in [pk.as_bytes(), &[0], sk.as_bytes(), &[0], content] {
        sum.update(part);
    }
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attrs() -> impl Strategy<Value = Attrs> {
        let value = prop_oneof![
            ".{0,9}".prop_map(Value::S),
            any::<i128>().prop_map(Value::N),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::B),
        ];
        proptest::collection::btree_map("[a-z:]{1,5}".prop_map(Arc::from), value, 0..5)
    }

    proptest! {
        #[test]
        fn an_item_is_read_as_it_was_written_and_no_flipped_bit_passes(
            pk in "[a-z|]{1,9}", sk in "[a-z|]{1,9}", attrs in attrs(),
            place in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let bytes = encode(&pk, &sk, &attrs).unwrap();
            prop_assert_eq!(decode(&pk, &sk, &bytes).unwrap(), attrs);
            let mut flipped = bytes.clone();
            flipped[place.index(bytes.len())] ^= 1 << bit;
            prop_assert!(matches!(decode(&pk, &sk, &flipped), Err(StoreError::Damaged(_))));
            let elsewhere = pk.clone() + "x";
            prop_assert!(decode(&elsewhere, &sk, &bytes).is_err());
            prop_assert!(decode(&pk, &sk, &bytes[..place.index(bytes.len())]).is_err());
        }
    }
}
