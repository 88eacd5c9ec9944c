import ArgumentParser
import EPPConfiguration
import EPPScheduling

/// Flags as `epp serve` reads them.
struct FlagsUnderTest {
  private struct NoFile: Error, CustomStringConvertible { let description = "it does not exist" }

  /// Arguments of every command line, before those of a test.
  var common = ["--endpoint=10.0.0.1:8000"]
  /// Texts of files by their paths.
  var files: [String: String] = [:]
  var plugins = PluginList.standard
  var environment: [String: String] = [:]

  /// The configuration that a command line makes on a machine of three cores.
  func validated(_ arguments: String...) throws -> ServeConfiguration { try validated(arguments) }

  func validated(_ arguments: [String]) throws -> ServeConfiguration {
    let flags = try ServeFlags.parse(FlagSpelling.normalised(common + arguments).arguments)
    return try flags.validated(cores: 3, environment: environment, plugins: plugins) { path in
      guard let text = files[path] else { throw NoFile() }
      return text
    }
  }

  /// What is wrong with a command line; nothing where it is good.
  func problems(_ arguments: String...) -> [String] { problems(arguments) }

  func problems(_ arguments: [String]) -> [String] { refusal(arguments).lines }

  /// The same, and what the process ends with.
  func refusal(_ arguments: String...) -> (lines: [String], status: Int32) { refusal(arguments) }

  private func refusal(_ arguments: [String]) -> (lines: [String], status: Int32) {
    do {
      _ = try validated(arguments)
      return ([], 0)
    } catch let error as ConfigurationProblems {
      return (error.problems.map(\.description), error.exitStatus)
    } catch {
      return (["\(error)"], -1)
    }
  }
}
