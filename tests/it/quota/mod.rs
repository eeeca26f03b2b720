//! Limits, and who may use what.

mod budgets;
mod check;
mod layers;
mod limits;
mod midway;
mod month;
mod plans;
mod rate;
mod table;
mod tenants;
