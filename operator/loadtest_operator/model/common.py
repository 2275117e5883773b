"""Names and references that several parts of the spec share."""

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from loadtest_operator.model.fields import Entries, Items, Model, Preserved, Text

_LABEL: Final = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"

LABEL_TEXT: Final = Text(
    63, _LABEL, "must be a name of lowercase letters, digits and '-', starting and ending with a letter or digit"
)
OBJECT_NAME: Final = Text(
    253, _SUBDOMAIN, "must be the name of a Kubernetes object: lowercase letters, digits, '-' and '.'"
)

Label = Annotated[str, LABEL_TEXT]
ObjectName = Annotated[str, OBJECT_NAME]
KeyName = Annotated[
    str, Text(253, r"[-._a-zA-Z0-9]+", "must be a key of letters, digits, '-', '_' and '.' (no '/', it is a file name)")
]
Identifier = Annotated[
    str, Text(63, r"[A-Za-z_][A-Za-z0-9_]*", "must be a name of letters, digits and '_', not starting with a digit")
]
EnvName = Annotated[
    str, Text(128, r"[-._a-zA-Z][-._a-zA-Z0-9]*", "must be an environment variable's name such as API_TOKEN")
]
Title = Annotated[str, Text(63, r"[^\x00-\x1f]+", "must be one line of printable text")]
EndpointName = Annotated[
    str, Text(128, r"[^\x00-\x1f]+", 'must be one line such as "POST /orders"; * stands for anything')
]
Image = Annotated[
    str,
    Text(
        512,
        r"[a-zA-Z0-9]([-a-zA-Z0-9._:/]*[a-zA-Z0-9])?(@sha256:[a-f0-9]{64})?",
        "must be a container image such as registry.example/shop:1.4.2",
    ),
]
UrlPath = Annotated[
    str, Text(2048, r"/[^\s#]*", "must be a path that starts with '/', such as /cart; the host belongs to target.url")
]
Port = Annotated[int, Field(ge=1, le=65535)]
HttpStatus = Annotated[int, Field(ge=100, le=599)]
Argument = Annotated[str, Text(4096, min=0)]
Command = Annotated[tuple[Argument, ...], Items(64, min=1)]
Headers = Annotated[dict[str, Annotated[str, Text(4096, min=0)]], Entries(50)]
StringMap = Annotated[dict[str, Annotated[str, Text(1024, min=0)]], Entries(64)]


class ConfigMapKey(Model):
    """A ConfigMap of the LoadTest's own namespace, or one key of it."""

    name: ObjectName = Field(description="The ConfigMap's name.")
    key: KeyName | None = Field(
        None, description="The key to use. Needed only when the ConfigMap has several and none has the usual name."
    )


class SecretKey(Model):
    """One key of a Secret of the LoadTest's own namespace."""

    name: ObjectName = Field(description="The Secret's name.")
    key: KeyName = Field(description="The key inside the Secret.")


class ObjectRef(Model):
    """An object by its name alone."""

    name: ObjectName = Field(description="The object's name.")


class EnvVar(Model):
    """One environment variable, written as in a Pod; the pod's dry run checks the rest."""

    model_config = ConfigDict(extra="allow")

    name: EnvName = Field(description="The variable's name, such as API_TOKEN.")


EnvList = Annotated[tuple[EnvVar, ...], Items(100, key="name")]
EnvFromList = Annotated[tuple[Annotated[dict[str, Any], Preserved("EnvFromSource")], ...], Items(50)]
