import Reference
import Runtime
import TileIR

extension HostLaunch {
  /// What the reference gives for the launch.
  ///
  /// nil, which leaves the launch to the device, where products are exact and neither they nor `functions`
  /// change the program: both give the same bits then, and the device is quicker.
  public func byReference(
    products: ProductMeaning = .asStated, functions: ForeignFunctions = .none
  ) throws -> [String: HostTensor]? {
    if products == .exact, !products.changes(program), !functions.change(program) { return nil }
    return try Reference.run(
      program, arguments, extents: extents, products: products, functions: functions)
  }
}
