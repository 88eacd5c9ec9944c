import EPPConfiguration
import EPPCore
import Testing

@Suite struct KubernetesFlagsTests {
  private let flags = FlagsUnderTest(common: [])

  @Test func aPoolIsFollowedAsChartsOfLLMDNameIt() throws {
    for file in ["--config-file=", "--config-file=epp.yaml"] {
      let configuration = try FlagsUnderTest(common: [], files: ["epp.yaml": TestText.standard]).validated(
        "--pool-name", "vllm-qwen", "--pool-namespace", "llm-d", "--pool-group", "inference.networking.k8s.io", file)
      let settings = try #require(configuration.endpoints.kubernetes)
      #expect(settings.target == .pool(name: "vllm-qwen", group: .stable))
      #expect(settings.namespace == "llm-d" && settings.kubeconfig == nil)
      #expect(configuration.endpoints.poolName == "vllm-qwen")
      #expect(configuration.warnings.isEmpty)
    }
    let alpha = try flags.validated("--pool-name=a", "--pool-group=inference.networking.x-k8s.io")
    #expect(alpha.endpoints.kubernetes?.target == .pool(name: "a", group: .experimental))
  }

  @Test func podsAreFollowedByTheirLabels() throws {
    let selector = try LabelSelector("app=vllm,role in (decode,both)")
    for ports in [["8000,8001"], ["8000", "8001"]].map({ $0.map { "--endpoint-target-ports=" + $0 } }) {
      let configuration = try flags.validated(["--endpoint-selector=app=vllm,role in (decode,both)"] + ports)
      #expect(configuration.endpoints.kubernetes?.target == .pods(selector: selector, ports: [8000, 8001]))
      #expect(configuration.endpoints.poolName == "default")
    }
  }

  @Test func theEnvironmentNamesWhatFlagsDoNot() throws {
    let flags = FlagsUnderTest(common: ["--pool-name=a"], environment: ["NAMESPACE": "models", "KUBECONFIG": "config"])
    let configured = try flags.validated().endpoints.kubernetes
    #expect(configured?.namespace == "models" && configured?.kubeconfig == "config")
    let named = try flags.validated("--pool-namespace=other", "--kubeconfig=mine").endpoints.kubernetes
    #expect(named?.namespace == "other" && named?.kubeconfig == "mine")
    let none = try FlagsUnderTest(common: ["--pool-name=a"], environment: ["NAMESPACE": ""]).validated()
    #expect(none.endpoints.kubernetes?.namespace == nil && none.endpoints.kubernetes?.kubeconfig == nil)
  }

  @Test(arguments: [
    (
      ["--pool-name=a", "--endpoint-selector=app=x", "--endpoint-target-ports=1"],
      "--pool-name and --endpoint-selector both say which pods are engines: give one of them"
    ),
    (
      ["--endpoint=10.0.0.1:8000", "--endpoint-selector=app=x", "--endpoint-target-ports=1"],
      "--endpoint-selector: engines are named by --endpoint or a file too: give one of them"
    ),
    (
      ["--endpoint-selector=app=x"],
      "--endpoint-selector needs --endpoint-target-ports: the ports on which its pods serve, such as 8000"
    ),
    (
      ["--endpoint-selector=app in x", "--endpoint-target-ports=1"],
      "--endpoint-selector: label selector 'app in x': '(' is missing before a list of values"
    ),
    (
      ["--endpoint-selector=app", "--endpoint-target-ports=http,1"],
      "--endpoint-target-ports: 'http' is not a port (1 to 65535)"
    ),
    (
      ["--endpoint-selector=app", "--endpoint-target-ports=80,0"],
      "--endpoint-target-ports: '0' is not a port (1 to 65535)"
    ),
    (["--endpoint-selector=app", "--endpoint-target-ports=80,80"], "--endpoint-target-ports: 80 is given twice"),
    (
      ["--endpoint-selector=app", "--endpoint-target-ports=1,2,3,4,5,6,7,8,9"],
      "--endpoint-target-ports: 9 ports are given; a pod has at most 8"
    ),
    (
      ["--pool-name=a", "--pool-group=inference.networking.k8s.i"],
      "--pool-group: 'inference.networking.k8s.i' is none of inference.networking.k8s.io, "
        + "inference.networking.x-k8s.io; did you mean 'inference.networking.k8s.io'?"
    ),
  ])
  func whatCannotBeIsExplained(arguments: [String], problem: String) {
    #expect(flags.problems(arguments) == [problem])
  }

  @Test func theLeaseIsCalledAfterThePoolOrTheDeployment() throws {
    #expect(try flags.validated("--pool-name=chat").endpoints.kubernetes?.election == nil)
    let environment = ["POD_NAME": "vllm-epp-7d9f8b6c5-x2x4z"]
    let pool = try FlagsUnderTest(common: ["--pool-name=chat"], environment: environment)
      .validated("--ha-enable-leader-election").endpoints.kubernetes?.election
    #expect(pool?.leaseName(namespace: "models") == "epp-models-chat.llm-d.ai")
    #expect(pool?.pod == "vllm-epp-7d9f8b6c5-x2x4z")
    let pods = ["--endpoint-selector=app=x", "--endpoint-target-ports=1", "--ha-enable-leader-election=true"]
    let selected = try FlagsUnderTest(common: pods, environment: environment).validated().endpoints.kubernetes?.election
    #expect(selected?.leaseName(namespace: "models") == "epp-models-vllm-epp.llm-d.ai")
    #expect(
      flags.problems(pods) == [
        "--ha-enable-leader-election with --endpoint-selector needs the variable POD_NAME with the name of the pod: the "
          + "lease is named after its Deployment"
      ])
    let alone = try FlagsUnderTest().validated("--ha-enable-leader-election")
    #expect(
      alone.warnings == [
        "--ha-enable-leader-election has no effect without --pool-name or --endpoint-selector alone: this process leads"
      ])
  }

  @Test func metricsWantATokenWhereThereIsAnAPIServer() throws {
    #expect(try flags.validated("--pool-name=a").observability.authenticates)
    #expect(try !flags.validated("--pool-name=a", "--metrics-endpoint-auth=false").observability.authenticates)
    let alone = try FlagsUnderTest().validated("--metrics-endpoint-auth=true")
    #expect(!alone.observability.authenticates)
    #expect(
      alone.warnings == [
        "--metrics-endpoint-auth has no effect without --pool-name or --endpoint-selector alone: no API server reviews tokens; let "
          + "only monitoring reach --metrics-port"
      ])
    #expect(try FlagsUnderTest().validated().warnings.isEmpty)
  }

  /// A configuration file that is broken may have named endpoints: only that it is broken is reported.
  @Test func aBrokenFileIsTheOnlyProblem() {
    for arguments in [[], ["--pool-name=chat"]] {
      let broken = FlagsUnderTest(common: [], files: ["epp.yaml": "["]).problems(["--config-file=epp.yaml"] + arguments)
      #expect(broken.count == 1 && broken.first?.contains("not YAML") == true)
    }
  }
}
