"""Ten calls by the client that openapi-python-client makes; problems are typed."""

import os
import sys

from tollgate_client import AuthenticatedClient
from tollgate_client.api.ingest import record_event, record_events
from tollgate_client.api.query import (
    aggregate_usage,
    find_event,
    list_events,
    summarize_usage,
)
from tollgate_client.api.quota import capture_hold, check_event, put_limits, take_hold
from tollgate_client.models import (
    AggregateUsageGroupBy,
    Batch,
    Capture,
    Event,
    Limits,
    NewHold,
    NotFoundProblem,
    TooManyRequestsProblem,
)

base, key, constitutional_hash = sys.argv[1:4]
client = AuthenticatedClient(
    base_url=base, token=key, headers={"X-Constitutional-Hash": constitutional_hash}
)
TENANT = "python"


def event(**fields: object) -> Event:
    return Event.from_dict({"tenant_id": TENANT, "operation": "agent_message", **fields})


limits = Limits.from_dict(
    {
        "limits": [
            {"id": "a", "scope": "agent", "measure": "events", "window": "day", "hard": 1}
        ]
    }
)
put = put_limits.sync(TENANT, client=client, body=limits)
assert put.limits[0].hard == 1, put
one = record_event.sync(client=client, body=event(id="e1", agent_id="a1"))
assert one.recorded and one.cost == "0.0005", one
full = record_event.sync(client=client, body=event(id="e2", agent_id="a1"))
assert isinstance(full, TooManyRequestsProblem), full
assert full.violations[0].used == 1 and full.code == "usage_limit_exceeded", full
batch = Batch.from_dict({"events": [event(id="e3").to_dict(), {"operation": 5}]})
several = record_events.sync(client=client, body=batch)
assert (several.recorded, several.rejected) == (1, 1), several
found = find_event.sync("e1", client=client, tenant_id=TENANT)
assert found.agent_id == "a1" and found.voided is False, found
none = find_event.sync("none", client=client, tenant_id=TENANT)
assert isinstance(none, NotFoundProblem) and none.code == "not_found", none
listed = list_events.sync(client=client, tenant_id=TENANT)
assert listed.count == 2, listed
summary = summarize_usage.sync(client=client, tenant_id=TENANT)
assert summary.total_events == 2, summary
by_agent = AggregateUsageGroupBy.AGENT
groups = aggregate_usage.sync(client=client, tenant_id=TENANT, group_by=by_agent)
assert [row.key for row in groups.data] == ["(none)", "a1"], groups
checked = check_event.sync(client=client, body=event(agent_id="a2"))
assert checked.decision == "allow", checked
hold = take_hold.sync(
    client=client, body=NewHold.from_dict({"id": "h1", "event": event().to_dict()})
)
assert hold.state == "open", hold
captured = capture_hold.sync(
    "h1", client=client, tenant_id=TENANT, body=Capture.from_dict({"event": {}})
)
assert captured.hold_id == "h1" and captured.replayed is False, captured
print("openapi-python-client: 12 calls")
