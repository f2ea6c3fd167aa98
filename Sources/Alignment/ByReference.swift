import Reference
import Runtime
import TileIR

extension HostLaunch {
  /// What the reference gives for the launch.
  ///
  /// nil, which leaves the launch to the device, where products are exact and the program has none: both give
  /// the same bits then, and the device is quicker.
  public func byReference(products: ProductMeaning = .asStated) throws -> [String: HostTensor]? {
    if products == .exact, !products.changes(program) { return nil }
    return try Reference.run(program, arguments, extents: extents, products: products)
  }
}
