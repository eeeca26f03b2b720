//! Names on the command line.

use tollgate_core::{Name, NameError};

/// A [`Name`].
pub(crate) fn name(text: &str) -> Result<Name, NameError> {
    Name::new(text)
}

/// A [`Name`] that stands in a path, such as a tenant's.
pub(crate) fn in_path(text: &str) -> Result<Name, NameError> {
    Name::in_path(text)
}
