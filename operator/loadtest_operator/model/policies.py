"""What happens around a run: hooks, the gate, the queue, notifications and how long things stay."""

from typing import Annotated

from pydantic import Field

from loadtest_operator.model.common import Command, EnvFromList, EnvList, Image, SecretKey
from loadtest_operator.model.fields import Items, Model, Text
from loadtest_operator.model.names import NAME_MAX
from loadtest_operator.model.phases import GatedVerdict, Keep, Occasion
from loadtest_operator.model.quantities import Timeout

Lock = Annotated[str, Text(253, r"[^\s]+", "must be one word, such as staging-db")]
TestName = Annotated[
    str,
    Text(NAME_MAX, r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "must be the name of a LoadTest in this namespace"),
]


class Hook(Model):
    """A Job beside the load pods. It finds TARGET_URL, RUN_ID and, afterwards, VERDICT in its environment."""

    image: Image = Field(description="The Job's image.")
    command: Command | None = Field(None, description="The command to run; the image's own when absent.")
    env: EnvList | None = Field(None, description="Environment variables, as in a Pod.")
    env_from: EnvFromList | None = Field(
        None, description="ConfigMaps and Secrets whose keys become environment variables, as in a Pod."
    )
    timeout: Timeout | None = Field(None, description="How long the Job may take.")


class Hooks(Model):
    """Jobs before and after the load, for any target: seed and clean data, warm or clear caches."""

    before: Hook | None = Field(None, description="Runs before the load. If it fails, no load is sent.")
    after: Hook | None = Field(None, description="Always runs after the load. Its failure is a Warning.")


class Gate(Model):
    """Which verdicts close the gate."""

    fail_on: Annotated[tuple[GatedVerdict, ...], Items(5)] | None = Field(
        None,
        description="The verdicts that fail: Ready becomes False and commands exit with an error. An empty list makes "
        "the test advisory; Error always fails.",
    )


class Queue(Model):
    """When it is this test's turn."""

    exclusive: Annotated[tuple[Lock, ...], Items(10)] | None = Field(
        None,
        description="Tests that name the same thing here never run at the same time. An empty list: no such limit.",
    )
    priority: int | None = Field(None, ge=-1000, le=1000, description="Higher goes first among those who wait.")
    timeout: Timeout | None = Field(None, description="How long to wait before the run ends as Error (QueueTimeout).")
    after: Annotated[tuple[TestName, ...], Items(10)] | None = Field(
        None, description="Start only when these LoadTests of the namespace passed their gate."
    )


class Notify(Model):
    """Whom to tell, and when."""

    when: Annotated[tuple[Occasion, ...], Items(6, min=1)] = Field(description="The occasions to tell about.")
    secret_ref: SecretKey = Field(description="The Secret's key that holds the address (an https URL).")


class Retention(Model):
    """How long things of a finished run stay in the cluster. Results in the store are not touched."""

    pods: Keep | None = Field(None, description="Whether load pods are kept after the run, to read their logs.")
    pods_for: Timeout | None = Field(None, description="How long kept load pods stay.")
    delete_after: Timeout | None = Field(
        None,
        description="Delete the LoadTest itself so long after its end. Refused for objects that Argo CD, Flux or Helm "
        "own: they would create it again and run it again.",
    )
