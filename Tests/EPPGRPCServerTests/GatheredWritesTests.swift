import CGRPCShim
import EPPTestKit
import Glibc
import Synchronization
import Testing

/// What is kept on a thread belongs to the thread, so every test is synchronous and pushes before it ends.
@Suite struct GatheredWritesTests {
  @Test func theCoreOfThisMachineCanGather() {
    let obstacle = epp_writes_obstacle().map { String(cString: $0) }
    #expect(obstacle == nil)
    #expect(epp_writes_held() == 0)
  }

  @Test func keptMessagesArriveTogetherWhenTheyArePushed() {
    let pair = SocketPair()
    epp_writes_hold(true)
    for text in ["one ", "two ", "three"] { #expect(pair.send(Array(text.utf8)) == text.utf8.count) }
    #expect(pair.readAvailable().isEmpty)
    #expect(epp_writes_held() == 1)
    epp_writes_hold(false)
    let pushed = epp_writes_push()
    #expect(pushed.kept == 3 && pushed.saved == 2 && pushed.stalled == 0)
    #expect(pair.readAvailable() == Array("one two three".utf8))
    #expect(epp_writes_held() == 0)
  }

  @Test func aMessageThatIsNotKeptTakesAlongWhatIs() {
    let pair = SocketPair()
    epp_writes_hold(true)
    _ = pair.send([1])
    epp_writes_hold(false)
    #expect(pair.send([2]) == 1)
    #expect(pair.readAvailable() == [1, 2])
    let pushed = epp_writes_push()
    #expect(pushed.kept == 1 && pushed.saved == 1)
  }

  @Test func anotherThreadSendsWhatThisOneKeptFirst() {
    let pair = SocketPair()
    epp_writes_hold(true)
    _ = pair.send([1])
    OtherThread.run { _ = pair.send([2]) }
    #expect(pair.readAvailable() == [1, 2])
    _ = pair.send([3])
    epp_writes_hold(false)
    _ = epp_writes_push()
    #expect(pair.readAvailable() == [3])
  }

  @Test func aShutDownSocketHasSentWhatWasKeptAndKeepsNoMore() {
    let pair = SocketPair()
    epp_writes_hold(true)
    _ = pair.send([1])
    // From whatever thread it comes.
    OtherThread.run { shutdown(pair.local, Int32(SHUT_WR)) }
    #expect(pair.readAvailable() == [1])
    #expect(pair.send([2]) == -1)
    #expect(errno == EPIPE)
    epp_writes_hold(false)
    #expect(epp_writes_push().stalled == 0)
  }

  @Test func aNumberThatAnotherConnectionHasIsKeptForAgain() {
    let first = SocketPair()
    epp_writes_hold(true)
    _ = first.send([1])
    shutdown(first.local, Int32(SHUT_RDWR))
    let second = SocketPair()
    // The new connection under the old number, as the kernel gives it after a close.
    #expect(dup2(second.local, first.local) == first.local)
    let reused = SocketPair(local: first.local, peer: second.peer)
    #expect(reused.send([7]) == 1)
    #expect(second.readAvailable().isEmpty)
    epp_writes_hold(false)
    _ = epp_writes_push()
    #expect(second.readAvailable() == [7])
    #expect(first.readAvailable() == [1])
  }

  @Test func aFullSocketKeepsOneBufferAndGoesOnWhenThePeerReads() {
    let pair = SocketPair(sendBufferBytes: 4096)
    var sent: [UInt8] = []
    var value: UInt8 = 0
    /// Sends until the socket takes no more; false when it never stops taking.
    func fill() -> Bool {
      for _ in 0..<10_000 {
        value &+= 1
        let message = [UInt8](repeating: value, count: 1000)
        let count = pair.send(message)
        if count < 0 { return errno == EAGAIN }
        sent += message.prefix(count)
      }
      return false
    }
    epp_writes_hold(true)
    defer { epp_writes_hold(false) }
    #expect(fill())
    #expect(epp_writes_push().stalled == 1)
    // Nothing more is taken: the kernel is full, and what is kept is not sent yet.
    #expect(fill())
    #expect(epp_writes_held() == 1)
    var received = pair.readAvailable()
    while epp_writes_push().stalled > 0 { received += pair.readAvailable() }
    received += pair.readAvailable()
    #expect(received == sent)
    #expect(pair.send([1]) == 1)
    _ = epp_writes_push()
    #expect(pair.readAvailable() == [1])
  }

  /// The only place in which a worker blocks.
  @Test func aWorkerThatWaitsHasSentWhatItKept() {
    let queue = epp_queue_create(true)
    defer { finish(queue) }
    let pair = SocketPair()
    epp_writes_hold(true)
    _ = pair.send([1, 2])
    let event = epp_queue_next(queue, epp_monotonic_now())
    #expect(event.kind == EPP_EVENT_TIMEOUT)
    #expect(!event.waited_while_holding)
    #expect(pair.readAvailable() == [1, 2])
    #expect(epp_writes_held() == 0)
  }

  @Test func aWorkerThatParksHasSentWhatItKept() {
    let queue = epp_queue_create(true)
    defer { finish(queue) }
    let pair = SocketPair()
    epp_writes_hold(true)
    _ = pair.send([1])
    // Lets it pass at once.
    epp_queue_unpark(queue)
    epp_queue_park(queue)
    #expect(pair.readAvailable() == [1])
    #expect(epp_writes_held() == 0)
  }

  private func finish(_ queue: OpaquePointer) {
    epp_queue_shutdown(queue)
    while epp_queue_next(queue, .max).kind != EPP_EVENT_SHUTDOWN {}
    epp_queue_destroy(queue)
  }

  @Test func aPeerThatIsGoneIsForgotten() {
    let pair = SocketPair()
    epp_writes_hold(true)
    _ = pair.send([1])
    close(pair.peer)
    epp_writes_hold(false)
    #expect(epp_writes_push().stalled == 0)
    #expect(epp_writes_held() == 0)
  }

  /// gRPC reads what came before a reset, and waits for the next event of the socket, which the reset has had already: it would
  /// hear of it by a write that fails, and a kept one does not.
  @Test func aConnectionThatFailsWhenItIsPushedWakesItsReader() throws {
    let pair = try #require(SocketPair(tcp: ()))
    // Its number may have been that of a connection that was shut down: it is trusted from now on.
    epp_writes_hold(true)
    #expect(pair.send([0]) == 1)
    epp_writes_hold(false)
    _ = epp_writes_push()
    let poll = try #require(EdgeTriggeredPoll(pair.local))
    var byte: UInt8 = 1
    #expect(Glibc.send(pair.peer, &byte, 1, 0) == 1)
    pair.resetPeer()
    #expect(poll.hasEvent(within: 1000))
    #expect(recv(pair.local, &byte, 1, Int32(MSG_DONTWAIT)) == 1)
    #expect(!poll.hasEvent(within: 0))
    epp_writes_hold(true)
    #expect(pair.send([1]) == 1)
    epp_writes_hold(false)
    #expect(epp_writes_push().stalled == 0)
    #expect(poll.hasEvent(within: 1000))
    #expect(recv(pair.local, &byte, 1, Int32(MSG_DONTWAIT)) <= 0)
  }

  /// Any order of kept and direct messages of any size, on several sockets, with pushes in between: every socket receives its
  /// bytes once and in order.
  @Test(arguments: 0..<20) func nothingIsLostOrOutOfOrder(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let pairs = (0..<5).map { _ in SocketPair(sendBufferBytes: 16_384) }
    var sent = [[UInt8]](repeating: [], count: pairs.count)
    var received = sent
    var holds = false
    for _ in 0..<150 {
      let index = Int.random(in: pairs.indices, using: &generator)
      switch Int.random(in: 0..<10, using: &generator) {
      case 0: _ = epp_writes_push()
      case 1, 2:
        holds.toggle()
        epp_writes_hold(holds)
      case 3: received[index] += pairs[index].readAvailable()
      default:
        let size = Bool.random(using: &generator) ? 1...200 : 1...70_000
        let first = sent[index].count
        let message = (0..<Int.random(in: size, using: &generator)).map { UInt8(truncatingIfNeeded: first &+ $0) }
        let count = pairs[index].send(message, cutInto: Int.random(in: 1...4, using: &generator))
        sent[index] += message.prefix(max(0, count))
        #expect(count >= 0 || errno == EAGAIN)
      }
    }
    epp_writes_hold(false)
    while epp_writes_push().stalled > 0 {
      for index in pairs.indices { received[index] += pairs[index].readAvailable() }
    }
    for index in pairs.indices { received[index] += pairs[index].readAvailable() }
    #expect(received == sent)
  }
}

/// Two ends of a local connection, closed at the end.
private final class SocketPair: Sendable {
  let local: Int32
  let peer: Int32
  private let isOwner: Bool

