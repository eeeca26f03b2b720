//! Tollgate's store on DynamoDB: the only crate that knows the AWS SDK.
//!
//! [`Dynamo`] turns core's writes into requests with conditions, and what
//! comes back into reasons. It never decides anything and never retries a
//! refused transaction: the service plans again. Start with [`Dynamo::connect`]
//! or, with the feature `embedded`, [`embedded::open`].

mod convert;
#[cfg(feature = "embedded")]
pub mod embedded;
mod fault;
mod schema;
mod single;
mod store;

pub use schema::create_table;
pub use store::Dynamo;
