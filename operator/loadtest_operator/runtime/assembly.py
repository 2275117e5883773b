"""What looks at LoadTests and acts on them, put together. Nothing of it runs yet: that is `main`."""

from collections.abc import Callable

from loadtest_operator.decide.queue import Name
from loadtest_operator.io.kube import Kube
from loadtest_operator.runtime import turns
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.environments import Environments
from loadtest_operator.runtime.events import Events
from loadtest_operator.runtime.execute import Executor
from loadtest_operator.runtime.metrics import Metrics
from loadtest_operator.runtime.objects import Key, Objects
from loadtest_operator.runtime.observe import Observer
from loadtest_operator.runtime.reconcile import Reconciler
from loadtest_operator.runtime.results import Results
from loadtest_operator.runtime.resync import Resync
from loadtest_operator.runtime.sessions import Sessions
from loadtest_operator.runtime.settings import Settings
from loadtest_operator.runtime.sweeping import Sweeper
from loadtest_operator.runtime.tokenkey import Tokens
from loadtest_operator.runtime.turns import Turns
from loadtest_operator.runtime.workqueue import WorkQueue


class Parts:
    def __init__(
        self,
        settings: Settings,
        kube: Kube,
        results: Results,
        tokens: Tokens,
        clock: Clock,
        leading: Callable[[], bool],
    ) -> None:
        instance, namespaces = settings.instance, settings.watch_namespaces
        self.metrics = Metrics()
        self.queue: WorkQueue[Key] = WorkQueue()
        self.sessions = Sessions()
        self.objects = Objects(
            wake=self.queue.add, see=lambda key, raw: self.turns.see(Name(key.namespace, key.name), raw)
        )
        self.turns = Turns(
            turns.rules(settings),
            lambda of: self.objects.test(Key(*of)),
            lambda of: self.queue.add(Key(*of)),
            clock,
        )
        self.environments = Environments(kube, instance, enabled=settings.environments, clock=clock)
        self.observer = Observer(kube, self.objects, self.sessions, results, settings, tokens, clock, self.environments)
        self.executor = Executor(
            kube,
            self.objects,
            self.sessions,
            results,
            self.observer,
            Events(kube, clock),
            self.metrics,
            self.environments,
            account=f"{settings.namespace or kube.access.namespace}:{instance}",
            instance=instance,
            leading=leading,
        )
        self.sweeper = Sweeper(
            kube, self.environments, instance=instance, namespaces=namespaces, clock=clock, leading=leading
        )
        self.reconcile = Reconciler(
            kube,
            self.objects,
            self.sessions,
            self.queue,
            self.observer,
            self.executor,
            self.metrics,
            clock,
            self.sweeper,
            self.turns,
            instance,
        )
        self.resync = Resync(
            kube,
            self.objects,
            self.queue,
            self.executor,
            self.reconcile.orphaned,
            self.sweeper,
            namespaces=namespaces,
            instance=instance,
            every_seconds=settings.resync_seconds,
        )