  init(sendBufferBytes: Int32? = nil) {
    var ends: [Int32] = [-1, -1]
    precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK, 0, &ends) == 0)
    local = ends[0]
    peer = ends[1]
    isOwner = true
    if var bytes = sendBufferBytes {
      setsockopt(local, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  /// A TCP connection over loopback; nil when there is none to be had.
  init?(tcp: Void) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    peer = client
    isOwner = true
    local = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard bind(listener, address, size) == 0, listen(listener, 1) == 0, getsockname(listener, address, &size) == 0
        else {
          return -1
        }
        return connect(client, address, size) == 0 ? accept(listener, nil, nil) : -1
      }
    }
    guard local >= 0 else { return nil }
    _ = fcntl(local, F_SETFL, O_NONBLOCK)
  }

  /// Closes the peer so that what it has sent stays, with a reset behind it.
  func resetPeer() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    // A new socket under the number closes the connection, and `deinit` has something to close.
    let other = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    dup2(other, peer)
    close(other)
  }

  init(local: Int32, peer: Int32) {
    self.local = local
    self.peer = peer
    isOwner = false
  }

  deinit {
    guard isOwner else { return }
    close(local)
    close(peer)
  }

  /// What `sendmsg` answers, with the bytes in so many pieces.
  func send(_ bytes: [UInt8], cutInto pieceCount: Int = 1) -> Int {
    var bytes = bytes
    return bytes.withUnsafeMutableBytes { buffer in
      var pieces: [iovec] = []
      let size = max(1, buffer.count / pieceCount)
      var start = 0
      while start < buffer.count {
        let end = pieces.count == pieceCount - 1 ? buffer.count : min(buffer.count, start + size)
        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<end])
        pieces.append(iovec(iov_base: piece.baseAddress, iov_len: piece.count))
        start = end
      }
      return pieces.withUnsafeMutableBufferPointer { pieces in
        var message = msghdr()
        message.msg_iov = pieces.baseAddress
        message.msg_iovlen = pieces.count
        return sendmsg(local, &message, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
    }
  }

  /// What the peer can read without waiting.
  func readAvailable() -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(peer, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return result }
      result += buffer.prefix(count)
    }
  }
}

