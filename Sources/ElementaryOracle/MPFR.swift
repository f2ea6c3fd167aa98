import DynamicLibrary

/// The MPFR library (LGPL), loaded at run time where it is installed: real numbers of any precision,
/// every operation rounded correctly.
public final class MPFR: Sendable {
  typealias Number = UnsafeMutableRawPointer
  /// Rounding to nearest, in MPFR's numbering.
  static let nearest: Int32 = 0
  /// Bits of every number here: after a few operations an error in ulps is still known to about 2^-220.
  static let precision = 256

  private let library: DynamicLibrary
  let initialise: @convention(c) (Number, Int) -> Void
  let clear: @convention(c) (Number) -> Void
  let setDouble: @convention(c) (Number, Double, Int32) -> Int32
  let double: @convention(c) (Number, Int32) -> Double
  let float: @convention(c) (Number, Int32) -> Float
  let exponent: @convention(c) (Number) -> Int
  let isNaN, isInfinite, isZero, signBit: @convention(c) (Number) -> Int32

  /// Opens `libmpfr.so.6` (Debian package libmpfr6).
  public init() throws(DynamicLibraryError) {
    let library = try DynamicLibrary(named: ["libmpfr.so.6", "libmpfr.dylib"])
    self.library = library
    initialise = try library.symbol("mpfr_init2", as: (@convention(c) (Number, Int) -> Void).self)
    clear = try library.symbol("mpfr_clear", as: (@convention(c) (Number) -> Void).self)
    setDouble = try library.symbol(
      "mpfr_set_d", as: (@convention(c) (Number, Double, Int32) -> Int32).self)
    double = try library.symbol("mpfr_get_d", as: (@convention(c) (Number, Int32) -> Double).self)
    float = try library.symbol("mpfr_get_flt", as: (@convention(c) (Number, Int32) -> Float).self)
    exponent = try library.symbol("mpfr_get_exp", as: (@convention(c) (Number) -> Int).self)
    func test(_ name: String) throws(DynamicLibraryError) -> @convention(c) (Number) -> Int32 {
      try library.symbol(name, as: (@convention(c) (Number) -> Int32).self)
    }
    isNaN = try test("mpfr_nan_p")
    isInfinite = try test("mpfr_inf_p")
    isZero = try test("mpfr_zero_p")
    signBit = try test("mpfr_signbit")
  }

  /// `mpfr_NAME` of one operand.
  func unary(_ name: String) throws(DynamicLibraryError) -> (Number, Number) -> Void {
    let operation = try library.symbol(
      "mpfr_\(name)", as: (@convention(c) (Number, Number, Int32) -> Int32).self)
    return { _ = operation($0, $1, Self.nearest) }
  }

  /// `mpfr_NAME` of two operands.
  func binary(_ name: String) throws(DynamicLibraryError) -> (Number, Number, Number) -> Void {
    let operation = try library.symbol(
      "mpfr_\(name)", as: (@convention(c) (Number, Number, Number, Int32) -> Int32).self)
    return { _ = operation($0, $1, $2, Self.nearest) }
  }
}

/// A variable of the MPFR library; results are written into it.
final class MPFRNumber {
  private let library: MPFR
  let storage: MPFR.Number

  init(_ library: MPFR, _ value: Double = 0) {
    self.library = library
    // mpfr_t: precision, sign, exponent and a pointer, 32 bytes at most on any ABI.
    storage = .allocate(byteCount: 32, alignment: 16)
    library.initialise(storage, MPFR.precision)
    set(value)
  }

  func set(_ value: Double) { _ = library.setDouble(storage, value, MPFR.nearest) }

  deinit {
    library.clear(storage)
    storage.deallocate()
  }
}
