//! What Tollgate promises, through its routes.

mod walk;