/// A thread that runs one function to its end.
private enum OtherThread {
  static func run(_ body: @Sendable () -> Void) {
    withoutActuallyEscaping(body) { body in
      let box = Unmanaged.passRetained(Box(body))
      var thread = pthread_t()
      let error = pthread_create(&thread, nil, Self.start, box.toOpaque())
      precondition(error == 0)
      pthread_join(thread, nil)
    }
  }

  private static let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
    guard let argument else { return nil }
    Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
    return nil
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

/// Linux's edge-triggered epoll on one socket, as the gRPC core uses it. Swift's Glibc module has no epoll.
private final class EdgeTriggeredPoll {
  private let descriptor: Int32
  private let wait: @convention(c) (Int32, UnsafeMutableRawPointer, Int32, Int32) -> Int32

  init?(_ socket: Int32) {
    let process = dlopen(nil, RTLD_NOW)
    guard let create = dlsym(process, "epoll_create1"), let control = dlsym(process, "epoll_ctl"),
      let wait = dlsym(process, "epoll_wait")
    else { return nil }
    self.wait = unsafeBitCast(wait, to: (@convention(c) (Int32, UnsafeMutableRawPointer, Int32, Int32) -> Int32).self)
    descriptor = unsafeBitCast(create, to: (@convention(c) (Int32) -> Int32).self)(0)
    // EPOLLIN | EPOLLET, and the socket as data; EPOLL_CTL_ADD is 1.
    var event: [UInt32] = [1 | 1 << 31, UInt32(socket), 0, 0]
    let add = unsafeBitCast(control, to: (@convention(c) (Int32, Int32, Int32, UnsafeMutableRawPointer) -> Int32).self)
    guard add(descriptor, 1, socket, &event) == 0 else { return nil }
  }

  deinit { close(descriptor) }

  func hasEvent(within milliseconds: Int32) -> Bool {
    var event: [UInt32] = [0, 0, 0, 0]
    return wait(descriptor, &event, 1, milliseconds) == 1
  }
}
