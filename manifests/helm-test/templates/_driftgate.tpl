{{/*
The gate as a test of the release. Write this into a file of your chart, templates/tests/driftgate.yaml:

  {{ include "driftgate.test" . }}

There is no ttlSecondsAfterFinished: Flux takes a Job that is gone for one that has succeeded.
*/}}
{{- define "driftgate.test" -}}
{{- $all := .Values.driftgate | default dict -}}
{{- $account := $all.serviceAccount | default dict -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name | trunc 52 | trimSuffix "-" }}-driftgate
  annotations:
    helm.sh/hook: {{ $all.hook | default "test" | quote }}
    # Last: whatever else the release's hooks do has been done.
    helm.sh/hook-weight: "100"
    helm.sh/hook-delete-policy: before-hook-creation
    helm.sh/hook-output-log-policy: hook-failed
  labels: &labels
    app.kubernetes.io/name: driftgate
    app.kubernetes.io/component: gate
spec:
  # Only lost Pods are counted: as a Helm test the gate ends with 0 unless its verdict asks for a rollback.
  backoffLimit: 2
  # Settling ends after 5 minutes by default, so there is always a report.
  activeDeadlineSeconds: 600
  podFailurePolicy:
    rules:
    - action: FailJob
      onExitCodes:
        containerName: driftgate
        operator: In
        values: [1, 2, 3, 10, 12, 13, 20, 101]
    - action: Ignore
      onPodConditions:
      - type: DisruptionTarget
  template:
    metadata:
      labels: *labels
    spec:
      restartPolicy: Never
      serviceAccountName: {{ $account.name | default "driftgate" }}
      terminationGracePeriodSeconds: 20
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: driftgate
        image: {{ $all.image | default "driftgate:0.1.0" }}
        args: {{ concat (list "gate" "--as=helm-test") ($all.args | default list) | toJson }}
        env:
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        - name: JOB_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['batch.kubernetes.io/job-name']
        - name: DRIFTGATE_JOB
          value: $(POD_NAMESPACE)/$(JOB_NAME)
        - name: DRIFTGATE_HELM_RELEASE
          value: {{ printf "%s/%s" .Release.Namespace .Release.Name }}
        - name: DRIFTGATE_HELM_REVISION
          value: {{ .Release.Revision | quote }}
        - name: DRIFTGATE_HELM_CHART
          value: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
        - name: DRIFTGATE_RECORDS_NAMESPACE
          value: {{ $all.recordsNamespace | default "driftgate" }}
        - name: DRIFTGATE_POLICY
          value: /etc/driftgate/policy
        - name: DRIFTGATE_TERMINATION_MESSAGE_FILE
          value: /dev/termination-log
        envFrom:
        # DRIFTGATE_WEBHOOK_URL, DRIFTGATE_SLACK_URL
        - secretRef:
            name: driftgate-notify
            optional: true
        resources:
          requests:
            cpu: 100m
            memory: 64Mi
          limits:
            memory: 256Mi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: ["ALL"]
        volumeMounts:
        - name: policy
          mountPath: /etc/driftgate/policy
          readOnly: true
      volumes:
      # Without this ConfigMap the defaults hold: fail at high, roll back at critical.
      - name: policy
        configMap:
          name: driftgate-policy
          optional: true
{{- end }}

{{/*
The ServiceAccount of the gate and its bindings, where nobody else makes them: only with
driftgate.serviceAccount.create. The ClusterRole and the Role are the platform's, see kustomize/base.
*/}}
{{- define "driftgate.rbac" -}}
{{- $all := .Values.driftgate | default dict -}}
{{- $account := $all.serviceAccount | default dict -}}
{{- $name := $account.name | default "driftgate" -}}
{{- if $account.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
  labels:
    app.kubernetes.io/name: driftgate
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: driftgate-gate.{{ .Release.Namespace }}.{{ .Release.Name }}
  labels:
    app.kubernetes.io/name: driftgate
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: driftgate-gate
subjects:
- kind: ServiceAccount
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
{{- if $all.flux }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: driftgate-gate-flux.{{ .Release.Namespace }}.{{ .Release.Name }}
  labels:
    app.kubernetes.io/name: driftgate
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: driftgate-gate-flux
subjects:
- kind: ServiceAccount
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: driftgate-records.{{ .Release.Namespace }}.{{ .Release.Name }}
  namespace: {{ $all.recordsNamespace | default "driftgate" }}
  labels:
    app.kubernetes.io/name: driftgate
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: driftgate-records
subjects:
- kind: ServiceAccount
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
{{- end }}
