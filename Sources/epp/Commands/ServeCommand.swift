import ArgumentParser
import EPPCertificates
import EPPConfiguration
import EPPGRPCServer
import EPPObservability
import EPPProcess
import FoundationEssentials
import Glibc

/// The command `epp serve`.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves ext_proc, health and metrics (the default).",
    discussion: """
      Two engines, plain text to a gateway on the same machine:
        epp --endpoint gpu-a:8000 --endpoint gpu-b:8000 --secure-serving=false

      Engines from a file that may change, a configuration file of llm-d's, and a \
      line for every request:
        epp --endpoints-file endpoints.yaml --config-file epp.yaml -v 3

      Engines whose own KV events say what they have cached:
        epp --endpoint gpu-a:8000 --endpoint gpu-b:8000 --kv-events-port 5557 --kv-replay-port 5558

      The pods of an InferencePool, in a pod whose service account may list and watch both:
        epp --pool-name chat --pool-namespace models

      Flags have the names and defaults of llm-d's endpoint picker; where a default differs, its help says so. Booleans \
      are written as there: --flag, --flag=true, --flag=false. `--help-hidden` adds the flags that are taken for its sake \
      and have no effect.
      """)

  @OptionGroup var flags: ServeFlags

  func run() throws {
    // Before any other thread is started, which would not block the signals.
    let signals = ProcessSignals()
    let environment = ProcessInfo.processInfo.environment
    let configuration = try validatedConfiguration(environment)
    let flags = flags
    let read: @Sendable (String) throws(ConfigurationProblems) -> ServeConfiguration = {
      text throws(ConfigurationProblems) in
      try flags.validated(cores: ProcessorCount.available(), environment: environment, readFile: { _ in text })
    }
    Task.detached {
      do {
        let server = try Server(
          configuration, arguments: Array(CommandLine.arguments.dropFirst()), environment: environment, read: read)
        try await server.run(until: signals)
        ServeCommand.exit()
      } catch let error
        where error is ServerError || error is ObservabilityServerError || error is AdminServerError
        || error is CertificateProblem || error is ServerCertificate.Problem || error is SigningKeyFiles.Problem
      {
        StandardError.write("epp: \(error)\n")
        ServeCommand.exit(withError: ExitCode(1))
      } catch {
        ServeCommand.exit(withError: error)
      }
    }
    signals.forward()
  }

  private func validatedConfiguration(_ environment: [String: String]) throws -> ServeConfiguration {
    do {
      return try flags.validated(
        cores: ProcessorCount.available(), environment: environment, readFile: TextFile.read)
    } catch {
      for problem in error.problems { StandardError.write("epp: \(problem)\n") }
      throw ExitCode(error.exitStatus)
    }
  }
}
