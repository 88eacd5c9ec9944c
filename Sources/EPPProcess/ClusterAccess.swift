package import EPPKubernetes
import FoundationEssentials

/// Finds the access to the API server of Kubernetes.
package enum ClusterAccess {
  /// Reads a kubeconfig where one is named, else the service account of the pod, else, outside of a cluster, the kubeconfig in
  /// the home folder: the order of other controllers.
  ///
  /// - Parameters:
  ///   - kubeconfig: The file's path; nil when none is named.
  ///   - environment: The environment variables of the process.
  package static func configuration(
    kubeconfig: String?, environment: [String: String]
  ) throws(KubernetesConfiguration.Problem) -> KubernetesConfiguration {
    if let kubeconfig { return try KubernetesConfiguration(kubeconfig: kubeconfig) }
    let ofHome = environment["HOME"].map { $0 + "/.kube/config" }
    if environment["KUBERNETES_SERVICE_HOST"] == nil, let ofHome, FileManager.default.fileExists(atPath: ofHome) {
      return try KubernetesConfiguration(kubeconfig: ofHome)
    }
    do throws(KubernetesConfiguration.Problem) {
      return try KubernetesConfiguration(inCluster: environment)
    } catch {
      throw KubernetesConfiguration.Problem("\(error); outside of a cluster give --kubeconfig FILE")
    }
  }
}
