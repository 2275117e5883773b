{{/* Made by `make generate`: change operator/loadtest_operator/build/install.py. */}}
{{- define "loadtest-operator.openRules" -}}
- apiGroups:
  - loadtest.dev
  resources:
  - loadtests
  verbs:
  - get
  - list
  - watch
  - create
  - delete
  - approve
- apiGroups:
  - loadtest.dev
  resources:
  - loadtestschedules
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - loadtest.dev
  resources:
  - loadtests/status
  - loadtestschedules/status
  verbs:
  - patch
- apiGroups:
  - batch
  resources:
  - jobs
  verbs:
  - get
  - list
  - watch
  - create
  - delete
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - get
  - list
  - watch
  - create
  - delete
- apiGroups:
  - ''
  resources:
  - services
  - configmaps
  verbs:
  - get
  - create
  - delete
- apiGroups:
  - ''
  resources:
  - events
  verbs:
  - create
{{- end }}
{{- define "loadtest-operator.fenceRules" -}}
- apiGroups:
  - networking.k8s.io
  resources:
  - networkpolicies
  verbs:
  - get
  - create
  - delete
{{- end }}
{{- define "loadtest-operator.homeRules" -}}
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - create
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - get
  - update
  resourceNames:
  - '{{ include "loadtest-operator.fullname" . }}'
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - create
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - get
  resourceNames:
  - '{{ include "loadtest-operator.fullname" . }}-token-key'
{{- end }}
{{- define "loadtest-operator.environmentsRules" -}}
- apiGroups:
  - ''
  resources:
  - namespaces
  verbs:
  - get
  - list
  - create
  - delete
- apiGroups:
  - rbac.authorization.k8s.io
  resources:
  - rolebindings
  verbs:
  - create
- apiGroups:
  - rbac.authorization.k8s.io
  resources:
  - clusterroles
  verbs:
  - bind
  resourceNames:
  - '{{ include "loadtest-operator.fullname" . }}-environment-content'
  - '{{ include "loadtest-operator.fullname" . }}-environment-guard'
{{- end }}
{{- define "loadtest-operator.contentRules" -}}
- apiGroups:
  - ''
  resources:
  - configmaps
  - persistentvolumeclaims
  - pods
  - replicationcontrollers
  - secrets
  - serviceaccounts
  - services
  verbs: &id001
  - get
  - list
  - create
  - patch
  - update
  - delete
- apiGroups:
  - ''
  resources:
  - events
  - pods/log
  verbs:
  - get
  - list
- apiGroups:
  - apps
  resources:
  - daemonsets
  - deployments
  - replicasets
  - statefulsets
  verbs: *id001
- apiGroups:
  - batch
  resources:
  - cronjobs
  - jobs
  verbs: *id001
- apiGroups:
  - autoscaling
  resources:
  - horizontalpodautoscalers
  verbs: *id001
- apiGroups:
  - networking.k8s.io
  resources:
  - ingresses
  verbs: *id001
- apiGroups:
  - policy
  resources:
  - poddisruptionbudgets
  verbs: *id001
{{- end }}
{{- define "loadtest-operator.guardRules" -}}
- apiGroups:
  - ''
  resources:
  - limitranges
  - resourcequotas
  - serviceaccounts
  verbs:
  - create
- apiGroups:
  - networking.k8s.io
  resources:
  - networkpolicies
  verbs:
  - create
- apiGroups:
  - ''
  resources:
  - serviceaccounts/token
  verbs:
  - create
  resourceNames:
  - loadtest-environment
{{- end }}
{{- define "loadtest-operator.editRules" -}}
- apiGroups:
  - loadtest.dev
  resources:
  - loadtests
  - loadtestschedules
  verbs:
  - create
  - delete
  - deletecollection
  - patch
  - update
{{- end }}
{{- define "loadtest-operator.viewRules" -}}
- apiGroups:
  - loadtest.dev
  resources:
  - loadtests
  - loadtestschedules
  verbs:
  - get
  - list
  - watch
{{- end }}
{{- define "loadtest-operator.decidedSettings" -}}
{
  "environments": "use the chart's value environments.enabled, which makes the ClusterRoles, too",
  "instance": "it is the full name of the release (fullnameOverride)",
  "lease_name": "it is the full name of the release (fullnameOverride)",
  "listen_host": "probes and Prometheus need it as it is",
  "listen_port": "probes and Prometheus need it as it is",
  "namespace": "it is the release's namespace",
  "store": "the chart's value store tells where results are kept",
  "watch_namespaces": "use the chart's value watchNamespaces, which makes the Roles, too"
}
{{- end }}
