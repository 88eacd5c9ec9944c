import EPPYAML
import FoundationEssentials
import Yams

extension KubernetesConfiguration {
  /// Creates the configuration of a context of a kubeconfig file. Blocks for the file system.
  ///
  /// Supports tokens, token files and client certificates. Refuses features that need another program or another protocol: exec
  /// plugins, auth providers, passwords and proxies.
  ///
  /// - Parameters:
  ///   - path: Path of the kubeconfig. Files that it names are relative to its folder.
  ///   - context: Name of the context; nil for the `current-context` of the file.
  /// - Throws: `Problem` when the file cannot be read, is incomplete, or needs an unsupported feature.
  package init(kubeconfig path: String, context: String? = nil) throws(Problem) {
    let text: String
    do throws(FileReading.Problem) {
      text = try FileReading.text(path, atMost: FileReading.largest)
    } catch {
      throw Problem("kubeconfig \(path): \(error)")
    }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    do throws(Problem) {
      try self.init(kubeconfigText: text, folder: folder.isEmpty ? "/" : folder, context: context)
    } catch {
      throw Problem("kubeconfig \(path): \(error)")
    }
  }

  /// Creates the configuration of a context of a kubeconfig text.
  ///
  /// - Parameters:
  ///   - folder: Folder that file names in the text are relative to.
  ///   - wanted: Name of the context; nil for the `current-context` of the text.
  /// - Throws: `Problem` when the text is no kubeconfig, is incomplete, or needs an unsupported feature.
  package init(kubeconfigText text: String, folder: String, context wanted: String? = nil) throws(Problem) {
    let root = try KubeconfigNode(text: text)
    guard let name = wanted ?? root["current-context"]?.text, !name.isEmpty else {
      throw Problem("it has no current-context; a context has to be named")
    }
    let context = try root.named(name, of: "contexts", "context")
    guard let clusterName = context["cluster"]?.text else { throw Problem("context '\(name)' names no cluster") }
    let cluster = try root.named(clusterName, of: "clusters", "cluster")
    guard var server = cluster["server"]?.text, server.hasPrefix("https://") || server.hasPrefix("http://") else {
      throw Problem("cluster '\(clusterName)' has no server that begins with https:// or http://")
    }
    while server.hasSuffix("/") { server.removeLast() }
    for key in ["proxy-url", "tls-server-name"] where cluster[key]?.text.map({ !$0.isEmpty }) ?? false {
      throw Problem("cluster '\(clusterName)': \(key) is not supported")
    }
    let trust: Trust
    if cluster["insecure-skip-tls-verify"]?.text == "true" {
      trust = .anything
    } else {
      trust = try cluster.pem("certificate-authority", folder: folder).map { .authorities($0) } ?? .system
    }
    var credentials = Credentials.none
    var identity: Identity?
    if let userName = context["user"]?.text, !userName.isEmpty {
      let user = try root.named(userName, of: "users", "user")
      (credentials, identity) = try Self.user(user, name: userName, folder: folder)
    }
    self.init(
      server: server, namespace: context["namespace"]?.text.flatMap { $0.isEmpty ? nil : $0 }, credentials: credentials,
      identity: identity, trust: trust)
  }

  private static func user(
    _ user: KubeconfigNode, name: String, folder: String
  ) throws(Problem) -> (Credentials, Identity?) {
    if user["exec"] != nil {
      throw Problem(
        "user '\(name)' gets its credentials from another program (exec), which is not supported; use a token, a tokenFile or a client certificate"
      )
    }
    if user["auth-provider"] != nil {
      throw Problem(
        "user '\(name)' has an auth-provider, which is not supported; use a token, a tokenFile or a client certificate")
    }
    if user["username"] != nil || user["password"] != nil {
      throw Problem(
        "user '\(name)' has a password, which API servers do not accept any longer; use a token or a client certificate"
      )
    }
    let chain = try user.pem("client-certificate", folder: folder)
    let key = try user.pem("client-key", folder: folder)
    let identity: Identity? =
      switch (chain, key) {
      case (let chain?, let key?): Identity(chain: chain, key: key)
      case (nil, nil): nil
      case (nil, _?): throw Problem("user '\(name)' has a client key and no client certificate")
      case (_?, nil): throw Problem("user '\(name)' has a client certificate and no client key")
      }
    // As in kubectl, the token file takes precedence over the token, because only the file is renewed.
    if let file = user["tokenFile"]?.text, !file.isEmpty {
      return (.tokenFile(KubeconfigNode.path(file, folder)), identity)
    }
    if let token = user["token"]?.text, !token.isEmpty { return (.token(token), identity) }
    return (.none, identity)
  }
}

/// A YAML value in a kubeconfig.
private struct KubeconfigNode {
  typealias Problem = KubernetesConfiguration.Problem

  private let node: Node
  private let renamed: [String: String]

  private init(_ node: Node, _ renamed: [String: String]) { (self.node, self.renamed) = (node, renamed) }

  init(text: String) throws(Problem) {
    do throws(YAMLProblem) {
      let document = try YAMLDocument(text)
      if let duplicate = document.duplicates.first { throw duplicate }
      guard let root = document.root, case .mapping = root else { throw YAMLProblem("a mapping is expected") }
      self.init(root, document.renamed)
    } catch {
      throw Problem((error.line.map { "line \($0): " } ?? "") + error.message)
    }
  }

  /// The value of a key; nil when the key is missing or its value is null, and when this node is not a mapping.
  subscript(_ key: String) -> KubeconfigNode? {
    guard case .mapping(let mapping) = node else { return nil }
    for entry in YAMLMapping(mapping, renamed: renamed).entries {
      guard case .scalar(let name) = entry.key, name.string == key else { continue }
      if case .scalar(let scalar) = entry.value, scalar.style == .plain, ["", "null", "~"].contains(scalar.string) {
        return nil
      }
      return KubeconfigNode(entry.value, renamed)
    }
    return nil
  }

  /// The text of a scalar; nil for other nodes.
  var text: String? { if case .scalar(let scalar) = node { scalar.string } else { nil } }

  /// Returns the value of `key` in the entry of `list` that has this name; an empty mapping when the entry has no such key.
  ///
  /// - Throws: `Problem` when there is no such list or entry.
  func named(_ name: String, of list: String, _ key: String) throws(Problem) -> KubeconfigNode {
    guard let node = self[list]?.node, case .sequence(let sequence) = node else {
      throw Problem("it has no list '\(list)'")
    }
    for element in sequence {
      let entry = KubeconfigNode(element, renamed)
      if entry["name"]?.text == name { return entry[key] ?? KubeconfigNode(.mapping(Node.Mapping([])), renamed) }
    }
    throw Problem("its list '\(list)' has no '\(name)'")
  }

  /// Returns the bytes in `key`-data, or the file that `key` names; nil when both are missing. As in kubectl, the data takes
  /// precedence over the file.
  ///
  /// - Throws: `Problem` when the data is not in base64.
  func pem(_ key: String, folder: String) throws(Problem) -> KubernetesConfiguration.PEM? {
    if let data = self[key + "-data"]?.text, !data.isEmpty {
      guard let bytes = Data(base64Encoded: data, options: .ignoreUnknownCharacters) else {
        throw Problem("\(key)-data is not in base64")
      }
      return .bytes([UInt8](bytes))
    }
    guard let file = self[key]?.text, !file.isEmpty else { return nil }
    return .file(Self.path(file, folder))
  }

  /// Returns the path of a file that the kubeconfig names; a relative one is relative to `folder`.
  static func path(_ file: String, _ folder: String) -> String { file.hasPrefix("/") ? file : folder + "/" + file }
}
