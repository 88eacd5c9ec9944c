import EPPCore
import EPPKVEvents
import Testing

@Suite struct PublisherConnectionTests {
  private func time(_ milliseconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000).advanced(by: .milliseconds(milliseconds))
  }

  private func connection() -> PublisherConnection {
    PublisherConnection(isConnected: false, KVEventsConfiguration(), at: time(0))
  }

  @Test func aPublisherThatStaysAwayIsUnreachable() {
    var connection = connection()
    connection.opened(at: time(0))
    #expect(connection.tick(at: time(9_999), hasOtherAddressKind: false) == [])
    #expect(!connection.isUnreachable)
    #expect(connection.tick(at: time(10_000), hasOtherAddressKind: false) == [.giveUpFollowing])
    #expect(connection.isUnreachable)
    connection.connected(at: time(11_000))
    #expect(connection.isConnected && !connection.isUnreachable)
    #expect(connection.tick(at: time(99_000), hasOtherAddressKind: true) == [])
  }

  @Test func aNameIsTriedForBothKindsOfAddresses() {
    var connection = connection()
    connection.opened(at: time(0))
    #expect(connection.tick(at: time(10_000), hasOtherAddressKind: true) == [.giveUpFollowing, .tryOtherAddressKind])
    connection.opened(at: time(10_000))
    #expect(connection.isUnreachable)
    #expect(connection.tick(at: time(19_999), hasOtherAddressKind: true) == [])
    #expect(connection.tick(at: time(20_000), hasOtherAddressKind: true) == [.giveUpFollowing, .tryOtherAddressKind])
  }

  @Test func aBrokenConnectionIsMadeAnewAfterGrowingPauses() {
    var connection = connection()
    var now = 0
    for pause in [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
      connection.opened(at: time(now))
      connection.connected(at: time(now))
      _ = connection.lost(.ended, hasBroughtMessages: true, at: time(now))
      #expect(!connection.tick(at: time(now + pause - 1), hasOtherAddressKind: false).contains(.reopen))
      now += pause
      #expect(connection.tick(at: time(now), hasOtherAddressKind: false).contains(.reopen))
      #expect(!connection.tick(at: time(now), hasOtherAddressKind: false).contains(.reopen))
    }
    // A message shows that the peer is a publisher.
    connection.noteMessage()
    connection.openFailed(at: time(now))
    #expect(connection.tick(at: time(now + 2000), hasOtherAddressKind: false).contains(.reopen))
  }

  @Test func whatTheLibraryTriesAgainIsLeftToIt() {
    var connection = connection()
    _ = connection.lost(.ended, hasBroughtMessages: true, at: time(0))
    _ = connection.lost(.retried, hasBroughtMessages: true, at: time(0))
    #expect(connection.tick(at: time(9_000), hasOtherAddressKind: false) == [])
  }

  @Test func whoIsNoPublisherIsSuspectedOnce() {
    var connection = connection()
    var suspicions: [PublisherConnection.Suspicion?] = []
    for step in 0..<5 {
      suspicions.append(connection.lost(.handshakeFailed, hasBroughtMessages: false, at: time(step)))
    }
    #expect(suspicions == [nil, nil, .failsHandshakes, nil, nil])
    suspicions = []
    for step in 0..<5 {
      connection.connected(at: time(1000 * step))
      suspicions.append(connection.lost(.retried, hasBroughtMessages: false, at: time(1000 * step + 500)))
    }
    #expect(suspicions == [nil, nil, .hangsUpAtOnce, nil, nil])
    // Connections that last, or have brought something, are a publisher's.
    for step in 10..<20 {
      connection.connected(at: time(10_000 * step))
      #expect(
        connection.lost(.retried, hasBroughtMessages: step.isMultiple(of: 2), at: time(10_000 * step + 5000)) == nil)
    }
  }
}
