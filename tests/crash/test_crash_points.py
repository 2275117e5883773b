"""For each story and each of its writes: an operator that dies right after it is continued as if it had not."""

from collections.abc import Callable

import pytest

from tests.crash import stories, telling
from tests.crash.scene import Story, World

STORIES = (
    stories.plain,
    stories.with_environment,
    stories.with_hooks,
    stories.with_a_broken_script,
    stories.without_an_image,
    stories.edited_in_mid_run,
    stories.superseded,
    stories.scheduled,
)


@pytest.mark.parametrize("make", STORIES, ids=lambda make: make.__name__)
async def test_the_next_operator_ends_the_story_in_the_same_way(
    world: World, make: Callable[[], Story], record_property: Callable[[str, str], None]
) -> None:
    story = make()
    result = await telling.tell(world, story)
    record_property("says", result.line(story.name))
    assert not result.problems, "\n\n".join(
        "\n".join([f"killed after {write}:", *problems]) for write, problems in result.problems.items()
    )
