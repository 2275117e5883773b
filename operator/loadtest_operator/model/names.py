"""The names that are part of the API: group, version, kinds, and how long names can be."""

from typing import Final

GROUP: Final = "loadtest.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
LOADTEST: Final = "LoadTest"
LOADTESTS: Final = "loadtests"
SCHEDULE: Final = "LoadTestSchedule"
SCHEDULES: Final = "loadtestschedules"

# A pod's name is '<test>-<run>-<attempt>-<role>-<index>-<5 characters>' and must stay a DNS label of 63.
NAME_MAX: Final = 45
# A schedule's tests are named '<schedule>-<minute of the epoch>': 8 digits and the dash, until the year 2160.
SCHEDULE_NAME_MAX: Final = 36
NAMESPACE_PLACEHOLDER: Final = "{namespace}"
