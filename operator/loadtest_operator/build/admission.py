"""Two optional policies of the API server itself: a second pair of eyes, and where the operator may bind rights."""

from typing import Any, Final

from loadtest_operator.build import names
from loadtest_operator.build.install import CONTENT, GUARD, cluster_role, rule

Object = dict[str, Any]

APPROVAL: Final = "loadtest-approval"
BINDINGS: Final = "loadtest-environment-bindings"
APPROVE: Final = "loadtest-approve"
LABEL_APPROVAL: Final = f"{names.GROUP}/approval"
_KINDS: Final = ["loadtests", "loadtestschedules"]
# An annotation can start a run, so it counts like the spec; what controllers write beside them does not.
_ASKS: Final = (
    "oldObject == null || object.spec != oldObject.spec || "
    f"object.metadata.?annotations[?'{names.ANNOTATION_RUN_REQUESTED}'] != "
    f"oldObject.metadata.?annotations[?'{names.ANNOTATION_RUN_REQUESTED}']"
)
_MAY: Final = (
    "authorizer.group(request.resource.group).resource(request.resource.resource).namespace(request.namespace)"
    ".check('approve').allowed()"
)
_REFUSED: Final = (
    "request.userInfo.username + ' may not start load in namespace ' + request.namespace + ': set spec.suspend: true, "
    "and ask somebody with verb approve on ' + request.resource.resource + '.' + request.resource.group + "
    f"' (ClusterRole {APPROVE}) to set it to false'"
)
_OURS: Final = f"'{names.LABEL_ENVIRONMENT}' in namespaceObject.metadata.?labels.orValue({{}})"


def objects() -> list[Object]:
    return [*approval(), *bindings()]


def approval() -> list[Object]:
    """Who may write LoadTests may write suspended ones; only who may `approve` lets them go."""
    return [
        cluster_role(APPROVE, [rule(names.GROUP, _KINDS, ["approve"])]),
        _policy(
            APPROVAL,
            rule(names.GROUP, _KINDS, ["CREATE", "UPDATE"]),
            [{"name": "asks-for-load", "expression": _ASKS}],
            {"expression": f"object.spec.?suspend.orValue(false) || {_MAY}", "messageExpression": _REFUSED},
        ),
        _binding(APPROVAL, {"namespaceSelector": {"matchLabels": {LABEL_APPROVAL: "required"}}}),
    ]


def bindings() -> list[Object]:
    """The operator may bind two ClusterRoles in namespaces that it made; nobody may bind them anywhere else."""
    tails = [name.format("") for name in (CONTENT, GUARD)]
    of_ours = " || ".join(f"object.roleRef.name.endsWith('{tail}')" for tail in tails)
    return [
        _policy(
            BINDINGS,
            rule("rbac.authorization.k8s.io", ["rolebindings", "clusterrolebindings"], ["CREATE", "UPDATE"]),
            [{"name": "roles-of-environments", "expression": f"object.roleRef.kind == 'ClusterRole' && ({of_ours})"}],
            {
                "expression": f"request.resource.resource == 'rolebindings' && {_OURS}",
                "message": f"this ClusterRole is bound in namespaces with label {names.LABEL_ENVIRONMENT} alone, which "
                "the operator makes for one run",
            },
        ),
        _binding(BINDINGS, {}),
    ]


def _policy(name: str, matches: dict[str, list[str]], conditions: list[Object], validation: Object) -> Object:
    found = {"apiGroups": matches["apiGroups"], "apiVersions": ["*"], "resources": matches["resources"]}
    return {
        **_named("ValidatingAdmissionPolicy", name),
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{**found, "operations": matches["verbs"]}]},
            "matchConditions": conditions,
            "validations": [{**validation, "reason": "Forbidden"}],
        },
    }


def _binding(name: str, resources: Object) -> Object:
    spec = {"policyName": name, "validationActions": ["Deny"], **({"matchResources": resources} if resources else {})}
    return {**_named("ValidatingAdmissionPolicyBinding", name), "spec": spec}


def _named(kind: str, name: str) -> Object:
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}}
