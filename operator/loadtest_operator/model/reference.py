"""docs/reference.md, made from the models."""


def render() -> str:
    return ""
