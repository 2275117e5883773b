"""The master's view of its workers: who is there, what they report, and telling them to start, stop and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from loadtest_agent import protocol
from loadtest_agent.protocol import Message

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.rpc.protocol import Message as LocustMessage
    from locust.runners import MasterRunner

    from loadtest_agent.clock import MasterClock
    from loadtest_agent.config import Config
    from loadtest_agent.windows import WindowStore

# A worker sends a heartbeat each second. Locust, too, takes one for missing after three that did not come.
_SILENT_SECONDS = 3.0
_MISSING = "missing"  # locust.runners.STATE_MISSING; this module is imported before Locust is


@dataclass
class Member:
    """A worker that has introduced itself."""

    slot: str = ""  # host and process id: a restarted container has those of its predecessor
    done: bool = False
    early: bool = False  # said that it was done while the load was on: it was told to terminate


class Crew:
    def __init__(self, config: Config, store: WindowStore, clock: MasterClock) -> None:
        self.clock_offset_max = 0.0
        self.incomplete: list[str] = []
        self._run = (config.run.id, config.run.attempt)
        self._store = store
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._heard: dict[str, float] = {}  # when last, on the master's clock
        self._started_at: float | None = None
        self._stopping = False
        self._over = False
        self._changed = Event()
        self._runner: MasterRunner = None

    def attach(self, environment: Environment) -> None:
        runner = self._runner = environment.runner
        runner.register_message(Message.HELLO, self._on_hello)
        runner.register_message(Message.READY, self._on_ready)
        runner.register_message(Message.DONE, self._on_done)
        environment.events.worker_report.add_listener(self._on_report)
        # Despite its name: Locust answers each heartbeat of a worker with one of its own, and tells of that.
        environment.events.heartbeat_sent.add_listener(self._on_heartbeat)

    def connected(self) -> int:
        return sum(self._here(name) for name in self._members)

    def lost(self) -> int:
        """Workers that went before the load was over."""
        return sum(not self._here(name) and (member.early or not member.done) for name, member in self._members.items())

    def reporting(self) -> set[str]:
        """Workers whose windows are still coming, or have all come."""
        return {name for name, member in self._members.items() if member.done or self._here(name)}

    def running_users(self) -> int:
        return 0 if self._over or self._runner is None else int(self._runner.user_count)

    def start(self, started_at: float) -> None:
        """Tell the zero of all windows; it arrives before the first users, on the same connection."""
        self._started_at = started_at
        for name in self._members:
            self._tell_start(name, late=False)

    def stop(self, *, force: bool) -> None:
        runner = self._runner
        self._stopping = True
        if runner.shape_greenlet is not None:
            # First the source of new users, so that no spawn message can follow the stop.
            runner.shape_greenlet.kill(block=True)
        for name in self._members:
            runner.send_message(Message.STOP, {"force": force}, client_id=name)

    def wait_until_done(self) -> None:
        while any(not member.done and self._here(name) for name, member in self._members.items()):
            self._changed.wait(0.2)  # a worker that dies now says nothing
            self._changed.clear()

    def close(self) -> None:
        """From here on nothing that arrives counts."""
        self.incomplete = sorted(name for name, member in self._members.items() if not member.done)
        self.dismiss()

    def dismiss(self) -> None:
        self._over = True
        for name in self._members:
            self._runner.send_message(Message.BYE, {}, client_id=name)

    def listen_on(self) -> None:
        gevent.spawn(self._runner.client_listener)

    def _here(self, name: str) -> bool:
        node = self._runner.clients.get(name)
        return node is not None and node.state != _MISSING

    def _succeed(self, slot: str) -> None:
        """Whoever had this slot is gone, also when its heartbeats are not missed yet: its users are somebody else's."""
        from loadtest_agent import balance

        for name, member in self._members.items():
            if member.slot == slot:
                balance.forget(self._runner, name)

    def _tell_start(self, name: str, *, late: bool) -> None:
        self._runner.send_message(Message.START, {"startedAt": self._started_at, "late": late}, client_id=name)

    def _hear(self, name: str) -> None:
        """Before what it says is taken: of the time that it was silent nobody knows whether its users were at work."""
        now = self._clock.now()
        last, self._heard[name] = self._heard.get(name, now), now
        if self._started_at is not None and now - last > _SILENT_SECONDS:
            self._store.silent(name, last - self._started_at, now - self._started_at)

    def _on_heartbeat(self, client_id: str, **_: object) -> None:
        self._hear(client_id)

    def _on_hello(self, msg: LocustMessage, **_: object) -> None:
        answer = {"t": msg.data["t"], "now": self._clock.now(), "over": self._over}
        self._runner.send_message(Message.WELCOME, answer, client_id=msg.node_id)

    def _on_ready(self, msg: LocustMessage, **_: object) -> None:
        self.clock_offset_max = max(self.clock_offset_max, abs(float(msg.data["offset"])))
        slot = str(msg.data.get("slot") or "")
        if slot:
            self._succeed(slot)
        self._members[msg.node_id] = Member(slot)
        if self._started_at is not None:
            self._tell_start(msg.node_id, late=True)

    def _on_report(self, client_id: str, data: dict[str, object], **_: object) -> None:
        self._hear(client_id)
        self._take(client_id, data.get(protocol.REPORT_KEY))

    def _on_done(self, msg: LocustMessage, **_: object) -> None:
        name, span = msg.node_id, msg.data["span"]
        self._hear(name)
        self._take(name, msg.data["report"])
        missing = [w for w in range(span[0], span[1] + 1) if not self._store.has(name, w)] if span else []
        if missing and not self._over:
            self._runner.send_message(Message.RESEND, {"windows": missing}, client_id=name)
            return
        member = self._members.get(name)
        if member is not None:
            member.done, member.early = True, not self._stopping
        self._runner.send_message(Message.BYE, {}, client_id=name)
        self._changed.set()

    def _take(self, name: str, report: object) -> None:
        if self._over or not isinstance(report, dict) or (report.get("run"), report.get("attempt")) != self._run:
            return
        for w, blob in report["windows"]:
            self._store.put(name, w, blob)
        if "failures" in report:
            self._store.put_failures(name, report["failures"])
