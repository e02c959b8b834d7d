"""Reads tool definitions with the models of those who take them, and lets their clients send them.

Takes `{"openai": [...], "anthropic": [...], "mcp": [...]}` on standard input. Nothing goes over a network: what would be
sent ends in a transport that answers as a model does that calls the first tool. Prints as JSON, for each format, the
tools as they were sent (or read) and the arguments of that call.
"""

import json
import sys

import anthropic
import httpx2
import mcp.types
import openai
import pydantic
from anthropic.types import ToolParam
from openai.types.chat import ChatCompletionFunctionToolParam


def must_know(names, model):
    unknown = set(names) - set(model.__annotations__)
    assert not unknown, f"{model.__name__} knows no {unknown}"


def with_openai(tools):
    adapter = pydantic.TypeAdapter(ChatCompletionFunctionToolParam)
    for tool in tools:
        adapter.validate_python(tool)
        must_know(tool, ChatCompletionFunctionToolParam)
    sent = {}

    def answer(request):
        sent.update(json.loads(request.content))
        function = {"name": tools[0]["function"]["name"], "arguments": '{"city": "Nantes", "days": null}'}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        }
        choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
        body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return httpx2.Response(200, json=body)

    client = openai.OpenAI(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    answered = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], tools=tools)
    call = answered.choices[0].message.tool_calls[0].function
    return {"sent": sent["tools"], "called": call.name, "arguments": json.loads(call.arguments)}


def with_anthropic(tools):
    adapter = pydantic.TypeAdapter(ToolParam)
    for tool in tools:
        adapter.validate_python(tool)
        must_know(tool, ToolParam)
    sent = {}

    def answer(request):
        sent.update(json.loads(request.content))
        use = {"type": "tool_use", "id": "t", "name": tools[0]["name"], "input": {"city": "Nantes"}}
        usage = {"input_tokens": 1, "output_tokens": 1}
        body = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [use]}
        return httpx2.Response(200, json={**body, "stop_reason": "tool_use", "stop_sequence": None, "usage": usage})

    client = anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    messages = [{"role": "user", "content": "?"}]
    answered = client.messages.create(model="m", max_tokens=10, messages=messages, tools=tools)
    return {"sent": sent["tools"], "called": answered.content[0].name, "arguments": answered.content[0].input}


def with_mcp(tools):
    read = [mcp.types.Tool.model_validate(tool) for tool in tools]
    return {"sent": [tool.model_dump(by_alias=True, exclude_none=True) for tool in read]}


definitions = json.load(sys.stdin)
print(json.dumps({
    "openai": with_openai(definitions["openai"]),
    "anthropic": with_anthropic(definitions["anthropic"]),
    "mcp": with_mcp(definitions["mcp"]),
}))
