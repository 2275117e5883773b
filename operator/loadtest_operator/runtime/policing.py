"""The settings' policy, as observing asks it: what is forbidden, and which fence load pods get."""

from loadtest_operator.build.networkpolicy import Fence
from loadtest_operator.decide import policy
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.policy import rule_of
from loadtest_operator.runtime.settings import Settings


class Policing:
    def __init__(self, settings: Settings, home: str, *, among_pods: bool) -> None:
        """`among_pods`: the operator is a pod in namespace `home` and asks masters by their address.

        Who asks through the API server, or from outside, comes from an address that no namespace selector means.
        """
        self._settings = settings
        self._callers = (home, *settings.fence_scrapers) if among_pods else ()
        self._fences: dict[str, Fence] = {}

    def forbidden(self, test: LoadTest, namespace: str) -> str:
        return policy.refused(test, namespace, self._settings.policy, fenced=self._settings.fence)

    def fence(self, namespace: str) -> Fence | None:
        if not self._settings.fence:
            return None
        known = self._fences.get(namespace)  # asked for at every look, and settings never change
        if known is None:
            rule, _ = rule_of(self._settings.policy, namespace)
            known = self._fences[namespace] = Fence(rule, self._callers, self._settings.fence_name_servers)
        return known
