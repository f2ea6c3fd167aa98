import Tiles

/// Rows, tokens and other run-time counts that the library's operators take at most.
public let mostRows = 1_048_576
