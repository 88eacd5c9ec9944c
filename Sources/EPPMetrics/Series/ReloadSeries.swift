/// What is shown of the configuration's reloads. Any thread may write to it.
package struct ReloadSeries: Sendable {
  /// How an attempt ended; the raw value is that of the label `result`.
  package enum Result: String, Sendable, CaseIterable {
    case success
    /// The file was read and is wrong.
    case invalid
    /// The file could not be read.
    case readError = "read_error"
  }

  private let families: SchedulingFamilies

  init(_ families: SchedulingFamilies) {
    self.families = families
    for result in Result.allCases { _ = families.reloads.cell([result.rawValue]) }
    families.isConfigurationValid.cell([]).set(1)
  }

  /// Counts an attempt: `epp_config_reloads_total`, and `epp_config_valid`.
  package func count(_ result: Result) {
    families.reloads.cell([result.rawValue]).increment()
    families.isConfigurationValid.cell([]).set(result == .success ? 1 : 0)
  }

  /// Sets when the configuration in force was read: `epp_config_loaded_timestamp_seconds`, in seconds since 1970.
  package func setLoaded(at time: Double) { families.configurationLoaded.cell([]).set(time) }
}

extension PickerMetrics {
  /// The series of reloads. On the page from the first call on.
  package func reloadSeries() -> ReloadSeries { ReloadSeries(families.scheduling) }
}
