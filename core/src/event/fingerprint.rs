//! The fingerprint of an event's content.

use crate::event::event::Event;
use crate::event::label::Label;
use crate::event::name::Name;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256 digest of an event's content without its timestamp, which is
/// compared apart: one that the client left out is not compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of `event`.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let mut hash = Sha256::new();
        hash_event(&mut hash, event);
        Self(hash.finalize().into())
    }

    /// The fingerprint of a sealed batch: over all of its events in order, each with
    /// its timestamp where the client named one, and over what is none as its
    /// canonical text.
    #[must_use]
    pub fn of_batch<'a>(parts: impl IntoIterator<Item = Part<'a>>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"tollgate-batch-1");
        for part in parts {
            match part {
                Part::Event(event, timestamp_given) => {
                    hash.update([1, u8::from(timestamp_given)]);
                    if timestamp_given {
                        hash.update(event.timestamp.unix_nanos().to_be_bytes());
                    }
                    hash_event(&mut hash, event);
                }
                Part::Other(text) => {
                    hash.update([2]);
                    bytes(&mut hash, Some(text.as_bytes()));
                }
            }
        }
        Self(hash.finalize().into())
    }

    /// From stored bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As stored bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// One element of a sealed batch.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// An event, and whether the client named its timestamp.
    Event(&'a Event, bool),
    /// What is no event, as canonical text.
    Other(&'a str),
}

fn hash_event(hash: &mut Sha256, event: &Event) {
    let d = &event.dimensions;
    hash.update(b"tollgate-event-1");
    for name in [&event.id, &d.operation, &d.tier] {
        text(hash, Some(name));
    }
    for label in Label::ALL {
        text(hash, event.label(label));
    }
    for (_, quantity) in event.quantities.to_table().iter() {
        hash.update(quantity.to_be_bytes());
    }
    for amount in [
        event.latency_ms,
        Some(event.compliance_score),
        event.cost_override,
    ] {
        bytes(
            hash,
            amount.map(|a| a.units().to_be_bytes().to_vec()).as_deref(),
        );
    }
    bytes(hash, event.metadata.as_ref().map(|m| m.as_bytes()));
}

fn text(hash: &mut Sha256, name: Option<&Name>) {
    bytes(hash, name.map(|n| n.as_str().as_bytes()));
}

/// Present or not, length, bytes: no two lists of fields hash alike.
fn bytes(hash: &mut Sha256, field: Option<&[u8]>) {
    match field {
        None => hash.update([0]),
        Some(field) => {
            hash.update([1]);
            hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(field);
        }
    }
}
