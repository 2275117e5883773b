"""The rules of Pod Security `restricted` (and `baseline`, which it contains), as the API server checks them."""

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SECCOMP = {"RuntimeDefault", "Localhost"}
APPARMOR = {None, "RuntimeDefault", "Localhost"}


def violations(template):
    """Everything that a namespace with `enforce: restricted` would refuse, as sentences."""
    spec = template["spec"]
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    return [*_of_pod(template["metadata"], spec), *(wrong for one in containers for wrong in _of_container(spec, one))]


def _of_pod(metadata, spec):
    security = spec.get("securityContext") or {}
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield field
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= VOLUMES:
            yield f"volume {volume['name']} is a {kinds}"
    for item in security.get("sysctls", []):
        if item["name"] not in SAFE_SYSCTLS:
            yield f"sysctl {item['name']}"
    for name, value in metadata.get("annotations", {}).items():
        if name.startswith("container.apparmor.security.beta.kubernetes.io/") and value != "runtime/default":
            yield f"annotation {name}"
    yield from _shared(security, "the pod")


def _of_container(spec, container):
    pod, own, name = spec.get("securityContext") or {}, container.get("securityContext") or {}, container["name"]
    both = {**pod, **own}
    yield from _shared(own, name)
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may escalate"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in capabilities.get("drop", []) or not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield f"{name} has capabilities"
    if both.get("runAsNonRoot") is not True:
        yield f"{name} may be root"
    if (both.get("seccompProfile") or {}).get("type") not in SECCOMP:
        yield f"{name} has no seccomp profile"
    if own.get("procMount") not in {None, "Default"}:
        yield f"{name} sees all of /proc"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield f"{name} takes a port of the node"


def _shared(security, where):
    """What may be said for a pod and for a container."""
    if security.get("runAsUser") == 0:
        yield f"{where} is user 0"
    if (security.get("windowsOptions") or {}).get("hostProcess"):
        yield f"{where} is a host process"
    linux = security.get("seLinuxOptions") or {}
    if linux.get("user") or linux.get("role") or linux.get("type") not in SELINUX_TYPES:
        yield f"{where} chooses its SELinux label"
    if (security.get("appArmorProfile") or {}).get("type") not in APPARMOR:
        yield f"{where} has no AppArmor profile"
    if (security.get("seccompProfile") or {}).get("type", "RuntimeDefault") not in SECCOMP:
        yield f"{where} has no seccomp profile"
