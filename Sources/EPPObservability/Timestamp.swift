import FoundationEssentials

/// A point in time with a resolution of a millisecond.
package struct Timestamp: Sendable, Equatable {
  /// Milliseconds since 1970-01-01T00:00:00Z.
  package var milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// Returns the current time of the system's clock.
  package static func now() -> Timestamp {
    Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
  }

  /// Appends the time in the format of RFC 3339, in UTC: `2026-03-01T09:05:07.042Z`.
  func append(to bytes: inout [UInt8]) {
    let seconds = milliseconds.flooredQuotient(by: 1000)
    let days = seconds.flooredQuotient(by: 86_400)
    let secondOfDay = seconds - days * 86_400
    let date = CivilDate(daysSince1970: days)
    bytes.append(decimal: date.year, digits: 4)
    bytes.append(0x2D)
    bytes.append(decimal: date.month, digits: 2)
    bytes.append(0x2D)
    bytes.append(decimal: date.day, digits: 2)
    bytes.append(0x54)
    bytes.append(decimal: secondOfDay / 3600, digits: 2)
    bytes.append(0x3A)
    bytes.append(decimal: secondOfDay / 60 % 60, digits: 2)
    bytes.append(0x3A)
    bytes.append(decimal: secondOfDay % 60, digits: 2)
    bytes.append(0x2E)
    bytes.append(decimal: milliseconds - seconds * 1000, digits: 3)
    bytes.append(0x5A)
  }
}

/// A day of the Gregorian calendar.
private struct CivilDate {
  var year: Int64
  var month: Int64
  var day: Int64

  /// Converts a day number. Uses years that begin in March, so that the leap day is the last of its year, and cycles of 400
  /// years, which all have 146,097 days.
  init(daysSince1970 days: Int64) {
    let shifted = days + 719_468  // 0000-03-01
    let cycle = shifted.flooredQuotient(by: 146_097)
    let dayOfCycle = shifted - cycle * 146_097
    let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
    // Months from March on have 153 days in every five.
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
  }
}

extension Int64 {
  /// Returns the quotient rounded down, also for a negative number.
  fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
    self >= 0 ? self / divisor : (self - divisor + 1) / divisor
  }
}

extension [UInt8] {
  /// Appends a number that is not negative, with leading zeros.
  fileprivate mutating func append(decimal number: Int64, digits: Int) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(truncatingIfNeeded: 0x30 + number / divisor % 10))
      divisor /= 10
    }
  }
}
