/// Objects of the Kubernetes API as JSON, reduced to what tests need, with some fields that are not decoded.
enum Documents {
  static func pod(
    _ name: String, namespace: String = "ns", version: Int = 1, address: String = "10.0.0.1", isReady: Bool = true,
    labels: [String: String] = ["app": "vllm"], annotations: [String: String] = [:], isTerminating: Bool = false
  ) -> String {
    let deletion =
      isTerminating ? #""deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30,"# : ""
    return """
      {"metadata": {"name": "\(name)", "namespace": "\(namespace)", "uid": "f0", "resourceVersion": "\(version)", \(deletion)
        "labels": \(map(labels)), "annotations": \(map(annotations)), "managedFields": [{"manager": "kubelet"}]},
       "spec": {"containers": [{"name": "vllm", "ports": [{"containerPort": 8000}]}], "nodeName": "node-1"},
       "status": {"phase": "Running", "podIP": "\(address)", "podIPs": [{"ip": "\(address)"}],
        "conditions": [{"type": "PodScheduled", "status": "True"},
                       {"type": "Ready", "status": "\(isReady ? "True" : "False")", "lastProbeTime": null}]}}
      """
  }

  static func pool(
    _ name: String, namespace: String = "ns", version: Int = 1, selector: [String: String] = ["app": "vllm"],
    ports: [Int] = [8000]
  ) -> String {
    """
    {"apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool",
     "metadata": {"name": "\(name)", "namespace": "\(namespace)", "resourceVersion": "\(version)", "generation": 1},
     "spec": {"selector": {"matchLabels": \(map(selector))},
              "targetPorts": [\(ports.map { #"{"number": \#($0)}"# }.joined(separator: ", "))],
              "appProtocol": "kubernetes.io/h2c",
              "endpointPickerRef": {"group": "", "kind": "Service", "name": "epp", "port": {"number": 9002},
                                    "failureMode": "FailOpen"}},
     "status": {"parents": []}}
    """
  }

  static func alphaPool(
    _ name: String, namespace: String = "ns", version: Int = 1, selector: [String: String] = ["app": "vllm"],
    port: Int = 8000
  ) -> String {
    """
    {"apiVersion": "inference.networking.x-k8s.io/v1alpha2", "kind": "InferencePool",
     "metadata": {"name": "\(name)", "namespace": "\(namespace)", "resourceVersion": "\(version)"},
     "spec": {"selector": \(map(selector)), "targetPortNumber": \(port),
              "extensionRef": {"group": "", "kind": "Service", "name": "epp", "portNumber": 9002,
                               "failureMode": "FailClose"}}}
    """
  }

  static func objective(_ name: String, version: Int = 1, priority: Int, pool: String = "pool") -> String {
    """
    {"apiVersion": "llm-d.ai/v1alpha2", "kind": "InferenceObjective",
     "metadata": {"name": "\(name)", "namespace": "ns", "resourceVersion": "\(version)"},
     "spec": {"priority": \(priority), "poolRef": {"group": "inference.networking.k8s.io", "name": "\(pool)"}}}
    """
  }

  static func rewrite(_ name: String, version: Int = 1, of model: String, to target: String) -> String {
    """
    {"apiVersion": "llm-d.ai/v1alpha2", "kind": "InferenceModelRewrite",
     "metadata": {"name": "\(name)", "namespace": "ns", "resourceVersion": "\(version)",
                  "creationTimestamp": "2026-01-01T00:00:00Z"},
     "spec": {"poolRef": {"name": "pool"}, "rules": [
       {"matches": [{"model": {"type": "Exact", "value": "\(model)"}}], "targets": [{"modelRewrite": "\(target)"}]}]}}
    """
  }

  static func map(_ values: [String: String]) -> String {
    "{" + values.sorted { $0.key < $1.key }.map { #""\#($0.key)": "\#($0.value)""# }.joined(separator: ", ") + "}"
  }
}
