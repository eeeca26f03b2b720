//! Who changes something.

use crate::store::failure::Failure;

/// Who changes something, and under which condition.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The id of the key that asked.
    pub key_id: String,
    /// What must hold of the version in force.
    pub precondition: Precondition,
}

/// What must hold of the version in force for a change to be made (RFC 9110, 13.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Precondition {
    /// It is one of these; absent = it may be any.
    pub one_of: Option<Vec<u64>>,
    /// It is none of these.
    pub none_of: Vec<u64>,
    /// Nothing was ever set.
    pub absent: bool,
    /// Something was set.
    pub present: bool,
}

impl Precondition {
    /// Whether it holds of `version`, 0 = nothing was ever set.
    fn holds(&self, version: u64) -> bool {
        let is_wanted = |wanted: &Vec<u64>| wanted.contains(&version);
        let is_there = version > 0;
        let fits = if is_there {
            !self.absent
        } else {
            !self.present
        };
        fits && self.one_of.as_ref().is_none_or(is_wanted) && !self.none_of.contains(&version)
    }
}

impl Actor {
    /// Someone who changes whatever version is in force.
    #[must_use]
    pub fn unconditional(key_id: impl Into<String>) -> Self {
        Self {
            key_id: key_id.into(),
            precondition: Precondition::default(),
        }
    }

    /// The service itself, by schedule or on its own.
    pub(crate) fn schedule() -> Self {
        Self::unconditional("schedule")
    }

    /// The same, who changes the version `version` and no other.
    ///
    /// # Errors
    /// [`Failure::Stale`] where its own condition does not hold of that.
    pub fn at(self, version: u64) -> Result<Self, Failure> {
        self.check(version)?;
        let precondition = Precondition {
            one_of: Some(vec![version]),
            ..Precondition::default()
        };
        Ok(Self {
            precondition,
            ..self
        })
    }

    /// That its condition holds of the version in force.
    ///
    /// # Errors
    /// [`Failure::Stale`].
    pub(crate) fn check(&self, version: u64) -> Result<(), Failure> {
        if self.precondition.holds(version) {
            Ok(())
        } else {
            Err(Failure::Stale(version))
        }
    }
}
