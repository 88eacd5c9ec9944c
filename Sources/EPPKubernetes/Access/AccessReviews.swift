/// A TokenReview (`authentication.k8s.io/v1`): asks the API server whose token it is.
struct TokenReview: Codable {
  struct Spec: Codable {
    var token: String
  }

  struct Status: Codable {
    /// Absent when the token is not valid.
    var authenticated: Bool?
    var user: User?
  }

  /// The owner of a token, in the form that a SubjectAccessReview takes.
  struct User: Codable {
    var username: String?
    var uid: String?
    var groups: [String]?
    var extra: [String: [String]]?
  }

  static let path = "/apis/authentication.k8s.io/v1/tokenreviews"

  var apiVersion = "authentication.k8s.io/v1"
  var kind = "TokenReview"
  var spec: Spec
  var status: Status?

  init(token: String) { spec = Spec(token: token) }
}

/// A SubjectAccessReview (`authorization.k8s.io/v1`): asks the API server whether a user may read a non-resource path.
struct SubjectAccessReview: Codable {
  struct Spec: Codable {
    var user: String?
    var uid: String?
    var groups: [String]?
    var extra: [String: [String]]?
    var nonResourceAttributes: Attributes
  }

  struct Attributes: Codable {
    var path: String
    var verb: String
  }

  struct Status: Codable {
    var allowed: Bool
  }

  static let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

  var apiVersion = "authorization.k8s.io/v1"
  var kind = "SubjectAccessReview"
  var spec: Spec
  var status: Status?

  init(user: TokenReview.User, path: String) {
    spec = Spec(
      user: user.username, uid: user.uid, groups: user.groups, extra: user.extra,
      nonResourceAttributes: Attributes(path: path, verb: "get"))
  }
}
