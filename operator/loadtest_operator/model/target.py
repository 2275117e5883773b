"""What is tested: its address, how to see that it is up, and which workloads belong to it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from loadtest_operator.model.common import Headers, HttpStatus, Label, ObjectName, SecretKey, UrlPath
from loadtest_operator.model.fields import Items, Model, Text
from loadtest_operator.model.quantities import Timeout

_HOST: Final = r"([-A-Za-z0-9._]|\{namespace\})+"
_URL: Final = rf"https?://({_HOST}|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?(/[^\s?#]*)?"

TargetUrl = Annotated[
    str,
    Text(
        1024,
        _URL,
        "must be an address such as http://checkout.shop:8080, without user, query or fragment "
        "(put credentials into scenario.env from a Secret)",
    ),
]


class Health(Model):
    """How the target shows that it is up. The master asks before any load, over the same network path as the load."""

    path: UrlPath | None = Field(None, description="The path to ask, such as /healthz.")
    expect: Annotated[tuple[HttpStatus, ...], Items(20, min=1)] | None = Field(
        None, description="The status codes that mean healthy. Without it anything below 500 does."
    )
    headers: Headers | None = Field(None, description="Headers to send with the question.")
    timeout: Timeout | None = Field(
        None, description="How long to keep asking before the run ends as Error (TargetUnreachable)."
    )


class Workload(Model):
    """A workload that serves the target."""

    kind: Literal["Deployment", "StatefulSet", "DaemonSet"] = Field(description="The workload's kind.")
    name: ObjectName = Field(description="The workload's name.")
    namespace: Label | None = Field(None, description="Its namespace; the LoadTest's own when absent.")


class Tls(Model):
    """How to trust the target's certificate."""

    insecure: bool | None = Field(None, description="Accept any certificate. For test systems only.")
    ca_secret: SecretKey | None = Field(None, description="A Secret's key with the CA certificates (PEM) to trust.")


class Target(Model):
    """The service under test."""

    url: TargetUrl = Field(
        description="The address that gets the load, such as http://checkout.shop:8080. {namespace} in it stands for "
        "the ephemeral environment's namespace."
    )
    health: Health | None = Field(None, description="How to see that the target is up before load is sent.")
    version: Annotated[str, Text(128)] | None = Field(
        None,
        description="The target's version, recorded with the run. Without it, label app.kubernetes.io/version of the "
        "workloads is used.",
    )
    workloads: Annotated[tuple[Workload, ...], Items(20)] | None = Field(
        None,
        description="Workloads behind the target. Their restarts, kills for lack of memory and scaling steps are shown "
        "on the timeline; a rollout in mid-run makes the run Invalid (TargetChanged).",
    )
    tls: Tls | None = Field(None, description="How to trust the target's certificate.")
