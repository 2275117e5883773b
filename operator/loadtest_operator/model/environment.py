"""An ephemeral namespace that holds the target for one run alone."""

from typing import Annotated

from pydantic import Field

from loadtest_operator.model.common import Command, ConfigMapKey, Image, Label, ObjectName, Port
from loadtest_operator.model.fields import Entries, Items, Model, Text
from loadtest_operator.model.phases import Keep
from loadtest_operator.model.quantities import Timeout
from loadtest_operator.model.rules import at_least_one, exactly_one

Manifest = Annotated[str, Text(200_000)]
Cidr = Annotated[
    str, Text(43, r"[0-9A-Fa-f:.]+/[0-9]{1,3}", "must be an address range such as 203.0.113.0/24 or 2001:db8::/32")
]
Amount = Annotated[
    str, Text(20, r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?", 'must be a quantity in quotes such as "4" or 8Gi')
]


class ManifestSource(Model):
    """Manifests to apply, from a ConfigMap or written here."""

    rules = (exactly_one("configMap", "inline", hint=": where the manifests come from"),)

    config_map: ConfigMapKey | None = Field(
        None, description="A ConfigMap with manifests; all its keys unless `key` names one."
    )
    inline: Manifest | None = Field(None, description="The manifests themselves, as YAML.")


class Provision(Model):
    """A Job with rights in the environment's namespace only: helm, kustomize, anything."""

    image: Image = Field(description="The Job's image.")
    command: Command | None = Field(None, description="The command to run; the image's own when absent.")
    timeout: Timeout | None = Field(None, description="How long the Job may take.")


class Ready(Model):
    """How long the environment may take."""

    timeout: Timeout | None = Field(None, description="How long all its workloads may take to become available.")


class Quota(Model):
    """The most that the environment may use."""

    cpu: Amount | None = Field(None, description='CPU cores, such as "4" or 500m.')
    memory: Amount | None = Field(None, description="Memory, such as 8Gi.")
    pods: int | None = Field(None, ge=1, le=10_000, description="The number of pods.")


class Egress(Model):
    """Where the environment's pods may connect to, beyond their own namespace and DNS."""

    rules = (exactly_one("namespace", "cidr", hint=": where connections go to"),)

    namespace: Label | None = Field(None, description="All pods of this namespace.")
    cidr: Cidr | None = Field(None, description="An address range.")
    ports: Annotated[tuple[Port, ...], Items(20, min=1)] | None = Field(
        None, description="Only these ports; all when absent."
    )


class Environment(Model):
    """An ephemeral namespace with the target, for this run alone. Confirmation runs use it again."""

    rules = (at_least_one("manifests", "provision", hint=": what brings the target into the environment"),)

    manifests: Annotated[tuple[ManifestSource, ...], Items(20, min=1)] | None = Field(
        None,
        description="What to apply. metadata.namespace is rewritten to the environment's; cluster-scoped kinds are "
        "refused.",
    )
    images: Annotated[dict[str, Image], Entries(50)] | None = Field(
        None, description="Images to use in the manifests, by container name: the build under test."
    )
    copy_secrets: Annotated[tuple[ObjectName, ...], Items(20)] | None = Field(
        None,
        description="Secrets to copy from this namespace. Pull secrets are put on the default ServiceAccount.",
    )
    provision: Provision | None = Field(None, description="A Job that installs the target in its own way.")
    ready: Ready | None = Field(None, description="How long the environment may take to become ready.")
    quota: Quota | None = Field(None, description="The most that the environment may use.")
    allow_egress: Annotated[tuple[Egress, ...], Items(20)] | None = Field(
        None, description="Where its pods may connect to. Without it only their own namespace and DNS."
    )
    keep: Keep | None = Field(None, description="Whether to keep it after the run: Never, OnFailure or Always.")
    keep_for: Timeout | None = Field(None, description="How long a kept environment stays.")
