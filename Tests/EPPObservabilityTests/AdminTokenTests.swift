import EPPObservability
import Glibc
import Testing

@Suite struct AdminTokenTests {
  @Test func tokensAreRandomHexadecimalDigits() {
    let tokens = (0..<100).map { _ in AdminToken() }
    #expect(Set(tokens.map(\.text)).count == 100)
    for token in tokens {
      #expect(token.text.utf8.count == 64 && token.text.allSatisfy { "0123456789abcdef".contains($0) })
      #expect(AdminToken(token.text) == token)
    }
    // Every place takes every digit: none of them is fixed.
    for place in 0..<64 { #expect(Set(tokens.map { Array($0.text)[place] }).count > 8) }
  }

  @Test(arguments: [
    "", "0", String(repeating: "a", count: 63), String(repeating: "a", count: 65),
    String(repeating: "A", count: 64), String(repeating: "a", count: 63) + "g", String(repeating: "ä", count: 32),
  ])
  func otherTextsAreNoTokens(_ text: String) { #expect(AdminToken(text) == nil) }

  @Test func aTokenIsEqualToItselfAlone() throws {
    let token = try #require(AdminToken(String(repeating: "0a", count: 32)))
    #expect(token.isEqual(to: token.text))
    for place in 0..<64 {
      var digits = Array(token.text)
      digits[place] = "f"
      #expect(!token.isEqual(to: String(digits)))
    }
    for text in ["", "0", String(token.text.dropLast()), token.text + "0", token.text.uppercased()] {
      #expect(!token.isEqual(to: text))
    }
  }
}

@Suite struct AdminTokenFileTests {
  /// A folder that is removed with its contents.
  private final class Folder {
    let path: String

    init() throws {
      path = "/tmp/epp-token-\(getpid())-\(UInt64.random(in: 0 ... .max))"
      try unsafe #require(mkdir(path, 0o700) == 0)
    }

    deinit {
      for name in ["token", "other"] { _ = unsafe unlink("\(path)/\(name)") }
      _ = unsafe rmdir(path)
    }

    subscript(name: String) -> String { "\(path)/\(name)" }

    func write(_ text: String, _ name: String, mode: mode_t = 0o600) {
      let file = unsafe open(self[name], O_WRONLY | O_CREAT | O_TRUNC, mode)
      _ = unsafe Glibc.write(file, text, text.utf8.count)
      fchmod(file, mode)
      close(file)
    }

    func mode(_ name: String) -> mode_t? {
      var status = stat()
      return unsafe lstat(self[name], &status) == 0 ? status.st_mode & 0o7777 : nil
    }
  }

  private func problem(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  @Test func theFileIsForItsUserAloneAndGoesAtTheEnd() throws {
    let folder = try Folder()
    let token = AdminToken()
    let before = umask(0)
    defer { umask(before) }
    let file = try AdminTokenFile(path: folder["token"], token: token)
    #expect(folder.mode("token") == 0o600)
    #expect(try AdminTokenFile.read(folder["token"]) == token)
    file.remove()
    #expect(folder.mode("token") == nil)
    file.remove()
  }

  @Test func theFileOfAProcessThatEndedIsReplacedAndThatOfARunningOneIsNot() throws {
    let folder = try Folder()
    folder.write(AdminToken().text + "\n", "token")
    let token = AdminToken()
    let first = try AdminTokenFile(path: folder["token"], token: token)
    #expect(try AdminTokenFile.read(folder["token"]) == token)
    let said = problem { _ = try AdminTokenFile(path: folder["token"], token: AdminToken()) }
    #expect(said.contains("of another running process"))
    #expect(try AdminTokenFile.read(folder["token"]) == token)
    first.remove()
    folder.write("", "token")
    try AdminTokenFile(path: folder["token"], token: token).remove()
    #expect(folder.mode("token") == nil)
  }

  @Test func aFileThatIsNotTheProcesssOwnIsLeft() throws {
    let folder = try Folder()
    let file = try AdminTokenFile(path: folder["token"], token: AdminToken())
    _ = unsafe unlink(folder["token"])
    folder.write("something\n", "token")
    file.remove()
    #expect(folder.mode("token") == 0o600)
  }

  @Test func symbolicLinksAreNotFollowed() throws {
    let folder = try Folder()
    let token = AdminToken()
    folder.write(token.text + "\n", "other")
    #expect(unsafe symlink(folder["other"], folder["token"]) == 0)
    #expect(problem { _ = try AdminTokenFile(path: folder["token"], token: AdminToken()) }.contains("symbolic link"))
    #expect(problem { _ = try AdminTokenFile.read(folder["token"]) }.contains("symbolic link"))
    #expect(try AdminTokenFile.read(folder["other"]) == token)
  }

  @Test func whatIsNoTokenIsNeitherReplacedNorRead() throws {
    let folder = try Folder()
    for text in ["my diary\n", AdminToken().text, AdminToken().text + "\nmore\n"] {
      folder.write(text, "token")
      #expect(problem { _ = try AdminTokenFile(path: folder["token"], token: AdminToken()) }.contains("something else"))
      #expect(problem { _ = try AdminTokenFile.read(folder["token"]) }.contains("no admin token"))
    }
    #expect(problem { _ = try AdminTokenFile.read(folder.path) }.contains("no file"))
    let absent = #expect(throws: AdminTokenProblem.self) { _ = try AdminTokenFile.read(folder["other"]) }
    #expect(absent?.isAbsence == true)
    let nowhere = #expect(throws: AdminTokenProblem.self) {
      _ = try AdminTokenFile(path: folder["no/token"], token: AdminToken())
    }
    #expect(nowhere?.description.contains("No such file") == true)
  }

  @Test(arguments: [0o640, 0o604, 0o620, 0o666] as [mode_t]) func aFileThatOthersMayOpenIsRefused(_ mode: mode_t) throws
  {
    let folder = try Folder()
    folder.write(AdminToken().text + "\n", "token", mode: mode)
    #expect(problem { _ = try AdminTokenFile.read(folder["token"]) }.contains("0600"))
    #expect(problem { _ = try AdminTokenFile(path: folder["token"], token: AdminToken()) }.contains("0600"))
  }

  @Test(.enabled(if: geteuid() == 0)) func aFileOfAnotherUserIsRefused() throws {
    let folder = try Folder()
    folder.write(AdminToken().text + "\n", "token")
    #expect(unsafe chown(folder["token"], 4321, 4321) == 0)
    #expect(problem { _ = try AdminTokenFile.read(folder["token"]) }.contains("another user (4321)"))
    #expect(
      problem { _ = try AdminTokenFile(path: folder["token"], token: AdminToken()) }.contains("another user (4321)"))
  }

  @Test func theDefaultPathIsInTheUsersFolder() {
    #expect(AdminTokenFile.defaultPath(port: 9091, environment: [:]) == "/tmp/epp-admin-9091.token")
    #expect(AdminTokenFile.defaultPath(port: 1, environment: ["TMPDIR": "/t/"]) == "/t/epp-admin-1.token")
    let both = ["TMPDIR": "/t", "XDG_RUNTIME_DIR": "/run/user/7"]
    #expect(AdminTokenFile.defaultPath(port: 1, environment: both) == "/run/user/7/epp-admin-1.token")
    let useless = ["TMPDIR": "", "XDG_RUNTIME_DIR": "relative"]
    #expect(AdminTokenFile.defaultPath(port: 1, environment: useless) == "/tmp/epp-admin-1.token")
  }
}
