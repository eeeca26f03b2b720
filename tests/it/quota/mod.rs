//! Limits, and who may use what.

mod budgets;
mod check;
mod credits;
mod layers;
mod limits;
mod midway;
mod month;
mod outage;
mod plans;
mod rate;
mod table;
mod tenants;
mod trees;
mod versions;
