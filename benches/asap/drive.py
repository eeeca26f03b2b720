"""Sends the same work to either server over one connection, and compares.

`measure` ingests, aggregates by day and summarises on one server, checks every
total against those of the events sent, and writes its figures to a file.
`compare` checks two such files against each other and prints the table.
"""

import argparse
import http.client
import json
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta, timezone

BATCH = 1000
TASKS, AGENTS, CONSUMERS = 10_000, 200, 50
DAYS = 30
READS = 5
HASH = "cdd01ef066bc6cf2"
TENANT = "bench"
START_SECONDS_MAX = 30
REPLY_SECONDS_MAX = 600


def events(count: int, until: datetime) -> list[dict]:
    """The same events for the same arguments: distinct times, in no order."""
    chance = random.Random(1)
    span = DAYS * 86_400_000
    since = until - timedelta(days=DAYS)
    steps = list(range(count))
    chance.shuffle(steps)
    return [
        {
            "task_id": f"task-{step % TASKS}",
            "agent_id": f"agent-{chance.randrange(AGENTS)}",
            "consumer_id": f"consumer-{step % CONSUMERS}",
            "tokens_in": chance.randint(1, 4000),
            "tokens_out": chance.randint(1, 1500),
            "duration_ms": chance.randint(10, 60_000),
            "api_calls": chance.randint(1, 5),
            "timestamp": stamp(since + timedelta(milliseconds=step * span // count)),
        }
        for step in steps
    ]


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def totals(of: list[dict]) -> dict:
    """The totals that both servers must answer."""
    return {
        "events": len(of),
        "tokens": sum(event["tokens_in"] + event["tokens_out"] for event in of),
        "duration_ms": sum(event["duration_ms"] for event in of),
        "api_calls": sum(event["api_calls"] for event in of),
        "agents": len({event["agent_id"] for event in of}),
        "consumers": len({event["consumer_id"] for event in of}),
    }


def expected(sent: list[dict]) -> dict:
    days = defaultdict(list)
    for event in sent:
        days[event["timestamp"][:10]].append(event)
    return {"summary": totals(sent), "days": {day: totals(days[day]) for day in sorted(days)}}


def answered(row: dict) -> dict:
    """A row of either server in our words. ASAP's `total_tasks` counts rows."""
    return {
        "events": row.get("total_events", row["total_tasks"]),
        "tokens": row["total_tokens"],
        "duration_ms": row["total_duration_ms"],
        "api_calls": row["total_api_calls"],
        "agents": row["unique_agents"],
        "consumers": row["unique_consumers"],
    }


class Server:
    """One kept connection to one server."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REPLY_SECONDS_MAX)
        self.headers = {"Content-Type": "application/json"} | headers

    def ask(self, status: int, method: str, path: str, body: bytes | None = None) -> tuple[float, dict]:
        """Seconds until the whole answer is here, and the answer."""
        began = time.perf_counter()
        self.connection.request(method, path, body, self.headers)
        reply = self.connection.getresponse()
        text = reply.read()
        took = time.perf_counter() - began
        if reply.status != status:
            sys.exit(f"{method} {path}: expected {status}, got {reply.status}: {text[:500].decode(errors='replace')}")
        return took, json.loads(text)

    def median(self, path: str) -> tuple[float, dict]:
        asked = [self.ask(200, "GET", path) for _ in range(READS)]
        return statistics.median(took for took, _ in asked), asked[-1][1]


def connect(port: int, operator: str | None) -> Server:
    """Waits for the server; with an operator's key a tenant's key is made and used."""
    if operator is None:
        return answering(Server(port, {}))
    gate = {"X-Constitutional-Hash": HASH}
    boss = answering(Server(port, gate | {"Authorization": f"Bearer {operator}"}))
    asked = json.dumps({"tenant_id": TENANT, "scopes": ["ingest", "read"]}).encode()
    _, made = boss.ask(201, "POST", "/keys", asked)
    boss.connection.close()
    return Server(port, gate | {"Authorization": f"Bearer {made['key']}"})


def answering(server: Server) -> Server:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            server.connection.connect()
            return server
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"no server on port {server.connection.port}: {error}")
            time.sleep(0.1)


def ingest(server: Server, name: str, sent: list[dict]) -> float:
    batches = [sent[at : at + BATCH] for at in range(0, len(sent), BATCH)]
    bodies = [json.dumps({"events": batch}).encode() for batch in batches]
    seconds = 0.0
    for index, (batch, body) in enumerate(zip(batches, bodies), 1):
        took, reply = server.ask(201, "POST", "/usage/batch", body)
        seconds += took
        if reply["count"] != len(batch):
            sys.exit(f"{name}: recorded {reply['count']} of {len(batch)}")
        if index * 10 // len(batches) > (index - 1) * 10 // len(batches):
            print(f"{name}: {index} of {len(batches)} batches in {seconds:.1f} s", file=sys.stderr)
    return seconds


def measure(given: argparse.Namespace) -> None:
    sent = events(given.events, datetime.fromisoformat(given.until))
    server = connect(given.port, os.environ.get("TOLLGATE_OPERATOR_KEY"))
    # Also opens the store before the clock runs.
    _, empty = server.ask(200, "GET", "/usage/summary")
    if empty["total_tokens"] != 0:
        sys.exit(f"{given.name}: the store is not empty")
    ingested = ingest(server, given.name, sent)
    aggregated, days = server.median("/usage/aggregate?group_by=day")
    summarised, summary = server.median("/usage/summary")
    if days.get("next_cursor") is not None:
        sys.exit(f"{given.name}: more days than one page")
    found = {
        "summary": answered(summary),
        "days": {row.get("key") or row["period"]: answered(row) for row in days["data"]},
    }
    agree(f"{given.name} and the events sent", found, expected(sent))
    figures = {"name": given.name, "events": given.events, "until": given.until, "found": found}
    figures |= {"ingest": ingested, "aggregate": aggregated, "summary": summarised}
    with open(given.out, "w", encoding="utf-8") as out:
        json.dump(figures, out)


def agree(who: str, one: dict, other: dict) -> None:
    for part in ("summary", "days"):
        if one[part] != other[part]:
            differing = [key for key in one[part] | other[part] if one[part].get(key) != other[part].get(key)]
            key = differing[0]
            sys.exit(f"{who} differ in the {part}, {key}: {one[part].get(key)} and {other[part].get(key)}")


def compare(given: argparse.Namespace) -> None:
    asap, tollgate = (json.load(open(path, encoding="utf-8")) for path in (given.asap, given.tollgate))
    if (asap["events"], asap["until"]) != (tollgate["events"], tollgate["until"]):
        sys.exit("the two were not sent the same events")
    agree("asap and tollgate", asap["found"], tollgate["found"])
    count = asap["events"]
    rows = [("work", "asap", "tollgate", "ratio")]
    rows.append(row(f"batch ingest of {count:,} events", asap, tollgate, "ingest", lambda took: f"{took:.2f} s"))
    rate = [f"{count / figures['ingest']:,.0f}/s" for figures in (asap, tollgate)]
    rows.append(("  events per second", *rate, ""))
    for name, work in (("aggregate", "aggregate by day"), ("summary", "summary")):
        rows.append(row(f"{work}, median of {READS}", asap, tollgate, name, lambda took: f"{took * 1000:,.1f} ms"))
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    for cells in rows:
        first, *others = (cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(cells, widths)))
        print("  ".join([first, *others]).rstrip())
    print("ratio: asap's time over tollgate's; above 1 tollgate is faster.")
    found = asap["found"]
    print(f"Totals agree exactly: {found['summary']['tokens']:,} tokens over {len(found['days'])} days; duration, API calls, agents and consumers too.")


def row(work: str, asap: dict, tollgate: dict, name: str, shown) -> tuple[str, str, str, str]:
    return work, shown(asap[name]), shown(tollgate[name]), f"{asap[name] / tollgate[name]:,.2f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = arguments.add_subparsers(required=True)
    one = commands.add_parser("measure", help="work on one server; TOLLGATE_OPERATOR_KEY if it is ours")
    one.add_argument("--name", required=True)
    one.add_argument("--port", type=int, required=True)
    one.add_argument("--events", type=int, required=True)
    one.add_argument("--until", required=True, help="the time just after the last event, RFC 3339")
    one.add_argument("--out", required=True, help="file for the figures")
    one.set_defaults(run=measure)
    both = commands.add_parser("compare", help="print the table of two runs")
    both.add_argument("asap")
    both.add_argument("tollgate")
    both.set_defaults(run=compare)
    given = arguments.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
