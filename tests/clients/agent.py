"""An AI agent with the official client of the Model Context Protocol.

    agent.py URL KEY MODE

MODE is `legacy` (the revision with sessions) or `auto` (the newest that both speak). Prints `listening` when it wants to hear of a
change of its tools, and at the end, as one JSON object, what it saw. What that has to be says the test that starts it
(tests/end_to_end/clients.rs), whose tools it calls.
"""

import asyncio
import contextlib
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError


def shown(result):
    return {
        "isError": result.is_error,
        "structured": result.structured_content,
        "text": [block.text for block in result.content],
    }


async def slow(client):
    """A call that reports while it runs."""
    reports = []

    async def progress(so_far, total, message):
        reports.append({"progress": so_far, "message": message})

    result = await client.call_tool("slow", {}, progress_callback=progress)
    return {**shown(result), "reports": reports}


async def taken_back(client):
    """A call that would last for ever, taken back when it has said that it runs."""
    runs = asyncio.Event()

    async def progress(so_far, total, message):
        runs.set()

    call = asyncio.create_task(client.call_tool("patient", {}, progress_callback=progress))
    await runs.wait()
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    return call.cancelled()


async def change(client, mode, told):
    """Hears that the list has changed, and reads it again."""
    async with contextlib.AsyncExitStack() as stack:
        if mode == "legacy":
            heard = told.wait
        else:
            stream = await stack.enter_async_context(client.listen(tools_list_changed=True))
            heard = aiter(stream).__anext__
        print("listening", flush=True)
        await heard()
    listed = await client.list_tools()
    return [tool.name for tool in listed.tools]


async def main(url, key, mode):
    told = asyncio.Event()

    async def message(message):
        if type(message).__name__ == "ToolListChangedNotification":
            told.set()

    seen = {}
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, message_handler=message) as client:
            seen["revision"] = client.protocol_version
            seen["server"] = client.server_info.name if client.server_info else None
            listed = await client.list_tools()
            seen["tools"] = [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed.tools]
            seen["called"] = shown(await client.call_tool("look_up", {"city": "Nantes"}))
            seen["refused"] = shown(await client.call_tool("look_up", {"city": 7}))
            seen["failed"] = shown(await client.call_tool("fails", {}))
            try:
                await client.call_tool("of_nobody", {})
            except MCPError as error:
                seen["unknown"] = error.code
            same = {"automations/idempotencyKey": f"same {mode}"}
            twice = [await client.call_tool("look_up", {"city": "Brest"}, meta=same) for _ in range(2)]
            seen["executions"] = [result.meta["automations/executionId"] for result in twice]
            seen["slow"] = await slow(client)
            seen["taken_back"] = await taken_back(client)
            seen["changed"] = await change(client, mode, told)
    print(json.dumps(seen), flush=True)


asyncio.run(main(*sys.argv[1:]))
