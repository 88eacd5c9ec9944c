import AsyncHTTPClient
import EPPConfiguration
import EPPObservability
import EPPScheduling
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1

/// Asks the admin server of a running process. Blocks the thread.
struct AdminClient {
  /// Bytes of an answer at most.
  private static let maximumAnswerBytes = 1 << 20

  /// Where the server listens.
  let address: AdminSettings.Address
  /// The file of its token; nil for the default path.
  let tokenFile: String?

  /// Reads a document.
  func get<Document: Decodable>(_ path: String) throws(AdminClientProblem) -> Document {
    try decoded(try send(.GET, path, body: nil, token: nil))
  }

  /// Has something done, with the token.
  func post<Document: Decodable>(_ path: String, _ body: some Encodable) throws(AdminClientProblem) -> Document {
    let tokenPath =
      tokenFile
      ?? AdminTokenFile.defaultPath(port: address.port, environment: ProcessInfo.processInfo.environment)
    let token: AdminToken
    do throws(AdminTokenProblem) { token = try AdminTokenFile.read(tokenPath) } catch {
      throw problem(of: error, tokenPath)
    }
    guard let content = try? JSONEncoder().encode(body) else {
      throw AdminClientProblem("the request has no JSON form")
    }
    let answer = try send(.POST, path, body: content, token: token)
    if answer.status == .unauthorized {
      throw AdminClientProblem(
        "the token in \(tokenPath) is another process's than that on \(address): name the file of that one with "
          + "--admin-token-file (it answered: \(answer.text))")
    }
    return try decoded(answer)
  }

  private func problem(of error: AdminTokenProblem, _ path: String) -> AdminClientProblem {
    guard error.isAbsence else { return AdminClientProblem("the token of changes cannot be read: \(error)") }
    if let problem = absence() { return problem }
    return AdminClientProblem(
      "there is no \(path), where the process on \(address) would have the token of changes: run this as the same user with the "
        + "same XDG_RUNTIME_DIR and TMPDIR, or name the file with --admin-token-file")
  }

  /// Returns the problem of an address on which nothing listens; nil when something does.
  private func absence() -> AdminClientProblem? {
    do throws(AdminClientProblem) {
      _ = try send(.GET, "/", body: nil, token: nil)
      return nil
    } catch {
      return error
    }
  }

  private struct Answer {
    var status: HTTPResponseStatus
    var body: [UInt8]

    /// The body's first line.
    var text: String { String(decoding: body.prefix { $0 != 0x0A }.prefix(500), as: UTF8.self) }
  }

  private func decoded<Document: Decodable>(_ answer: Answer) throws(AdminClientProblem) -> Document {
    if answer.status == .badRequest,
      let problem = try? JSONDecoder().decode(WeightProblem.self, from: Data(answer.body))
    {
      throw AdminClientProblem(lines: problem.problems)
    }
    if answer.status == .forbidden { throw AdminClientProblem("\(address) refuses: \(answer.text)") }
    guard answer.status == .ok, let document = try? JSONDecoder().decode(Document.self, from: Data(answer.body)) else {
      throw AdminClientProblem(
        "what listens on \(address) is no epp of this version: it answered \(answer.status.code); name the address that 'epp "
          + "serve' printed with --admin-address")
    }
    return document
  }

  /// Returns whether an error says that nothing listens, or can be reached, at an address.
  private static func isAbsence(_ error: any Error) -> Bool {
    if error as? HTTPClientError == .connectTimeout { return true }
    let codes = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL]
    return (error as? IOError).map { codes.contains($0.errnoCode) } ?? false
  }

  private func send(
    _ method: HTTPMethod, _ path: String, body: Data?, token: AdminToken?
  ) throws(AdminClientProblem) -> Answer {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.timeout = .init(connect: .seconds(5), read: .seconds(10))
    // A connection that is refused stays so.
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    defer { try? client.syncShutdown() }
    var headers = HTTPHeaders()
    if let token { headers.add(name: "authorization", value: "Bearer \(token.text)") }
    do {
      let request = try HTTPClient.Request(
        url: "http://\(address)\(path)", method: method, headers: headers, body: body.map { .bytes($0) })
      let accumulator = ResponseAccumulator(request: request, maxBodySize: Self.maximumAnswerBytes)
      let answer = try client.execute(request: request, delegate: accumulator).wait()
      return Answer(status: answer.status, body: answer.body.map { Array($0.readableBytesView) } ?? [])
    } catch {
      throw AdminClientProblem(
        Self.isAbsence(error)
          ? "nothing listens on \(address): start 'epp serve', or name the address that it printed (admin on ...) with "
            + "--admin-address" : "what listens on \(address) does not answer as an epp would: \(error)")
    }
  }
}

/// Why a running process could not be asked, or what it refused.
struct AdminClientProblem: Error {
  /// One sentence for each.
  let lines: [String]

  init(_ line: String) { lines = [line] }

  init(lines: [String]) { self.lines = lines }
}
