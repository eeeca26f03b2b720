"""Serves asap-protocol's own usage router over its own SQLite metering storage.

Router and storage are the package's, unchanged. Nothing is put around them:
no limiter, no authentication, no access log, no tracing.
"""

import argparse

import uvicorn
from asap.economics import SQLiteMeteringStorage
from asap.transport.usage_api import create_usage_router
from fastapi import FastAPI


def app(database: str) -> FastAPI:
    """What `asap.transport.server.create_app` does with a `metering_storage`."""
    served = FastAPI()
    served.state.metering_storage = SQLiteMeteringStorage(database)
    served.include_router(create_usage_router())
    return served


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--database", required=True, help="the SQLite file")
    given = arguments.parse_args()
    uvicorn.run(app(given.database), host="127.0.0.1", port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
