"""What users do: plain HTTP requests without code, a locustfile, or a k6 script."""

from typing import Annotated

from pydantic import Field

from loadtest_operator.model.common import ConfigMapKey, EnvFromList, EnvList, Identifier
from loadtest_operator.model.fields import Items, Model, Text
from loadtest_operator.model.http import Http
from loadtest_operator.model.rules import exactly_one

# kubectl apply keeps a copy of the whole object in an annotation of at most 256 KiB: larger scripts go to a ConfigMap.
Script = Annotated[str, Text(200_000)]
ImagePath = Annotated[
    str, Text(1024, r"/[^\s]+", "must be the absolute path of a file in runners.image, such as /app/locustfile.py")
]
Tag = Annotated[str, Text(63, r"[^\s,]+", "must be one word without comma")]
Tags = Annotated[tuple[Tag, ...], Items(50)]


class UserClass(Model):
    """A user class of the locustfile and how often it is picked."""

    name: Identifier = Field(description="The class's name in the locustfile.")
    weight: int | None = Field(None, ge=1, le=10_000, description="How often it is picked, relative to the others.")


class Locust(Model):
    """A locustfile, as it would be given to Locust."""

    rules = (exactly_one("inline", "configMap", "path", hint=": where the locustfile comes from"),)

    inline: Script | None = Field(None, description="The locustfile itself, up to 200,000 characters.")
    config_map: ConfigMapKey | None = Field(
        None,
        description="A ConfigMap with the locustfile. Several keys make a package; `key` then names the entry file "
        "(locustfile.py when absent).",
    )
    path: ImagePath | None = Field(None, description="A file that runners.image already contains.")
    tags: Tags | None = Field(None, description="Run only tasks with one of these tags.")
    exclude_tags: Tags | None = Field(None, description="Leave out tasks with one of these tags.")
    user_classes: Annotated[tuple[UserClass, ...], Items(50, min=1)] | None = Field(
        None, description="Use only these user classes, with these weights. Without it all are used."
    )


class K6(Model):
    """A k6 script."""

    rules = (exactly_one("inline", "configMap", "path", hint=": where the k6 script comes from"),)

    inline: Script | None = Field(None, description="The script itself, up to 200,000 characters.")
    config_map: ConfigMapKey | None = Field(
        None,
        description="A ConfigMap with the script. Several keys make a folder; `key` then names the entry file "
        "(script.js when absent).",
    )
    path: ImagePath | None = Field(None, description="A file that runners.image already contains.")


class Scenario(Model):
    """What users do. Exactly one of http, locust and k6."""

    rules = (exactly_one("http", "locust", "k6", hint=": the language that the scenario is written in"),)

    http: Http | None = Field(None, description="Requests described here, no code needed.")
    locust: Locust | None = Field(None, description="A locustfile (Python).")
    k6: K6 | None = Field(None, alias="k6", description="A k6 script (JavaScript).")
    env: EnvList | None = Field(
        None,
        description="Environment variables of the load pods, as in a Pod, Secrets included. http scenarios use them "
        "as {env.NAME}.",
    )
    env_from: EnvFromList | None = Field(
        None, description="ConfigMaps and Secrets whose keys become environment variables, as in a Pod."
    )
    seed: int | None = Field(
        None,
        ge=0,
        le=2_147_483_647,
        description="Makes users repeat themselves: with the same seed a user sees the same rows and makes the same "
        "choices in every run.",
    )
