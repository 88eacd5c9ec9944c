/// Where the API server is and how it is spoken to.
package struct KubernetesConfiguration: Equatable, Sendable {
  /// What says who asks. A client certificate may come beside it.
  package enum Credentials: Equatable, Sendable {
    /// Nobody, or who the client certificate names.
    case none
    case token(String)
    /// Path of a file that holds the token; it is read again from time to time.
    case tokenFile(String)
  }

  /// Bytes of a PEM file, or where they are.
  package enum PEM: Equatable, Sendable {
    case bytes([UInt8])
    case file(String)
  }

  /// Which certificates of the server are accepted.
  package enum Trust: Equatable, Sendable {
    /// Those of the system's authorities.
    case system
    case authorities(PEM)
    /// All: the server may be anybody.
    case anything
  }

  /// A client certificate with its key.
  package struct Identity: Equatable, Sendable {
    package var chain: PEM
    package var key: PEM

    package init(chain: PEM, key: PEM) {
      self.chain = chain
      self.key = key
    }
  }

  /// `https://host:port`, perhaps with a path, without a slash at its end.
  package var server: String
  /// The namespace that the configuration names; nil where it names none.
  package var namespace: String?
  package var credentials: Credentials
  package var identity: Identity?
  package var trust: Trust

  package init(
    server: String, namespace: String? = nil, credentials: Credentials = .none, identity: Identity? = nil,
    trust: Trust = .system
  ) {
    self.server = server
    self.namespace = namespace
    self.credentials = credentials
    self.identity = identity
    self.trust = trust
  }

  /// Why there is no configuration: one sentence.
  package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
  }

  /// The folder in which a pod finds its service account.
  package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// The configuration that Kubernetes gives to the containers of a pod.
  ///
  /// - Parameters:
  ///   - environment: has `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`.
  ///   - folder: has `token`, `ca.crt` and `namespace`.
  package init(inCluster environment: [String: String], folder: String = serviceAccountFolder) throws(Problem) {
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"].flatMap(UInt16.init), port > 0
    else {
      throw Problem(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no container of a Kubernetes pod")
    }
    let token = folder + "/token"
    let authorities = folder + "/ca.crt"
    for path in [token, authorities] {
      do throws(FileReading.Problem) {
        _ = try FileReading.bytes(path, atMost: FileReading.largest)
      } catch {
        throw Problem("service account: \(path): \(error); is automountServiceAccountToken false?")
      }
    }
    let namespace = try? FileReading.text(folder + "/namespace", atMost: FileReading.largest)
    self.init(
      server: "https://" + (host.contains(":") ? "[\(host)]" : host) + ":\(port)",
      namespace: namespace.flatMap { $0.isEmpty ? nil : $0 }, credentials: .tokenFile(token),
      trust: .authorities(.file(authorities)))
  }
}
