import EPPCore
import EPPTestKit
import Testing

@testable import EPPKubernetes

@Suite struct KubernetesConfigurationTests {
  private typealias Problem = KubernetesConfiguration.Problem

  private static func kubeconfig(
    cluster: String = "server: https://10.0.0.1:6443", context: String = "{cluster: c, user: u, namespace: models}",
    user: String = "token: secret", current: String = "current-context: main"
  ) -> String {
    """
    apiVersion: v1
    kind: Config
    \(current)
    contexts:
    - name: other
      context: {cluster: c, user: nobody}
    - name: main
      context: \(context)
    clusters:
    - name: c
      cluster: {\(cluster)}
    users:
    - name: u
      user: {\(user)}
    """
  }

  private func read(_ text: String, context: String? = nil) throws -> KubernetesConfiguration {
    try KubernetesConfiguration(kubeconfigText: text, folder: "/etc/kube", context: context)
  }

  @Test("The current context, with a token and the system's authorities")
  func token() throws {
    #expect(
      try read(Self.kubeconfig())
        == KubernetesConfiguration(server: "https://10.0.0.1:6443", namespace: "models", credentials: .token("secret")))
  }

  @Test("Files are relative to the folder of the kubeconfig")
  func files() throws {
    let configuration = try read(
      Self.kubeconfig(
        cluster: "server: https://k/, certificate-authority: ca.crt",
        user: "tokenFile: /run/token, token: other, client-certificate: tls/c.crt, client-key: tls/c.key"))
    #expect(
      configuration
        == KubernetesConfiguration(
          server: "https://k", namespace: "models", credentials: .tokenFile("/run/token"),
          identity: KubernetesConfiguration.Identity(
            chain: .file("/etc/kube/tls/c.crt"), key: .file("/etc/kube/tls/c.key")),
          trust: .authorities(.file("/etc/kube/ca.crt"))))
  }

  @Test("Data counts before files")
  func data() throws {
    let configuration = try read(
      Self.kubeconfig(
        cluster: "server: https://k, certificate-authority: ca.crt, certificate-authority-data: YQ==",
        user: "client-certificate-data: Yg==, client-certificate: x, client-key-data: Yw==", current: ""),
      context: "main")
    #expect(configuration.trust == .authorities(.bytes([0x61])))
    #expect(configuration.identity == KubernetesConfiguration.Identity(chain: .bytes([0x62]), key: .bytes([0x63])))
    #expect(configuration.credentials == .none)
  }

  @Test("A server may be taken without a look at its certificate")
  func insecure() throws {
    let text = Self.kubeconfig(
      cluster: "server: https://k, insecure-skip-tls-verify: true, certificate-authority: ca.crt")
    #expect(try read(text).trust == .anything)
  }

  @Test(
    "What is not there, or not supported, is told",
    arguments: [
      (Self.kubeconfig(user: "exec: {command: aws}"), "exec"),
      (Self.kubeconfig(user: "auth-provider: {name: gcp}"), "auth-provider"),
      (Self.kubeconfig(user: "username: a, password: b"), "password"),
      (Self.kubeconfig(user: "client-certificate-data: YQ=="), "no client key"),
      (Self.kubeconfig(user: "client-key-data: YQ=="), "no client certificate"),
      (
        Self.kubeconfig(user: "client-key-data: '*', client-certificate-data: YQ=="), "client-key-data is not in base64"
      ),
      (Self.kubeconfig(cluster: "server: 10.0.0.1"), "https://"),
      (Self.kubeconfig(cluster: "server: https://k, proxy-url: http://p"), "proxy-url"),
      (Self.kubeconfig(cluster: "server: https://k, tls-server-name: n"), "tls-server-name"),
      (Self.kubeconfig(context: "{user: u}"), "names no cluster"),
      (Self.kubeconfig(context: "{cluster: x, user: u}"), "no 'x'"),
      (Self.kubeconfig(context: "{cluster: c, user: x}"), "no 'x'"), (Self.kubeconfig(current: ""), "current-context"),
      ("- a", "mapping"), ("a: [", "line"), ("current-context: main", "contexts"),
    ])
  func problems(text: String, words: String) {
    let problem = #expect(throws: Problem.self) { try read(text) }
    #expect(problem?.description.contains(words) ?? false, "\(problem?.description ?? "")")
  }

  @Test("A context that is named and is not there is told; a file that is not there, too")
  func names() throws {
    #expect(throws: Problem("its list 'contexts' has no 'x'")) { try read(Self.kubeconfig(), context: "x") }
    let folder = try TemporaryFolder()
    #expect(throws: Problem("kubeconfig \(folder.path)/none: it does not exist")) {
      try KubernetesConfiguration(kubeconfig: folder.path + "/none")
    }
    let path = try folder.write(
      Self.kubeconfig(cluster: "server: https://k, certificate-authority: ca.crt"), to: "config")
    #expect(try KubernetesConfiguration(kubeconfig: path).trust == .authorities(.file(folder.path + "/ca.crt")))
  }

  @Test("A pod's service account")
  func inCluster() throws {
    let folder = try TemporaryFolder()
    try folder.write("secret", to: "token")
    try folder.write("pem", to: "ca.crt")
    let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
    var wanted = KubernetesConfiguration(
      server: "https://10.96.0.1:443", credentials: .tokenFile(folder.path + "/token"),
      trust: .authorities(.file(folder.path + "/ca.crt")))
    #expect(try KubernetesConfiguration(inCluster: environment, folder: folder.path) == wanted)
    try folder.write("models\n", to: "namespace")
    wanted.namespace = "models"
    wanted.server = "https://[fd00::1]:443"
    #expect(
      try KubernetesConfiguration(
        inCluster: environment.merging(["KUBERNETES_SERVICE_HOST": "fd00::1"]) { $1 }, folder: folder.path) == wanted)
    #expect(throws: Problem.self) { try KubernetesConfiguration(inCluster: [:], folder: folder.path) }
    let empty = try TemporaryFolder()
    let problem = #expect(throws: Problem.self) {
      try KubernetesConfiguration(inCluster: environment, folder: empty.path)
    }
    #expect(problem?.description.contains("\(empty.path)/token: it does not exist") ?? false)
  }

  @Test("A token is read again when its file changes, when it was refused, and after a minute")
  func tokens() throws {
    let clock = ManualClock()
    let folder = try TemporaryFolder()
    let path = try folder.write("first\n", to: "token")
    let token = BearerToken(.tokenFile(path), clock: { clock.now })
    #expect(token.current() == "first")
    try folder.write("second", to: "token")
    #expect(token.current() == "second")
    try folder.write("", to: "token")
    #expect(token.current() == "second")
    try folder.write("third", to: "token")
    token.reread()
    #expect(token.current() == "third")
    clock.advance(by: .seconds(61))
    #expect(token.current() == "third")
    #expect(BearerToken(.token("x"), clock: { clock.now }).current() == "x")
    #expect(BearerToken(.none, clock: { clock.now }).current() == nil)
    #expect(BearerToken(.tokenFile(folder.path + "/none"), clock: { clock.now }).current() == nil)
  }
}
