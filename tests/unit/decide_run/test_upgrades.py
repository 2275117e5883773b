"""Another version of the operator goes on with a run: each attempt has one image, that of its frozen inputs."""

from loadtest_operator.build.names import ANNOTATION_IMAGE

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC

WITH_HOOK = {**SPEC, "hooks": {"before": {"image": "seed:1"}}}


def upgrade(world):
    world.image = "ours:2"
    world.restart()


def seeding():
    """The inputs are frozen, and no load pod is there."""
    world = states.preparing(WITH_HOOK)
    while ("Job", "checkout-1-before") not in world.objects:
        world.look()
    return world


def images(plan):
    jobs = [body for body in plan.create if body["kind"] == "Job"]
    return {body["spec"]["template"]["spec"]["containers"][0]["image"] for body in jobs}


def test_load_pods_have_the_image_that_their_configuration_was_written_for():
    world = seeding()
    upgrade(world)
    world.end_hook("before")
    plan = world.look()
    assert [body["kind"] for body in plan.create] == ["Service", "Job", "Job"]
    assert images(plan) == {"ours:1"}


def test_pods_are_tried_out_with_the_image_that_they_will_have():
    world = seeding()
    upgrade(world)
    world.end_hook("before")
    assert {pod["spec"]["containers"][0]["image"] for pod in world.look().dry_run} == {"ours:1"}


def test_inputs_of_a_version_that_did_not_write_its_image_down_are_run_with_the_new_one():
    world = seeding()
    del world.objects["ConfigMap", "checkout-1-run"]["metadata"]["annotations"][ANNOTATION_IMAGE]
    upgrade(world)
    world.end_hook("before")
    assert images(world.look()) == {"ours:2"}


def test_the_attempt_after_a_lost_one_has_the_image_of_the_operator_that_starts_it():
    world = states.running()
    upgrade(world)
    world.remove_master()
    world.look()
    plan = world.look()
    assert images(plan) == {"ours:2"}
    assert plan.create[0]["metadata"]["annotations"][ANNOTATION_IMAGE] == "ours:2"
