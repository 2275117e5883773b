"""`init`: a file to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from loadtest_operator.cli.errors import UserError
from loadtest_operator.cli.profiles import SHAPES, Profile

PURPOSES = "\n\n".join(f"{profile}: {shape.purpose}" for profile, shape in SHAPES.items())


def init(
    profile: Annotated[Profile, typer.Option("--profile", "-p", help="What the test is for.")] = Profile.LOAD,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="The address to test.")] = "http://checkout.shop",
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The test's name (default: the profile).")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here.")] = None,
) -> None:
    """Write a commented LoadTest to begin with.

    Example: loadtest init --profile smoke --url http://localhost:8080 > smoke.yaml
    """
    from loadtest_operator.cli import loading, profiles

    text = profiles.write(profile, name or profile.value, url)
    loading.only_well_formed(text, f"--name {name or profile.value} --url {url}")
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{output}: is there already; choose another name, or remove it first.") from None
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}.") from None
    sys.stderr.write(f"wrote {output}; next: loadtest explain -f {output}\n")
