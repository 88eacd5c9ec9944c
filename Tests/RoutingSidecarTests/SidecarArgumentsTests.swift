import ArgumentParser
import EPPConfiguration
import EPPCore
import RoutingProxy
import Testing

@testable import routing_sidecar

@Suite struct SidecarArgumentsTests {
  private struct NoFile: Error, CustomStringConvertible { var description: String { "it is not there" } }

  private static func configuration(_ arguments: String..., file: String? = nil, environment: [String: String] = [:])
    throws -> SidecarConfiguration
  {
    let given = try SidecarArguments(arguments) { _ in
      guard let file else { throw NoFile() }
      return file
    }
    return try SidecarFlags.parse(given.arguments).validated(cores: 2, environment: environment)
  }

  private static func problems(_ arguments: String..., environment: [String: String] = [:]) throws -> [String] {
    do {
      let given = try SidecarArguments(arguments) { _ in throw NoFile() }
      _ = try SidecarFlags.parse(given.arguments).validated(cores: 2, environment: environment)
      return []
    } catch let error as ConfigurationProblems {
      return error.problems.map(\.description)
    }
  }

  @Test func defaultsAreThoseOfLLMD() throws {
    let configuration = try Self.configuration()
    #expect(configuration.listen.port == 8000 && configuration.listen.isSecure && configuration.listen.metricsPort == 0)
    #expect(configuration.engine.address == EndpointAddress(host: "127.0.0.1", port: 8200))
    #expect(configuration.disaggregation.connector == .nixlv2 && configuration.disaggregation.failure == .local)
    #expect(configuration.disaggregation.retries == .init(maximum: 0, backoff: .milliseconds(200)))
    #expect(configuration.disaggregation.ports == ConnectorPorts())
    #expect(
      configuration.targets.networks == TargetPolicy.privateNetworks && configuration.targets.ports == [8000, 8200])
    #expect(configuration.sessions == nil)
    let empty = try Self.configuration("--kv-connector=", "--model-server-host=", "--cert-path=", "--ec-connector=")
    #expect(empty.disaggregation.connector == .nixlv2 && empty.engine.address.host == "127.0.0.1")
    #expect(configuration.warnings.count == 1 && configuration.warnings[0].contains("--allow-cidr"))
  }

  @Test func aCertificateForAPlainPortIsSaidAndCountsForNothing() throws {
    let plain = try Self.configuration("--cert-path=/certs", "--secure-proxy=false")
    #expect(!plain.listen.isSecure && plain.listen.certificateFolder == nil)
    #expect(plain.warnings.contains("--cert-path has no effect: --secure-serving=false serves plain text"))
  }

  @Test func olderNamesAreTaken() throws {
    let configuration = try Self.configuration(
      "-port=1", "--vllm-port", "2", "-connector=sglang", "-secure-proxy=false", "-prefiller-use-tls",
      "--decoder-use-tls=true", "--decoder-tls-insecure-skip-verify=false")
    #expect(configuration.listen.port == 1 && !configuration.listen.isSecure)
    #expect(configuration.engine.address.port == 2)
    #expect(configuration.disaggregation.connector == .sglang)
    #expect(configuration.engine.encrypted == [.prefiller, .decoder] && configuration.engine.unchecked.isEmpty)
  }

  /// The newer flag goes before the older one, and flags go before YAML.
  @Test func theOrderOfPrecedenceIsLLMDs() throws {
    #expect(try Self.configuration("--vllm-port=1", "--model-server-port=2").engine.address.port == 2)
    #expect(try Self.configuration("--model-server-port=2", "--vllm-port", "1").engine.address.port == 2)
    let yaml =
      "{port: 5, model-server-port: 6, vllm-port: 7, enable-tls: [decoder, prefiller], prefill-retry-backoff: 1s}"
    let configuration = try Self.configuration("--configuration", yaml, "--port=9")
    #expect(configuration.listen.port == 9 && configuration.engine.address.port == 6)
    #expect(configuration.engine.encrypted == [.decoder, .prefiller])
    #expect(configuration.disaggregation.retries.backoff == .seconds(1))
    #expect(try Self.configuration("--configuration={model-server-port: 6}", "--vllm-port=7").engine.address.port == 7)
    let file = try Self.configuration("--configuration-file=/config", file: "port: 5\nsecure-serving: false\n")
    #expect(file.listen.port == 5 && !file.listen.isSecure)
  }

  @Test func portsAndChoicesComeFromTheEnvironment() throws {
    let environment = [
      "MOONCAKE_BOOTSTRAP_PORT": "1", "P2P_CONNECTOR_PORT": "2", "SGLANG_BOOTSTRAP_PORT": "x",
      "ENABLE_PREFILLER_SAMPLING": "true", "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    ]
    let configuration = try Self.configuration("--p2p-connector-port=3", environment: environment)
    #expect(configuration.disaggregation.ports.mooncakeBootstrap == 1)
    #expect(configuration.disaggregation.ports.peerToPeer == 3)
    #expect(configuration.disaggregation.ports.sglangBootstrap == 8998)
    #expect(configuration.samplesPrefillers)
    // The API server is in a private network.
    let address = try #require(IPAddress("10.96.0.1"))
    #expect(throws: TargetPolicy.Refusal.forbidden) { try configuration.targets.policy.check(address, port: 8000) }
  }

  @Test func blocksAreFetchedWhereEnginesCan() throws {
    #expect(try Self.configuration("--kv-connector=offloading").disaggregation.fetchesFromPeers)
    #expect(try !Self.configuration().disaggregation.fetchesFromPeers)
    #expect(try Self.configuration("--enable-p2p-pull").disaggregation.fetchesFromPeers)
    let without = try Self.configuration("--enable-p2p-pull", "--kv-connector=sglang")
    #expect(!without.disaggregation.fetchesFromPeers && without.warnings.contains { $0.contains("--enable-p2p-pull") })
  }

  @Test func ranksHaveTheirPorts() throws {
    let configuration = try Self.configuration(
      "--data-parallel-size=2", "--allow-port=9000", "--allow-cidr=10.0.0.0/8,fd00::/8",
      environment: ["POD_IP": "10.0.0.1"])
    #expect(configuration.targets.ports == [8000, 8001, 8200, 8201, 9000])
    #expect(configuration.targets.networks.count == 2 && configuration.warnings.isEmpty)
    #expect(configuration.disaggregation.ports.ranks == 8000..<8002)
    #expect(configuration.engine.ranks == 2 && configuration.engine.podAddress == "10.0.0.1")
    #expect(try Self.problems("--port=65535", "--data-parallel-size=2").contains { $0.contains("ranks need") })
  }

  @Test func aPoolIsNamedWithOrWithoutItsNamespace() throws {
    let flags = ["--enable-ssrf-protection", "--inference-pool"]
    #expect(try Self.configuration(flags[0], flags[1], "models/chat").targets.pool?.namespace == "models")
    let named = try Self.configuration(flags[0], environment: ["INFERENCE_POOL": "chat"])
    #expect(named.targets.pool == .init(namespace: "default", name: "chat", group: .stable, kubeconfig: nil))
    // Until its members are known nobody is allowed.
    let address = try #require(IPAddress("10.0.0.1"))
    #expect(throws: TargetPolicy.Refusal.stranger) { try named.targets.policy.check(address, port: 8000) }
    #expect(try Self.problems(flags[0], flags[1], "/chat").count == 1)
    #expect(try Self.problems(flags[0], flags[1], "a/b", "--allow-cidr=10.0.0.0/8").count == 1)
  }

  @Test func allProblemsAreReportedAtOnce() throws {
    let found = try Self.problems(
      "--kv-connector=lmcache", "--port=70000", "--prefill-timeout=soon", "--threads=-1",
      "--enable-speculative-prefill",
      "--decode-chunk-size=4", "--enable-tls=everything", "--max-request-bytes=0", "--ec-connector=ec")
    #expect(found.count == 9, "\(found)")
    #expect(try Self.problems("--configuration={a: 1", "--port=1").first?.hasPrefix("--configuration:") == true)
    #expect(try Self.problems("--configuration={port: {a: 1}}").first?.contains("neither a value nor a list") == true)
    #expect(try Self.problems("--configuration={}", "--configuration-file=/a").first?.contains("exclude") == true)
  }
}
