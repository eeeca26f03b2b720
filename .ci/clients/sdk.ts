// Ten calls by the client that @hey-api/openapi-ts makes; problems are typed.
import assert from "node:assert/strict";
import { client } from "./made/sdk/client.gen.js";
import * as tollgate from "./made/sdk/index.js";

const [base, key, hash] = process.argv.slice(2) as [string, string, string];
client.setConfig({
  baseUrl: base,
  auth: (auth) => (auth.name === "X-Constitutional-Hash" ? hash : key),
});
const tenant_id = "sdk";
const event = { tenant_id, operation: "agent_message" };
const query = { tenant_id };

const limits = [
  { id: "a", scope: "agent" as const, measure: "events", window: "day" as const, hard: 1 },
];
const put = await tollgate.putLimits({ path: { tenant_id }, body: { limits } });
assert.equal(put.data?.limits[0]?.hard, 1);
const one = await tollgate.recordEvent({ body: { ...event, id: "e1", agent_id: "a1" } });
assert.equal(one.data?.cost, "0.0005");
const full = await tollgate.recordEvent({ body: { ...event, id: "e2", agent_id: "a1" } });
assert.equal(full.response?.status, 429);
assert.equal(full.error?.code, "usage_limit_exceeded");
const several = await tollgate.recordEvents({ body: { events: [{ ...event, id: "e3" }] } });
assert.equal(several.data?.recorded, 1);
const found = await tollgate.findEvent({ path: { event_id: "e1" }, query });
assert.equal(found.data?.voided, false);
const none = await tollgate.findEvent({ path: { event_id: "none" }, query });
assert.equal(none.error?.code, "not_found");
const listed = await tollgate.listEvents({ query });
assert.equal(listed.data?.count, 2);
const summary = await tollgate.summarizeUsage({ query });
assert.equal(summary.data?.total_events, 2);
const groups = await tollgate.aggregateUsage({ query: { ...query, group_by: "agent" } });
assert.deepEqual(groups.data?.data.map((row) => row.key), ["(none)", "a1"]);
const hold = await tollgate.takeHold({ body: { id: "h1", event } });
assert.equal(hold.data?.state, "open");
const captured = await tollgate.captureHold({
  path: { hold_id: "h1" },
  query,
  body: { event: {} },
});
assert.equal(captured.data?.hold_id, "h1");
console.log("@hey-api/openapi-ts: 11 calls");
