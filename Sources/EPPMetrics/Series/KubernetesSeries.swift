/// What is shown of one resource that is watched at the Kubernetes API server. Any thread may write to it.
package struct KubernetesSeries: Sendable {
  /// `epp_kubernetes_contact_age_seconds`: seconds since the last answer, infinity before the first, not a number while nothing is asked.
  package let contactAge: Gauge
  /// `epp_kubernetes_resource_missing`: 1 or 0.
  package let missing: Gauge

  init(_ families: MetricFamilies.KubernetesFamilies, resource: String) {
    contactAge = families.contactAge.cell([resource])
    missing = families.missing.cell([resource])
  }
}

extension PickerMetrics {
  /// The series of a watched resource, named by its plural name, such as `pods`. On the page from the first call on.
  package func kubernetesSeries(resource: String) -> KubernetesSeries {
    KubernetesSeries(families.kubernetes, resource: resource)
  }

  /// `epp_leader`: 1 or 0. On the page from the first call on.
  package func leaderGauge() -> Gauge { families.kubernetes.leader.cell([]) }
}
