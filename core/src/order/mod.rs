//! What operators ask for, as requests are read into and use cases take.

pub(crate) mod alerts;
pub(crate) mod grant;
pub(crate) mod key;
pub(crate) mod purge;
pub(crate) mod subscription;
pub(crate) mod tenant;
