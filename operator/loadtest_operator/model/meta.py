"""The part of every object's metadata that matters here."""

from typing import Annotated

from pydantic import Field

from loadtest_operator.model.fields import Entries, Lenient
from loadtest_operator.model.rules import Rule

# A generated name is generateName and five random characters.
_GENERATED = 5


class OwnerReference(Lenient):
    """Who owns an object."""

    api_version: str = Field(description="The owner's API version.")
    kind: str = Field(description="The owner's kind.")
    name: str = Field(description="The owner's name.")
    uid: str = Field(description="The owner's UID.")


class ObjectMeta(Lenient):
    """Standard metadata of an object."""

    name: str | None = Field(None, description="The object's name.")
    generate_name: str | None = Field(None, description="The beginning of a name that the server completes.")
    namespace: str | None = Field(None, description="The object's namespace.")
    uid: str = Field("", description="The object's identity, unique for ever.")
    generation: int = Field(0, description="Counts the changes of the spec.")
    resource_version: str = Field("", description="Changes with every write.")
    labels: Annotated[dict[str, str], Entries(10_000)] = Field({}, description="Labels.")
    annotations: Annotated[dict[str, str], Entries(10_000)] = Field({}, description="Annotations.")
    creation_timestamp: str | None = Field(None, description="When it was created.")
    deletion_timestamp: str | None = Field(None, description="When its deletion began.")
    owner_references: tuple[OwnerReference, ...] = Field((), description="Its owners.")


def name_rules(kind: str, longest: int) -> tuple[Rule, ...]:
    """An object's name is a DNS label that leaves room for the names derived from it."""
    return (
        Rule(
            cel=f"self.metadata.name.size() <= {longest}",
            holds=lambda obj: len(_name(obj.metadata)) <= longest,
            message=f"metadata.name of a {kind} can have at most {longest} characters: shorten it",
            at=".metadata.name",
        ),
        Rule(
            cel="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
            holds=lambda obj: _is_label(_name(obj.metadata)),
            message="metadata.name must be a DNS label: lowercase letters, digits and '-', no dots",
            at=".metadata.name",
        ),
    )


def _name(meta: ObjectMeta) -> str:
    return meta.name or (f"{meta.generate_name}{'x' * _GENERATED}" if meta.generate_name else "")


def _is_label(name: str) -> bool:
    text = name.replace("-", "x")
    return text.isascii() and text.isalnum() and text == text.lower() and name.strip("-") == name
