//! What of a tenant is versioned on its own.

use crate::words::words;

words! {
    /// What of a tenant has a version of its own, for conditional changes.
    pub enum Resource {
        /// Its own fields.
        Tenant = "tenant",
        /// What `POST /quota` sets.
        Quota = "quota",
        /// What `PUT /limits` sets.
        Limits = "limits",
        /// What `PUT /budgets` sets.
        Budget = "budget",
        /// What `PUT /budgets/{tenant_id}/tree` sets.
        Tree = "tree",
        /// What `PUT /tenants/{id}/subscription` sets.
        Subscription = "subscription",
        /// What `PUT /alerts` sets.
        Alerts = "alerts",
    }
}
