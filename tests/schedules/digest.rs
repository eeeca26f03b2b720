//! Digests of what a schedule's future depends on.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use tollgate_core::{Attrs, Form, Key, Page, Value};

/// 128 bits of all that was put in, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(u64, u64);

/// The letters of an id that is made of the time and chance.
const ULID: usize = 26;
/// How such an id begins in this century.
const BEGINS: &[u8] = b"01";

impl Digest {
    /// With `more` behind.
    pub(crate) fn with(self, more: &impl Hash) -> Self {
        let half = |salt: u8, before: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, before).hash(&mut hasher);
            more.hash(&mut hasher);
            hasher.finish()
        };
        Self(half(0, self.0), half(1, self.1))
    }

    /// With an item behind, in which each id of `made` is replaced by who made
    /// it.
    pub(crate) fn item(
        self,
        key: &Key,
        attrs: &Attrs,
        made: &BTreeMap<String, (usize, usize)>,
    ) -> Self {
        let mut text = Vec::new();
        named(key.pk.as_bytes(), made, &mut text);
        named(key.sk.as_bytes(), made, &mut text);
        for (attribute, value) in attrs {
            text.extend_from_slice(attribute.as_bytes());
            match value {
                Value::S(letters) => named(letters.as_bytes(), made, &mut text),
                // As it is read: the salts of its names are by chance.
                Value::B(bytes) if key.pk.contains("|E|") => {
                    let page = format!("{:?}", Page::decode(bytes));
                    named(page.as_bytes(), made, &mut text);
                }
                // Without the checksum, which is of ids by chance too.
                Value::B(bytes) => {
                    let content = Form::before(bytes);
                    named(content.as_deref().unwrap_or(bytes), made, &mut text);
                }
                Value::N(number) => text.extend_from_slice(&number.to_be_bytes()),
            }
        }
        self.with(&text)
    }
}

/// Appends `bytes` and how many they are, with the ids in them replaced.
fn named(mut bytes: &[u8], made: &BTreeMap<String, (usize, usize)>, out: &mut Vec<u8>) {
    out.extend_from_slice(&bytes.len().to_be_bytes());
    while let Some(place) = bytes
        .windows(BEGINS.len())
        .position(|start| start == BEGINS)
    {
        let (before, rest) = bytes.split_at(place);
        out.extend_from_slice(before);
        let id = rest.get(..ULID).and_then(|id| std::str::from_utf8(id).ok());
        let step = match id.and_then(|id| made.get(id)) {
            Some((client, count)) => {
                out.extend_from_slice(format!("<{client}.{count}>").as_bytes());
                ULID
            }
            None => {
                out.push(rest[0]);
                1
            }
        };
        bytes = &rest[step..];
    }
    out.extend_from_slice(bytes);
}
