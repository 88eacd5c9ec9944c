import ArgumentParser
import EPPConfiguration
import EPPScheduling

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Checks an EndpointPickerConfig file and says all that is wrong with it.",
    discussion: "Exits with 0 when the file is good and with 78 when it is not.")

  @Argument(help: "The file (YAML or JSON).")
  var file: String

  func run() throws {
    let text: String
    do {
      text = try TextFile.read(file)
    } catch {
      StandardError.write("epp: cannot read \(file)\n")
      throw ExitCode(66)
    }
    do {
      let configuration = try PickerConfigurationReader.read(text, file: file)
      let scorers = configuration.profile.scorers.map { "\($0.name)=\($0.weight)" }
      print("ok: profile \(configuration.profile.name): \(scorers.joined(separator: ", ")); \(configuration.profile.picker.type.rawValue)")
      for note in configuration.notes { print("note: \(note)") }
    } catch {
      StandardError.write("\(error)\n")
      throw ExitCode(78)
    }
  }
}
