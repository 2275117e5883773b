"""How much load, and for how long."""

from typing import Annotated, Final

from pydantic import Field

from loadtest_operator.model.common import Label
from loadtest_operator.model.fields import Items, Model
from loadtest_operator.model.quantities import DURATION, RATE, Duration, Rate, Span, in_order
from loadtest_operator.model.rules import Rule, at_most_one, exactly_one, excludes, needs

_FLAGS: Final = frozenset({"fromScript", "manual"})
_SHAPES: Final = ("users", "rate", "stages", "find", "fromScript", "manual")

Users = Annotated[int, Field(ge=1, le=1_000_000)]


class Stage(Model):
    """One step of a staged load: reach a level, then hold it."""

    rules = (exactly_one("users", "rate", hint=": the level of this stage"),)

    name: Label = Field(description="The stage's name, for thresholds and results.")
    users: Users | None = Field(None, description="The number of users to reach and hold.")
    rate: Rate | None = Field(None, description="The arrivals per second to reach and hold, such as 200/s.")
    ramp: Duration | None = Field(None, description="How long the way to the new level takes. Without it, at once.")
    hold: Span = Field(description="How long to stay at the level. Each hold is judged on its own.")


class RateRange(Model):
    """The rates between which to search."""

    rules = (in_order("from", "to", RATE, "to must be higher than from: raise to or lower from", at="to"),)

    lowest: Rate = Field(alias="from", description="The rate to begin with.")
    highest: Rate = Field(alias="to", description="The highest rate to try.")


class Find(Model):
    """A search for the highest rate that holds the thresholds."""

    rate: RateRange = Field(description="The rates between which to search.")
    hold: Span | None = Field(None, description="How long each tried rate is held.")


def _distinct(stages: tuple[Stage, ...]) -> bool:
    return len({stage.name for stage in stages}) == len(stages)


def _one_kind(stages: tuple[Stage, ...]) -> bool:
    return len({stage.rate is None for stage in stages}) <= 1


STAGE_RULES: Final = (
    Rule(
        cel="self.all(a, self.exists_one(b, a.name == b.name))",
        holds=_distinct,
        message="every stage needs a name of its own: rename one of them",
    ),
    Rule(
        cel="self.all(s, has(s.users)) || self.all(s, has(s.rate))",
        holds=_one_kind,
        message="either every stage has users, or every stage has rate: change the odd ones",
    ),
)


class Load(Model):
    """The load. Exactly one of users, rate, stages, find, fromScript and manual says what kind it is."""

    rules = (
        exactly_one(*_SHAPES, flags=_FLAGS, hint=": the kind of load"),
        Rule(
            cel="has(self.duration) || has(self.stages) || has(self.find)",
            holds=lambda self: any(x is not None for x in (self.duration, self.stages, self.find)),
            message="duration is required with this kind of load: say how long it runs, such as 5m",
            at=".duration",
        ),
        excludes("duration", "stages", "find", hint=" (its length follows from the stages or the search)"),
        needs("ramp", "users", "rate"),
        needs("spawnRate", "users"),
        at_most_one("ramp", "spawnRate", hint=": they say the same in two ways"),
        excludes("maxUsers", "users", hint=" (users is the number already)"),
        Rule(
            cel="!((has(self.fromScript) && self.fromScript) || (has(self.manual) && self.manual)) "
            "|| has(self.maxUsers)",
            holds=lambda self: not (self.from_script or self.manual) or self.max_users is not None,
            message="maxUsers is required with fromScript and manual: it is the cap that still holds",
            at=".maxUsers",
        ),
        in_order(
            "ramp",
            "duration",
            DURATION,
            "ramp must be shorter than duration, which includes it: lower ramp or raise duration",
        ),
        in_order(
            "warmup",
            "duration",
            DURATION,
            "warmup must be shorter than duration, or nothing is left to judge: lower warmup",
        ),
    )

    users: Users | None = Field(None, description="A fixed number of users who wait for each answer (closed model).")
    rate: Rate | None = Field(
        None,
        description="Iterations started per time, such as 200/s, whether or not earlier ones were answered (open "
        "model). Late and dropped ones are counted.",
    )
    stages: Annotated[tuple[Stage, ...], Items(50, min=1, rules=STAGE_RULES)] | None = Field(
        None, description="Several levels one after the other; users in every stage, or rate in every stage."
    )
    find: Find | None = Field(
        None, description="Search for the highest rate that holds the thresholds, with its uncertainty."
    )
    from_script: bool | None = Field(
        None, description="Use the script's own LoadTestShape or k6 options. maxUsers and duration still cap it."
    )
    manual: bool | None = Field(
        None, description="Steered by hand in Locust's web UI; never judged. maxUsers and duration still cap it."
    )
    max_users: Users | None = Field(None, description="Never more users than this, whatever rate or script ask for.")
    ramp: Duration | None = Field(None, description="How long it takes until all users, or the full rate, are there.")
    spawn_rate: Rate | None = Field(None, description="New users per time, such as 10/s, in place of ramp.")
    duration: Span | None = Field(None, description="From the first user to the stop, ramp included. Such as 15m.")
    warmup: Duration | None = Field(None, description="The beginning that is not judged, ramp included.")
