//! Items and writes as data: what a store reads, and what it turns into one
//! transaction.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The key of an item.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place within it.
    pub sk: String,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Text.
    S(String),
    /// An integer of at most 38 digits.
    N(i128),
    /// Bytes.
    B(Vec<u8>),
}

/// The attributes of an item, keys apart.
pub type Attrs = BTreeMap<Arc<str>, Value>;

/// One action of a transaction: all of them happen, or none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// The item.
    pub key: Key,
    /// What becomes of it.
    pub change: Change,
    /// What must hold for the whole transaction to happen.
    pub guards: Vec<Guard>,
    /// What it is to its transaction, so that a refusal names itself.
    pub role: Role,
}

/// What a write is to its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Role {
    /// The marker of the event at this place of the list that was planned.
    Marker(usize),
    /// The marker of a sealed batch.
    Batch,
    /// A page.
    Page,
    /// A counter.
    Counter,
    /// A hold as it stands.
    Hold,
    /// Anything else.
    #[default]
    Other,
}

/// What becomes of an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// It holds exactly these attributes.
    Put(Attrs),
    /// Numbers are added to (an absent one counts as 0), attributes are set.
    Update {
        /// Added to.
        add: Vec<(Arc<str>, i128)>,
        /// Set.
        set: Vec<(Arc<str>, Value)>,
    },
    /// It is gone.
    Delete,
}

/// A condition on the item as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Guard {
    /// There is no such item.
    Absent,
    /// There is one.
    Present,
    /// The attribute is absent, or at most this.
    AtMost(Arc<str>, i128),
    /// The attribute is this.
    Equals(Arc<str>, Value),
    /// The attribute is absent.
    Lacks(Arc<str>),
}

impl Key {
    /// A key.
    #[must_use]
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }
}

impl Write {
    /// The item holds exactly these attributes.
    #[must_use]
    pub fn put(key: Key, attrs: Attrs) -> Self {
        Self::new(key, Change::Put(attrs))
    }

    /// The item is gone.
    #[must_use]
    pub fn delete(key: Key) -> Self {
        Self::new(key, Change::Delete)
    }

    /// Attributes of the item are set.
    #[must_use]
    pub fn set(key: Key, set: Vec<(Arc<str>, Value)>) -> Self {
        Self::new(
            key,
            Change::Update {
                add: Vec::new(),
                set,
            },
        )
    }

    fn new(key: Key, change: Change) -> Self {
        Self {
            key,
            change,
            guards: Vec::new(),
            role: Role::Other,
        }
    }

    /// The same, if `guard` holds.
    #[must_use]
    pub fn when(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// The same in another role.
    #[must_use]
    pub fn in_role(self, role: Role) -> Self {
        Self { role, ..self }
    }
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<i128> {
        match self {
            Self::N(number) => Some(*number),
            Self::S(_) | Self::B(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            Self::N(_) | Self::B(_) => None,
        }
    }

    /// The bytes, if it is some.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::B(bytes) => Some(bytes),
            Self::N(_) | Self::S(_) => None,
        }
    }
}

impl Guard {
    /// Whether it holds for `item`, the item as it stands (`None`: absent).
    #[must_use]
    pub fn holds(&self, item: Option<&Attrs>) -> bool {
        let attribute = |name: &Arc<str>| item.and_then(|item| item.get(name));
        match self {
            Self::Absent => item.is_none(),
            Self::Present => item.is_some(),
            Self::AtMost(name, most) => match attribute(name) {
                None => true,
                Some(value) => value.as_number().is_some_and(|number| number <= *most),
            },
            Self::Equals(name, value) => attribute(name) == Some(value),
            Self::Lacks(name) => attribute(name).is_none(),
        }
    }
}

impl Change {
    /// The item after the change.
    #[must_use]
    pub fn applied(&self, item: Option<&Attrs>) -> Option<Attrs> {
        match self {
            Self::Put(attrs) => Some(attrs.clone()),
            Self::Delete => None,
            Self::Update { add, set } => {
                let mut attrs = item.cloned().unwrap_or_default();
                for (name, more) in add {
                    let held = attrs.get(name).and_then(Value::as_number).unwrap_or(0);
                    attrs.insert(Arc::clone(name), Value::N(held.saturating_add(*more)));
                }
                attrs.extend(set.iter().cloned());
                Some(attrs)
            }
        }
    }
}

/// The most actions of a DynamoDB transaction.
pub const ACTIONS_MAX: usize = 100;
