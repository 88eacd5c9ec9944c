/// URL of an API server, with the credentials and certificates for access to it.
package struct KubernetesConfiguration: Equatable, Sendable {
  /// Token of the client. A client certificate (`Identity`) is independent of it.
  package enum Credentials: Equatable, Sendable {
    /// No token: the client is anonymous, or identified by its certificate.
    case none
    case token(String)
    /// Path of a file that contains the token. The client reads it again when it changes, and from time to time.
    case tokenFile(String)
  }

  /// Content of a PEM file, or its path.
  package enum PEM: Equatable, Sendable {
    case bytes([UInt8])
    case file(String)
  }

  /// Server certificates that the client accepts.
  package enum Trust: Equatable, Sendable {
    /// Certificates of the operating system's authorities.
    case system
    case authorities(PEM)
    /// All certificates; the identity of the server is not verified.
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

  /// URL of the server: `https://host:port` with an optional path, without a trailing slash.
  package var server: String
  /// Namespace that the configuration names; nil when it names none.
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

  /// Reason why a configuration cannot be created or used, in one sentence.
  package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
  }

  /// Folder where Kubernetes mounts the service account of a pod.
  package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// Creates the configuration that Kubernetes gives to the containers of a pod. Blocks for the file system.
  ///
  /// - Parameters:
  ///   - environment: Environment variables, of which `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are used.
  ///   - folder: Folder with the files `token`, `ca.crt` and `namespace`; the last one is optional.
  /// - Throws: `Problem` when a variable or a file is missing.
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
