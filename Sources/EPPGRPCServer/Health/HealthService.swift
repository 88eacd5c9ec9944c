/// The service `grpc.health.v1.Health`, which both ports serve.
struct HealthService {
  /// The state that calls report.
  let health: HealthState

  /// Makes the handler of a call; nil when the method is not one of this service.
  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)? {
    switch method {
    case "/grpc.health.v1.Health/Check": HealthCheck(.check, call: call, health: health)
    case "/grpc.health.v1.Health/List": HealthCheck(.list, call: call, health: health)
    case "/grpc.health.v1.Health/Watch": HealthWatcher(call: call, health: health)
    default: nil
    }
  }
}

/// Makes the handlers of the calls of the health port.
final class HealthHandlerFactory: CallHandlerFactory {
  private let service: HealthService

  init(health: HealthState) { service = HealthService(health: health) }

  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)? {
    service.makeHandler(method: method, call: call)
  }
}
