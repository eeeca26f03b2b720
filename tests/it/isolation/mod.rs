//! Tenants are walled off from each other: every route x every credential x
//! every tenant named.

mod matrix;
mod names;

use crate::given::{Open, limit, merged};
use serde_json::{Value, json};

/// Occurs in everything that belongs to `beta`, but for its id.
const CANARY: &str = "CANARY-OF-BETA";

/// Two tenants with the same ids and some of everything; all that is `beta`'s
/// bears the canary.
async fn two_tenants() -> Open {
    let open = Open::new();
    let app = &open.app;
    for (tenant, mark) in [("acme", "plain"), ("beta", CANARY)] {
        let event = |id: &str, fields: Value| {
            let base = json!({ "id": id, "agent_id": mark, "session_id": mark, "metadata": { "note": mark }, "model": mark });
            merged(base, fields)
        };
        app.put(
            &format!("/tenants/{tenant}"),
            json!({ "name": mark, "slug": mark }),
        )
        .await
        .expect(200);
        app.record(tenant, event("e1", json!({ "task_id": "t1" })))
            .await
            .expect(201);
        app.record(
            tenant,
            event(
                &format!("e-{mark}"),
                json!({ "task_id": format!("t-{mark}") }),
            ),
        )
        .await
        .expect(201);
        app.limit(
            tenant,
            json!([
                limit(json!({ "id": mark, "hard": 900 })),
                limit(json!({ "id": "s", "scope": "session", "scope_id": mark, "hard": 9 }))
            ]),
        )
        .await;
        app.post(
            "/quota",
            json!({ "tenant_id": tenant, "monthly_total_limit": 900 }),
        )
        .await
        .expect(200);
    }
    open
}
