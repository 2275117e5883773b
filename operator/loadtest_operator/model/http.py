"""Scenarios without code: kinds of users, and the requests that they send."""

from typing import Annotated, Any

from pydantic import Field

from loadtest_operator.model.common import (
    ConfigMapKey,
    EndpointName,
    Headers,
    HttpStatus,
    Label,
    StringMap,
    UrlPath,
)
from loadtest_operator.model.fields import Entries, Items, Model, Preserved, Text
from loadtest_operator.model.phases import DataMode, Method, OnEnd
from loadtest_operator.model.quantities import DURATION, Duration, Latency, Timeout, in_order
from loadtest_operator.model.rules import at_most_one, exactly_one, excludes

Body = Annotated[str, Text(65_536, min=0)]
Selector = Annotated[str, Text(512)]
Weight = Annotated[int, Field(ge=1, le=10_000)]


class ThinkTime(Model):
    """How long a user waits between two requests: evenly spread between min and max."""

    rules = (
        in_order(
            "min", "max", DURATION, "max must not be shorter than min: raise max or lower min", equal=True, at="max"
        ),
    )

    min: Duration | None = Field(None, description="The shortest wait. Without it: the same as max.")
    max: Duration | None = Field(None, description="The longest wait. Without it: the same as min.")


class Data(Model):
    """Rows of test data: every column becomes a {placeholder}."""

    config_map: ConfigMapKey = Field(description="The ConfigMap with the rows, as CSV with a header line or as JSON.")
    mode: DataMode | None = Field(
        None, description="How a user picks its rows: random, sequential, or unique (split over the workers)."
    )
    on_end: OnEnd | None = Field(None, description="What a user does after the last row: recycle or stop.")


class Save(Model):
    """Where a saved value comes from. Exactly one of json, header, cookie and regex."""

    rules = (exactly_one("json", "header", "cookie", "regex", hint=": where the value comes from"),)

    json_path: Selector | None = Field(None, alias="json", description="A JSONPath into the body, such as $.token.")
    header: Selector | None = Field(None, description="The name of a response header.")
    cookie: Selector | None = Field(None, description="The name of a cookie that the response sets.")
    regex: Selector | None = Field(
        None, description="A regular expression over the body; its first group is the value, or the whole match."
    )


class Expect(Model):
    """What makes a response a success."""

    status: Annotated[tuple[HttpStatus, ...], Items(20, min=1)] | None = Field(
        None, description="The status codes that count as success. Without it, all below 400 do."
    )
    body_contains: Selector | None = Field(None, description="A text that the body must contain.")
    max_latency: Latency | None = Field(None, description="Slower answers count as failed.")


class Until(Model):
    """When a WebSocket step is done."""

    contains: Selector = Field(description="A received message that contains this text ends the step.")


class WebSocket(Model):
    """One WebSocket conversation: connect, send, and wait for an answer."""

    path: UrlPath = Field(description="The path to connect to.")
    send: Annotated[tuple[Body, ...], Items(20)] | None = Field(None, description="Messages to send, in this order.")
    until: Until | None = Field(None, description="Wait for a message like this before closing.")
    timeout: Timeout | None = Field(None, description="How long the whole conversation may take.")


class Request(Model):
    """One request. {name} in path, query, headers and bodies stands for a column, a saved value or {env.NAME}."""

    rules = (
        exactly_one("path", "websocket", hint=": what the request asks for"),
        excludes("websocket", "method", "query", "headers", "json", "body", "save", "expect", "timeout"),
        at_most_one("body", "json", hint=": a request has one body"),
    )

    name: EndpointName | None = Field(
        None, description="The name in results and thresholds. Without it, the path as written here."
    )
    method: Method | None = Field(None, description="The HTTP method.")
    path: UrlPath | None = Field(None, description="The path below target.url, such as /cart.")
    query: StringMap | None = Field(None, description="Query parameters; they are encoded for you.")
    headers: Headers | None = Field(None, description="Headers of this request, added to those of the scenario.")
    json_body: Annotated[dict[str, Any], Preserved("a JSON object")] | None = Field(
        None, alias="json", description="The body as a JSON object; sets Content-Type."
    )
    body: Body | None = Field(None, description="The body as text, sent as it is; also for JSON that is not an object.")
    weight: Weight | None = Field(
        None, description="How often it is chosen, relative to the others. Means nothing in a sequence."
    )
    timeout: Timeout | None = Field(None, description="How long to wait for the answer.")
    expect: Expect | None = Field(None, description="What makes the answer a success.")
    save: Annotated[dict[str, Save], Entries(10)] | None = Field(
        None, description="Values to take from the answer, by the name under which later requests use them."
    )
    websocket: WebSocket | None = Field(None, description="A WebSocket conversation in place of a request.")


Requests = Annotated[tuple[Request, ...], Items(50, min=1)]
Steps = Annotated[tuple[Request, ...], Items(20, min=1)]


class HttpUser(Model):
    """One kind of user."""

    rules = (exactly_one("requests", "sequence", hint=": a weighted choice, or steps in order"),)

    name: Label = Field(description="The name of this kind of user.")
    weight: Weight | None = Field(None, description="How many of the users are of this kind, relative to the others.")
    data: Data | None = Field(None, description="Rows of test data for these users.")
    on_start: Steps | None = Field(None, description="Requests that each user sends once, in order, before all else.")
    requests: Requests | None = Field(None, description="Requests to choose from by weight, again and again.")
    sequence: Requests | None = Field(None, description="Requests to send in this order, again and again.")
    on_stop: Steps | None = Field(None, description="Requests that each user sends once, in order, at its end.")


class Http(Model):
    """A scenario without code."""

    rules = (exactly_one("requests", "users", hint=": one kind of user, or several"),)

    think_time: ThinkTime | None = Field(None, description="The wait between two requests of one user.")
    headers: Headers | None = Field(None, description="Headers that every request carries.")
    timeout: Timeout | None = Field(None, description="How long to wait for an answer.")
    requests: Requests | None = Field(None, description="Requests to choose from by weight, for one kind of user.")
    users: Annotated[tuple[HttpUser, ...], Items(20, min=1, key="name")] | None = Field(
        None, description="Several kinds of users, each with its own requests."
    )
