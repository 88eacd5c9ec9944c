/// Decodes and encodes the messages of `grpc.health.v1`.
enum HealthMessages {
  /// Bytes of the largest request that is read.
  private static let maximumRequestBytes = 4096

  /// Returns the service of a HealthCheckRequest; nil when the bytes are not one.
  static func service(of message: borrowing SliceList) -> String? {
    guard message.byteCount <= maximumRequestBytes else { return nil }
    var cursor = SliceCursor(message)
    var service = ""
    while !cursor.isAtEnd {
      guard let tag = cursor.readVarint() else { return nil }
      if tag == 1 << 3 | 2 {
        guard let length = cursor.readLength(), let bytes = cursor.readBytes(length) else { return nil }
        service = String(decoding: bytes, as: UTF8.self)
      } else {
        guard tag >> 3 > 0, cursor.skipField(tag & 7) else { return nil }
      }
    }
    return service
  }

  /// Encodes a HealthCheckResponse: status = 1.
  static func response(_ status: HealthState.Status) -> [UInt8] {
    var writer = WireWriter()
    writer.field(1, status.rawValue)
    return writer.bytes
  }

  /// Encodes a HealthListResponse: statuses = 1, a map of service to HealthCheckResponse.
  static func list(_ health: HealthState) -> [UInt8] {
    var writer = WireWriter()
    for service in HealthState.listedServices {
      writer.message(1) { writer in
        writer.field(1, service)
        writer.field(2, response(health.status(of: service)))
      }
    }
    return writer.bytes
  }
}
