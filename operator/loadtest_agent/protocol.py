"""The words of docs/decisions/0002-agent-protocol.md: states, reasons, exit codes and messages; no behaviour."""

VERSION = 1
AGENT_VERSION = "0.1.0"
MINIMUM_LOCUST = (2, 43)

TOKEN_HEADER = "X-Loadtest-Token"  # noqa: S105 - the header's name, not a secret


class State:
    """States of the master, in the order in which a run passes them."""

    LOADING = "Loading"
    WAITING = "WaitingForWorkers"
    PREFLIGHT = "Preflight"
    RUNNING = "Running"
    COLLECTING = "Collecting"
    HOLDING = "Holding"
    RELEASED = "Released"
    FAILED = "Failed"

    BEFORE_LOAD = (LOADING, WAITING, PREFLIGHT)


class Reason:
    """Why an agent failed."""

    CONFIG_ERROR = "ConfigError"
    SCRIPT_ERROR = "ScriptError"
    WORKERS_MISSING = "WorkersMissing"
    MASTER_MISSING = "MasterMissing"
    TARGET_UNREACHABLE = "TargetUnreachable"
    STOPPED = "Stopped"
    WORKERS_LOST = "WorkersLost"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    INTERNAL_ERROR = "InternalError"


class Exit:
    """Exit codes of every agent process."""

    RELEASED = 0
    FAILED_BEFORE_LOAD = 3
    FAILED_LATER = 4


class Message:
    """Names of our own messages between master and workers; they travel on Locust's connection."""

    HELLO = "loadtest.hello"  # worker: {"t": its monotonic clock}
    WELCOME = "loadtest.welcome"  # master: {"t": the same, "now": the master's clock, "over": bool}
    READY = "loadtest.ready"  # worker: {"offset": seconds, "slot": host and process id}
    START = "loadtest.start"  # master: {"startedAt", "now"}
    STOP = "loadtest.stop"  # master: {"force": bool}
    DONE = "loadtest.done"  # worker: {"windows": how many there are, "report": as in REPORT_KEY}
    RESEND = "loadtest.resend"  # master: {"windows": [w, ...]} which never arrived
    BYE = "loadtest.bye"  # master: all is here, the worker may go


# Our key in the data of Locust's own worker reports.
REPORT_KEY = "loadtest"

# A closed window is sent with this many reports, so that a lost report loses nothing.
SENDS_PER_WINDOW = 3

MAX_ENDPOINTS = 500
MAX_FAILURES = 200
OTHER = "other"
