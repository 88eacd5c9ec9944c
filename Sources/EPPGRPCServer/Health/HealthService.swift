/// `grpc.health.v1.Health`, on the health port and beside ext_proc.
struct HealthService {
  let health: HealthState

  /// The handler of a method of this service; nil when the method is of another.
  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)? {
    switch method {
    case "/grpc.health.v1.Health/Check": HealthCheck(.check, call: call, health: health)
    case "/grpc.health.v1.Health/List": HealthCheck(.list, call: call, health: health)
    case "/grpc.health.v1.Health/Watch": HealthWatcher(call: call, health: health)
    default: nil
    }
  }
}

/// What a worker of the health port serves.
final class HealthHandlerFactory: CallHandlerFactory {
  private let service: HealthService

  init(health: HealthState) { service = HealthService(health: health) }

  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)? {
    service.makeHandler(method: method, call: call)
  }
}
