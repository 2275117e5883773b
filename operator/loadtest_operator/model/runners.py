"""The pods that make the load: how many, which image, and everything that a Pod can say."""

from typing import Annotated, Any

from pydantic import Field

from loadtest_operator.model.common import Image, Label, ObjectName, ObjectRef
from loadtest_operator.model.fields import Entries, Items, Model, Preserved, Text
from loadtest_operator.model.quantities import Share, Timeout
from loadtest_operator.model.rules import Rule, exactly_one

PodShaped = dict[str, Any]
Resources = Annotated[PodShaped, Preserved("ResourceRequirements")]
LabelMap = Annotated[dict[str, Annotated[str, Text(63, min=0)]], Entries(50)]
AnnotationMap = Annotated[dict[str, Annotated[str, Text(4096, min=0)]], Entries(50)]
_VOLUME_KINDS = ("configMap", "secret", "emptyDir", "persistentVolumeClaim")


class Volume(Model):
    """A volume of the load pods. Only these four kinds: nothing here may reach into the node."""

    rules = (exactly_one(*_VOLUME_KINDS, hint=": the kind of volume"),)

    name: Label = Field(description="The volume's name, for volumeMounts.")
    config_map: Annotated[PodShaped, Preserved("ConfigMapVolumeSource")] | None = Field(
        None, description="Files from a ConfigMap, as in a Pod."
    )
    secret: Annotated[PodShaped, Preserved("SecretVolumeSource")] | None = Field(
        None, description="Files from a Secret, as in a Pod."
    )
    empty_dir: Annotated[PodShaped, Preserved("EmptyDirVolumeSource")] | None = Field(
        None, description="An empty folder that lives as long as the pod, as in a Pod."
    )
    persistent_volume_claim: Annotated[PodShaped, Preserved("PersistentVolumeClaimVolumeSource")] | None = Field(
        None, description="A PersistentVolumeClaim of this namespace, as in a Pod."
    )


class Master(Model):
    """What differs for the master pod."""

    resources: Resources | None = Field(None, description="CPU and memory of the master pod, as in a Pod.")


class Runners(Model):
    """The load pods: one master and its workers."""

    rules = (
        Rule(
            cel="!has(self.tolerateLoss) || !self.tolerateLoss.matches('^[0-9.]+%$') "
            "|| double(self.tolerateLoss.replace('%', '')) <= 100.0",
            holds=lambda self: self.tolerate_loss is None or self.tolerate_loss <= 1,
            message="tolerateLoss must be at most 100%: it is a share of the load",
            at=".tolerateLoss",
        ),
    )

    workers: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="The number of worker pods. One worker uses one core. Without it the number follows from the load.",
    )
    image: Image | None = Field(
        None, description="The image of the load pods; it needs Locust 2.43 or later (or k6), nothing of ours."
    )
    image_pull_secrets: Annotated[tuple[ObjectRef, ...], Items(10)] | None = Field(
        None, description="Secrets for pulling the image, as in a Pod."
    )
    resources: Resources | None = Field(None, description="CPU and memory of each worker pod, as in a Pod.")
    master: Master | None = Field(None, description="What differs for the master pod.")
    node_selector: LabelMap | None = Field(None, description="Only nodes with these labels, as in a Pod.")
    tolerations: Annotated[tuple[Annotated[PodShaped, Preserved("Toleration")], ...], Items(50)] | None = Field(
        None, description="Taints that the load pods put up with, as in a Pod."
    )
    affinity: Annotated[PodShaped, Preserved("Affinity")] | None = Field(
        None, description="Where load pods like to run, as in a Pod."
    )
    topology_spread_constraints: (
        Annotated[tuple[Annotated[PodShaped, Preserved("TopologySpreadConstraint")], ...], Items(10)] | None
    ) = Field(None, description="How workers spread over nodes and zones, as in a Pod.")
    priority_class_name: ObjectName | None = Field(None, description="The PriorityClass of the load pods.")
    runtime_class_name: ObjectName | None = Field(None, description="The RuntimeClass of the load pods.")
    pod_security_context: Annotated[PodShaped, Preserved("PodSecurityContext")] | None = Field(
        None,
        description="Added to the load pods' securityContext, such as another numeric user. Pod Security `restricted` "
        "holds whatever is written here.",
    )
    labels: LabelMap | None = Field(None, description="Labels to add to the load pods.")
    annotations: AnnotationMap | None = Field(None, description="Annotations to add to the load pods.")
    volumes: Annotated[tuple[Volume, ...], Items(20, key="name")] | None = Field(
        None, description="Volumes of the load pods: configMap, secret, emptyDir and persistentVolumeClaim only."
    )
    volume_mounts: Annotated[tuple[Annotated[PodShaped, Preserved("VolumeMount")], ...], Items(50)] | None = Field(
        None, description="Where the volumes appear in the load pods, as in a Pod."
    )
    service_account_name: ObjectName | None = Field(
        None, description="The ServiceAccount of the load pods, if the operator's policy lists it. No token otherwise."
    )
    start_timeout: Timeout | None = Field(
        None, description="How long the load pods may take until all workers are connected."
    )
    tolerate_loss: Share | None = Field(
        None,
        description="The share of the load (user-seconds) that may be lost with workers before the run is Invalid "
        "(WorkersLost).",
    )
    retries: int | None = Field(None, ge=0, le=5, description="How often a run starts anew after its master was lost.")
