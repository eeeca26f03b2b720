// Ten calls by openapi-fetch over the types that openapi-typescript makes; problems are typed.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./made/fetch.js";

const [base, key, hash] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({
  baseUrl: base,
  headers: { Authorization: `Bearer ${key}`, "X-Constitutional-Hash": hash },
});
const tenant_id = "fetch";
const event = { tenant_id, operation: "agent_message" };
const query = { tenant_id };

const limits = [
  { id: "a", scope: "agent" as const, measure: "events", window: "day" as const, hard: 1 },
];
const put = await client.PUT("/limits/{tenant_id}", {
  params: { path: { tenant_id } },
  body: { limits },
});
assert.equal(put.data?.limits[0]?.hard, 1);
const one = await client.POST("/events", { body: { ...event, id: "e1", agent_id: "a1" } });
assert.equal(one.data?.cost, "0.0005");
const full = await client.POST("/events", { body: { ...event, id: "e2", agent_id: "a1" } });
assert.equal(full.response.status, 429);
assert.equal(full.error?.code, "usage_limit_exceeded");
const several = await client.POST("/events/batch", { body: { events: [{ ...event, id: "e3" }] } });
assert.equal(several.data?.recorded, 1);
const found = await client.GET("/events/{event_id}", {
  params: { path: { event_id: "e1" }, query },
});
assert.equal(found.data?.voided, false);
const none = await client.GET("/events/{event_id}", {
  params: { path: { event_id: "none" }, query },
});
assert.equal(none.error?.code, "not_found");
const listed = await client.GET("/usage", { params: { query } });
assert.equal(listed.data?.count, 2);
const summary = await client.GET("/usage/summary", { params: { query } });
assert.equal(summary.data?.total_events, 2);
const groups = await client.GET("/usage/aggregate", {
  params: { query: { ...query, group_by: "agent" } },
});
assert.deepEqual(groups.data?.data.map((row) => row.key), ["(none)", "a1"]);
const hold = await client.POST("/holds", { body: { id: "h1", event } });
assert.equal(hold.data?.state, "open");
const captured = await client.POST("/holds/{hold_id}/capture", {
  params: { path: { hold_id: "h1" }, query },
  body: { event: {} },
});
assert.equal(captured.data?.hold_id, "h1");
console.log("openapi-fetch: 11 calls");
