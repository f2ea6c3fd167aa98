import TileIR
import Tiles

/// The mistake in a kernel; nil if it has none.
func mistake(in kernel: Kernel) -> Diagnostic? {
  do {
    _ = try kernel.program()
    return nil
  } catch {
    return error
  }
}
