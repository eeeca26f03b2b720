//! Who changes something.

/// Who changes something, and under which condition.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The id of the key that asked.
    pub key_id: String,
    /// The version that the change was made for; absent = any.
    pub if_match: Option<u64>,
}

impl Actor {
    /// The service itself, by schedule or on its own.
    pub(crate) fn schedule() -> Self {
        Self {
            key_id: "schedule".to_owned(),
            if_match: None,
        }
    }
}
