import ArgumentParser
import EPPConfiguration
import EPPDataLayer
import EPPProcess

/// The command `epp migrate`.
struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Writes a configuration file, or arguments, in the newest form of llm-d's.",
    discussion: """
      Prints the file to standard output, and what changed to standard error. The new file makes the same decisions. Comments \
      are not kept, except those at the top. A ConfigMap with the file is taken too.

        epp migrate epp.yaml > new.yaml
        epp migrate --args -- --poolName vllm --grpcPort 9002 -v4

      Older files and arguments work unchanged; a warning at the start says what is old in them. Exits with 78 for a file \
      that cannot be used.
      """)

  @Argument(help: "The file (YAML or JSON); - is standard input.")
  var file: String?
  @Flag(help: "Write the arguments behind -- instead, one in a line, as a YAML list.")
  var args = false
  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Arguments of the endpoint picker, with --args.", valueName: "argument"))
  var arguments: [String] = []

  func validate() throws {
    guard args != (file != nil) else {
      throw ValidationError(
        args ? "--args takes the arguments behind --, and no file" : "give a file, or --args and arguments behind --")
    }
    if !args, !arguments.isEmpty { throw ValidationError("arguments behind -- need --args") }
  }

  func run() throws {
    guard let file else {
      let migration: ArgumentMigration
      do {
        migration = try ArgumentMigration(arguments)
      } catch {
        throw ValidationError(ServeCommand.message(for: error))
      }
      Self.write(migration.changes)
      for argument in migration.arguments { print("- \(Self.quoted(argument))") }
      return
    }
    let name = file == "-" ? "standard input" : file
    do {
      let text = try file == "-" ? TextFile.readStandardInput() : TextFile.read(file)
      let migration = try ConfigurationMigration.migrate(text, file: name)
      Self.write(migration.changes)
      print(migration.text, terminator: "")
    } catch let problem as FileProblem {
      StandardError.write("\(name): \(problem)\n")
      throw ExitCode(78)
    } catch {
      StandardError.write("\(error)\n")
      throw ExitCode(78)
    }
  }

  private static func write(_ changes: [String]) {
    if changes.isEmpty { StandardError.write("nothing has to change\n") }
    for change in changes { StandardError.write("\(change)\n") }
  }

  /// An argument in double quotes, as YAML and JSON have them.
  private static func quoted(_ argument: String) -> String {
    "\"" + argument.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}
