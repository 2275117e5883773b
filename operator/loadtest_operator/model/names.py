"""The names that are part of the API: group, kinds, labels and annotations."""

from typing import Final

GROUP: Final = "loadtest.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
LOADTEST: Final = "LoadTest"
LOADTESTS: Final = "loadtests"
SCHEDULE: Final = "LoadTestSchedule"
SCHEDULES: Final = "loadtestschedules"

RUN_REQUESTED: Final = f"{GROUP}/run-requested"
STOP_REQUESTED: Final = f"{GROUP}/stop-requested"
WATCH: Final = f"{GROUP}/watch"

# A pod's name is '<test>-<run>-<attempt>-<role>-<index>-<5 characters>' and must stay a DNS label of 63.
NAME_MAX: Final = 45
# A schedule's tests are named '<schedule>-<minute of the epoch>': 8 digits and the dash, until the year 2160.
SCHEDULE_NAME_MAX: Final = 36
NAMESPACE_PLACEHOLDER: Final = "{namespace}"
