import ArgumentParser
import EPPConfiguration
import EPPDataLayer
import EPPProcess

/// The command `epp validate`.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Checks an EndpointPickerConfig file and says all that is wrong with it.",
    discussion: """
      Prints 'ok', what the file makes and what of it has no effect, and exits with 0; or prints every problem as \
      file:line:column and exits with 78.

        epp validate epp.yaml
        kubectl get configmap epp -o jsonpath='{.data.config\\.yaml}' | epp validate -
      """)

  @Argument(help: "The file (YAML or JSON); - is standard input.")
  var file: String

  func run() throws {
    let name = file == "-" ? "standard input" : file
    let text: String
    do throws(FileProblem) {
      text = try file == "-" ? TextFile.readStandardInput() : TextFile.read(file)
    } catch {
      StandardError.write("\(name): \(error)\n")
      throw ExitCode(78)
    }
    do {
      print(try PickerConfigurationReader.read(text, file: name).summary)
    } catch {
      StandardError.write("\(error)\n")
      throw ExitCode(78)
    }
  }
}
