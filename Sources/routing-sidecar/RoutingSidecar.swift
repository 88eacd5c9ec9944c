import ArgumentParser
import EPPCertificates
import EPPConfiguration
import EPPObservability
import EPPProcess
import FoundationEssentials

/// The command `routing-sidecar`.
@main
struct RoutingSidecar: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "routing-sidecar",
    abstract:
      "Stands before a model server, and has prompts computed by prefill engines where the endpoint picker says so.",
    discussion: """
      Requests pass to the model server as they come, and its answers to the client. A request with the header \
      x-prefiller-host-port, which the endpoint picker sets, is sent to that engine first, and then to the model server, which takes \
      the KV cache of the prompt from there.

      Before vLLM on port 8200, with vLLM's NixlConnector:
        routing-sidecar --port=8000 --model-server-port=8200 --kv-connector=nixlv2 --secure-serving=false

      Only pods of one network may be named as prefill engines, and metrics are on their own port:
        routing-sidecar --allow-cidr 10.128.0.0/14 --metrics-port 9464

      /livez and /startupz answer as soon as the process listens, /readyz and /health when the model server is well.

      Flags have the names and defaults of llm-d's sidecar; --vllm-port and --secure-proxy are taken as well. Booleans are written as \
      there: --flag, --flag=true, --flag=false. `--help-hidden` adds the flags that are taken for its sake and have no effect. Exit \
      status: 0 after SIGTERM; 1 where it cannot start; 64 for flags that make no sense; 78 for a configuration file that is wrong.
      """,
    version: Version.current)

  @OptionGroup var flags: SidecarFlags

  static func main() {
    do {
      let given = try SidecarArguments(CommandLine.arguments.dropFirst(), readFile: TextFile.read)
      var command = try parseAsRoot(given.arguments)
      for warning in given.warnings { StandardError.write("routing-sidecar: \(warning)\n") }
      try command.run()
    } catch let problems as ConfigurationProblems {
      for problem in problems.problems { StandardError.write("routing-sidecar: \(problem)\n") }
      exit(withError: ExitCode(problems.exitStatus))
    } catch {
      // One line: the usage that the library adds would hide what is wrong, and `--help` is where it is expected.
      let message = message(for: error)
      guard exitCode(for: error) == .validationFailure, !message.isEmpty else { exit(withError: error) }
      StandardError.write("routing-sidecar: \(message); see 'routing-sidecar --help'\n")
      exit(withError: ExitCode.validationFailure)
    }
  }

  func run() throws {
    // Before any other thread is started, which would not block the signals.
    let signals = ProcessSignals()
    let environment = ProcessInfo.processInfo.environment
    let configuration = try flags.validated(cores: ProcessorCount.available(), environment: environment)
    Task.detached {
      do {
        try await Sidecar(configuration, environment: environment).run(until: signals)
        RoutingSidecar.exit()
      } catch let error
        where error is SidecarError || error is CertificateProblem || error is ServerCertificate.Problem
        || error is ObservabilityServerError || error is SigningKeyFiles.Problem
      {
        StandardError.write("routing-sidecar: \(error)\n")
        RoutingSidecar.exit(withError: ExitCode(1))
      } catch {
        RoutingSidecar.exit(withError: error)
      }
    }
    signals.forward()
  }
}

/// Why the sidecar cannot start, in one line for the operator.
struct SidecarError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
