"""The process behind `OneByOne` (``python -m benchmarks.one_by_one_node``): its requests to Asterisk, and its events.

It remembers which workflow has last asked something of a leg, and signals to that one what happens to the leg.
"""

import asyncio
import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

from benchmarks.one_by_one import APP, HOLD, QUEUE, News, OneByOne, OneByOneWatch, Question, Request

MAY_BE_BLIND = ("bold",)
"""Tenants."""
BUILD = WorkerDeploymentConfig(WorkerDeploymentVersion("one-by-one", "0.1.0"), use_worker_versioning=False)
"""As short as the engine's. The SDK's own is a digest, which would be in every second event."""
NOT_YET = 422
"""A leg that is not in the application, where it takes a new one some milliseconds to be."""


class Node:
    """One Asterisk."""

    def __init__(self, session: aiohttp.ClientSession, url: str, client: Client) -> None:
        """Take how it is reached, and how workflows are."""
        self._session = session
        self._url = url
        self._client = client
        self._asked_by: dict[str, str] = {}

    @activity.defn
    async def admit(self, question: Question) -> bool:
        """Say whether a transfer may be."""
        blind = question.mode == "blind"
        return question.target.startswith("PJSIP/") and (not blind or question.tenant in MAY_BE_BLIND)

    @activity.defn
    async def request(self, asked: Request) -> str | None:
        """Make a request and return the id that Asterisk answers with, if it does."""
        for leg in _legs(asked.path):
            self._asked_by[leg] = activity.info().workflow_id or ""
        async with self._session.request(asked.method, self._url + asked.path) as response:
            missing = response.status == 404 and asked.method != "POST"  # which is as good as ended
            if response.status >= 400 and not missing:
                why = f"{asked.method} {asked.path}: {response.status} {await response.text()}"
                raise ApplicationError(why, non_retryable=response.status < 500 and response.status != NOT_YET)
            answer = None if response.status == 204 or missing else await response.json()
        return answer["id"] if answer else None

    async def listen(self) -> None:
        """Signal to workflows what happens to their legs, for ever."""
        async with self._session.ws_connect(f"{self._url}/events?app={APP}") as socket:
            await self._session.post(f"{self._url}/bridges/{HOLD}?type=holding")
            _say("one by one ready")
            async for message in socket:
                await self._tell(message.json())

    async def _tell(self, event: dict[str, Any]) -> None:
        match event:
            case {"type": "ChannelStateChange", "channel": {"id": leg, "state": "Ringing"}}:
                news = News(leg, "ringing")
            case {"type": "ChannelStateChange", "channel": {"id": leg, "state": "Up"}}:
                news = News(leg, "answered")
            case {"type": "ChannelDestroyed", "channel": {"id": leg}}:
                news = News(leg, "ended")
            case _:
                return
        if workflow_id := self._asked_by.get(news.leg):
            try:
                await self._client.get_workflow_handle(workflow_id).signal("happened", news)
            except RPCError:
                return  # it is over


def _legs(path: str) -> list[str]:
    """Return the legs that a request is about."""
    parts = urlsplit(path)
    moved = parse_qs(parts.query).get("channel", [""])[0].split(",")
    return [parts.path.split("/")[2]] if parts.path.startswith("/channels/") else moved


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _serve() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    password = aiohttp.encode_basic_auth(os.environ["ARI_USER"], os.environ["ARI_PASSWORD"])
    async with aiohttp.ClientSession(headers={"Authorization": password}) as session:
        node = Node(session, os.environ["ARI_URL"], client)
        workflows, activities = [OneByOne, OneByOneWatch], [node.admit, node.request]
        worker = Worker(client, task_queue=QUEUE, workflows=workflows, activities=activities, deployment_config=BUILD)
        async with worker:
            await node.listen()


if __name__ == "__main__":
    asyncio.run(_serve())
